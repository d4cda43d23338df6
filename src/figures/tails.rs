//! Fig. 5 (and 4g-1): complementary cumulative distributions with the power law fitted to their tails.

use super::axes::{Axis, Panel};
use super::colour;
use super::svg::{Anchor, Area, SMALL, Svg};
use crate::Result;
use crate::analysis::powerlaw::{self, Fit};

/// One panel: a sample and its fit.
#[derive(Clone, Copy)]
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

/// Fig. 5: panels side by side, two a row.
///
/// # Errors
/// Values that no power law can be fitted to ([`powerlaw::check`]).
pub fn tails(panels: &[Tail]) -> Result<String> {
    let rows = panels.len().div_ceil(2);
    let mut svg = Svg::new(if panels.len() > 1 { 780.0 } else { 400.0 }, 340.0 * rows as f64);
    for (i, tail) in panels.iter().enumerate() {
        let area = Area { x: 72.0 + 390.0 * (i % 2) as f64, y: 36.0 + 340.0 * (i / 2) as f64, width: 290.0, height: 245.0 };
        fitted(&mut svg, area, *tail, None)?;
    }
    Ok(svg.finish("Fig. 5: heavy tails and their power laws"))
}

/// One panel, with the distribution of the seeds behind it where there is one to compare with.
pub(super) fn fitted(svg: &mut Svg, area: Area, tail: Tail, seed: Option<&[f64]>) -> Result<()> {
    let data = powerlaw::ccdf(tail.values)?;
    let behind = seed.map(powerlaw::ccdf).transpose()?.unwrap_or_default();
    let fit = tail.fit;
    let (smallest, largest) = (data[0].0, data[data.len() - 1].0.max(behind.last().map_or(0.0, |p| p.0)));
    // The body of the distribution is flat at 1: one decade below the tail shows enough of it.
    let horizontal = Axis::log(smallest.max(fit.xmin / 10.0), 1.15 * largest, tail.label);
    let vertical = Axis::log(0.6 / fit.n as f64, 1.6, "Share at or above");
    let panel = Panel { area, horizontal, vertical };
    let shown = |points: Vec<(f64, f64)>| {
        points.into_iter().filter(|p| panel.horizontal.fraction(p.0) >= 0.0 && panel.vertical.fraction(p.1) >= 0.0)
    };
    panel.dots(svg, shown(behind), 1.5, colour::SEED);
    panel.dots(svg, shown(data), 1.8, colour::DESIGN);
    let end = largest_x(fit, 0.6 / fit.n as f64).min(1.15 * largest);
    let dashed = "stroke=\"#222\" stroke-width=\"1.6\" stroke-dasharray=\"6 4\"";
    panel.line(svg, [fit.xmin, end].map(|x| (x, fit.ccdf(x))), dashed);
    svg.circle(panel.at((fit.xmin, fit.ccdf(fit.xmin))), 4.2, "fill=\"#222\" stroke=\"#fff\"");
    panel.frame(svg, tail.letter, tail.title);
    let corner = (area.x + 12.0, area.y + area.height - 28.0);
    svg.text(corner, Anchor::Start, SMALL, &format!("exponent {:.2} \u{b1} {:.2}", fit.alpha, fit.sigma));
    svg.text((corner.0, corner.1 + 15.0), Anchor::Start, SMALL, &format!("lower bound {}", short(fit.xmin)));
    Ok(())
}

/// Where the fitted line falls to `share`.
fn largest_x(fit: &Fit, share: f64) -> f64 {
    fit.xmin * (fit.ccdf(fit.xmin) / share).powf(1.0 / (fit.alpha - 1.0))
}

/// Three digits.
fn short(value: f64) -> String {
    let decimals = (2.0 - value.log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}
