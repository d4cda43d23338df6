//! A sweep: what each setting reaches, a panel a quantity, a line a setting.

use super::axes::{Axis, Panel, range};
use super::colour;
use super::svg::{Anchor, Area, SMALL, Svg};

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
pub fn grid(settings: &[String], quantities: &[Quantity]) -> String {
    let n = settings.len() as f64;
    let names: Vec<String> = settings.iter().rev().map(|name| shortened(name)).collect();
    let left = LETTER * names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64 + GAP;
    let mut svg = Svg::new(left + (WIDTH + GAP) * quantities.len() as f64 + GAP, LINE * n + 96.0);
    for (place, Quantity { label, paper, values }) in quantities.iter().enumerate() {
        let area = Area { x: left + (WIDTH + GAP) * place as f64, y: 28.0, width: WIDTH, height: LINE * n };
        let (low, high) = range(values.iter().flatten().chain(paper));
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
            if middle.is_finite() {
                let bar = format!("stroke=\"{}\" stroke-width=\"2\"", colour::MEAN);
                panel.line(&mut svg, [(middle, line - 0.36), (middle, line + 0.36)], &bar);
            }
            panel.dots(&mut svg, of.iter().filter(|v| v.is_finite()).map(|v| (*v, line)), 2.6, colour::DESIGN);
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

/// The mean of the finite values; NaN of none.
fn mean(values: &[f64]) -> f64 {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    finite.iter().sum::<f64>() / finite.len() as f64
}
