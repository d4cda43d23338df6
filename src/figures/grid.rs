//! A sweep: what each setting reaches, a panel a quantity, a line a setting.

use super::axes::{Axis, Panel, range};
use super::colour;
use super::svg::{Anchor, Area, SMALL, Svg};
use std::ops::RangeInclusive;

/// One number of every setting.
#[derive(Debug, Clone)]
pub struct Quantity {
    /// Its name (with the markup of texts).
    pub label: &'static str,
    /// The paper's value, where it has one.
    pub paper: Option<f64>,
    /// For each setting the values of its seeds; one that could not be had is not finite.
    pub values: Vec<Vec<f64>>,
}

/// Width of a panel, of the room between two, and of a letter of the names before the first.
const WIDTH: f64 = 156.0;
const GAP: f64 = 24.0;
const LETTER: f64 = 6.4;
/// Longest name that is shown whole.
const MOST: usize = 80;
/// Height of a line.
const LINE: f64 = 20.0;

/// Seeds as dots and their mean as a bar, setting by setting from the top; dashed the paper's value, grey line the first setting's mean.
/// What lies far from the others, as a collapsed run does, is a grey dot at the panel's side.
pub fn grid(settings: &[String], quantities: &[Quantity]) -> String {
    let n = settings.len() as f64;
    let names: Vec<String> = settings.iter().rev().map(|name| shortened(name)).collect();
    let left = LETTER * names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64 + GAP;
    let mut svg = Svg::new(left + (WIDTH + GAP) * quantities.len() as f64 + GAP, LINE * n + 96.0);
    for (place, Quantity { label, paper, values }) in quantities.iter().enumerate() {
        let area = Area { x: left + (WIDTH + GAP) * place as f64, y: 28.0, width: WIDTH, height: LINE * n };
        let near = near(values.iter().flatten());
        let (low, high) = range(values.iter().flatten().filter(|v| near.contains(v)).chain(paper));
        let margin = 0.06 * (high - low).max(1e-9 * high.abs().max(1e-300));
        let horizontal = Axis::linear(low - margin, high + margin, label);
        let shown = if place == 0 { names.clone() } else { vec![String::new(); names.len()] };
        let panel = Panel { area, horizontal, vertical: Axis::names(shown, "") };
        let across = |svg: &mut Svg, value: f64, style: &str| {
            if value.is_finite() {
                panel.line(svg, [(value, -0.5), (value, n - 0.5)], style);
            }
        };
        across(&mut svg, values.first().map_or(f64::NAN, |of| mean(of)), &format!("stroke=\"{}\"", colour::GHOST));
        across(&mut svg, paper.unwrap_or(f64::NAN), &format!("stroke=\"{}\" stroke-dasharray=\"5 4\"", colour::TRUTH));
        for (at, of) in values.iter().enumerate() {
            let line = n - 1.0 - at as f64;
            let middle = mean(of);
            if panel.horizontal.held(middle) == middle {
                let bar = format!("stroke=\"{}\" stroke-width=\"2\"", colour::MEAN);
                panel.line(&mut svg, [(middle, line - 0.36), (middle, line + 0.36)], &bar);
            }
            for value in of.iter().copied().filter(|v| v.is_finite()) {
                let held = panel.horizontal.held(value);
                panel.dots(&mut svg, [(held, line)], 2.6, if held == value { colour::DESIGN } else { colour::GHOST });
            }
        }
        panel.ticks(&mut svg);
        svg.text((area.x + WIDTH / 2.0, area.y + area.height + 36.0), Anchor::Middle, SMALL, label);
    }
    svg.finish("A sweep: each setting's numbers")
}

/// A name that fits before the panels.
fn shortened(name: &str) -> String {
    if name.chars().count() <= MOST { name.into() } else { format!("{}\u{2026}", name.chars().take(MOST - 1).collect::<String>()) }
}

/// The finite values without a sixteenth at each end, and as much room again on both sides.
fn near<'a>(values: impl Iterator<Item = &'a f64>) -> RangeInclusive<f64> {
    let mut sorted: Vec<f64> = values.copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NEG_INFINITY..=f64::INFINITY };
    let (low, high) = (sorted[last / 16], sorted[last - last / 16]);
    low - (high - low)..=high + (high - low)
}

/// The mean of the finite values; NaN of none.
fn mean(values: &[f64]) -> f64 {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    finite.iter().sum::<f64>() / finite.len() as f64
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_collapsed_run_is_far_and_no_others_are() {
        let runs: Vec<f64> = (0..30).map(|run| 90.0 + 0.1 * f64::from(run)).chain([-890.0, f64::NAN]).collect();
        assert_eq!([88.0, 92.9, 94.6, -890.0].map(|v| near(runs.iter()).contains(&v)), [true, true, true, false]);
        assert!(near([5.0].iter()).contains(&5.0) && near([].iter()).contains(&1.0));
    }
}
