//! Fig. 5, S5, S9 (and 4g-1): complementary cumulative distributions with the power law fitted to their tails.

use super::axes::{Axis, Panel};
use super::colour;
use super::svg::{Anchor, Area, SMALL, Svg};
use crate::Result;
use crate::analysis::powerlaw::{self, Fit};

/// One panel: a sample and its fit.
#[derive(Debug, Clone, Copy)]
pub struct Tail<'a> {
    /// The panel's letter.
    pub letter: &'a str,
    /// What the panel shows.
    pub title: &'a str,
    /// The horizontal axis: quantity and unit.
    pub label: &'static str,
    /// The sample, positive.
    pub values: &'a [f64],
    /// Its fit.
    pub fit: &'a Fit,
}

/// A sample that is drawn behind another, to compare with.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    pub values: &'a [f64],
    pub colour: &'static str,
}

/// Panels side by side, two a row.
///
/// # Errors
/// Values that no power law can be fitted to ([`powerlaw::check`]).
pub fn tails(panels: &[Tail], title: &str) -> Result<String> {
    let mut svg = Svg::new(if panels.len() > 1 { 780.0 } else { 400.0 }, 340.0 * panels.len().div_ceil(2) as f64);
    grid(&mut svg, panels)?;
    Ok(svg.finish(title))
}

/// The panels of [`tails`]. Panels of one quantity share their horizontal axis, so that tails can be compared by eye.
pub(super) fn grid(svg: &mut Svg, panels: &[Tail]) -> Result<()> {
    let ends: Vec<(f64, f64)> = panels.iter().map(|tail| ends(tail, None)).collect::<Result<_>>()?;
    for (i, tail) in panels.iter().enumerate() {
        let same = panels.iter().zip(&ends).filter(|(other, _)| other.label == tail.label).map(|(_, ends)| *ends);
        let shared = same.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let area = Area { x: 72.0 + 390.0 * (i % 2) as f64, y: 36.0 + 340.0 * (i / 2) as f64, width: 290.0, height: 245.0 };
        fitted(svg, area, *tail, None, shared)?;
    }
    Ok(())
}

/// What the horizontal axis spans. The body of the distribution is flat at 1: one decade below the tail shows enough of it.
fn ends(tail: &Tail, behind: Option<Behind>) -> Result<(f64, f64)> {
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    powerlaw::check(tail.values)?;
    let smallest = tail.values.iter().copied().fold(f64::INFINITY, f64::min);
    let last = largest(tail.values).max(behind.map_or(0.0, |b| largest(b.values)));
    Ok((smallest.max(tail.fit.xmin / 10.0), 1.15 * last))
}

/// One panel, over the horizontal range `shared` where panels have one in common.
pub(super) fn fitted(svg: &mut Svg, area: Area, tail: Tail, behind: Option<Behind>, shared: Option<(f64, f64)>) -> Result<Panel> {
    let fit = tail.fit;
    let (low, high) = shared.map_or_else(|| ends(&tail, behind), Ok)?;
    let lowest = 0.6 / tail.values.len() as f64;
    let panel = Panel { area, horizontal: Axis::log(low, high, tail.label), vertical: Axis::log(lowest, 1.6, "Share at or above") };
    let shown = |points: Vec<(f64, f64)>| {
        points.into_iter().filter(|p| panel.horizontal.fraction(p.0) >= 0.0 && panel.vertical.fraction(p.1) >= 0.0)
    };
    if let Some(Behind { values, colour }) = behind {
        panel.dots(svg, shown(powerlaw::ccdf(values)?), 1.5, colour);
    }
    panel.dots(svg, shown(powerlaw::ccdf(tail.values)?), 1.8, colour::DESIGN);
    let end = largest_x(fit, lowest).min(high);
    let dashed = "stroke=\"#222\" stroke-width=\"1.6\" stroke-dasharray=\"6 4\"";
    panel.line(svg, [fit.xmin, end].map(|x| (x, fit.ccdf(x))), dashed);
    svg.circle(panel.at((fit.xmin, fit.ccdf(fit.xmin))), 4.2, "fill=\"#222\" stroke=\"#fff\"");
    panel.frame(svg, tail.letter, tail.title);
    let corner = (area.x + 12.0, area.y + area.height - 28.0);
    svg.text_over(corner, Anchor::Start, SMALL, &format!("exponent {:.2}", fit.alpha));
    svg.text_over((corner.0, corner.1 + 15.0), Anchor::Start, SMALL, &format!("lower bound {}", short(fit.xmin)));
    Ok(panel)
}

/// Where the fitted line falls to `share`.
fn largest_x(fit: &Fit, share: f64) -> f64 {
    fit.xmin * (fit.ccdf(fit.xmin) / share).powf(1.0 / (fit.alpha - 1.0))
}

/// Three digits.
pub(super) fn short(value: f64) -> String {
    let decimals = (2.0 - value.log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}
