//! Fig. 4g and S8: how far sites move, in seeds and in designs, with the power law of the designs and their tail.

use super::axes::{Axis, Panel, range, round_up};
use super::colour;
use super::histogram::{density, filled, quantile};
use super::svg::{Area, Svg};
use super::tails::{Behind, Tail, fitted};
use crate::Result;
use crate::analysis::powerlaw::Fit;

/// Displacement lengths of one set of seeds and designs, in periods.
#[derive(Debug, Clone, Copy)]
pub struct Displaced<'a> {
    /// The panel's letter; its insets are letter-1 and letter-2.
    pub letter: &'a str,
    /// Which set this is.
    pub title: &'a str,
    /// Every site of the seeds.
    pub seed: &'a [f64],
    /// Every site of the designs.
    pub design: &'a [f64],
    /// The fit of the designs.
    pub fit: &'a Fit,
}

const ROW: f64 = 525.0;

/// Fig. 4g, g-1, g-2, a row for each set. The hundredth of the designs' sites that moves furthest may lie beyond g; g-1 shows them all.
///
/// # Errors
/// Lengths that no power law can be fitted to ([`crate::analysis::powerlaw::check`]).
pub fn displacement(sets: &[Displaced], title: &str) -> Result<String> {
    let mut svg = Svg::new(910.0, ROW * sets.len() as f64);
    for (row, set) in sets.iter().enumerate() {
        let y = 36.0 + ROW * row as f64;
        let longest = round_up(range(set.seed).1.max(quantile(set.design, 0.99)));
        let whole = Area { x: 78.0, y, width: 440.0, height: 430.0 };
        let panel = histogram(&mut svg, whole, (0.0, longest), bins(set.design, 150), (set.seed, set.design), 1.06);
        panel.frame(&mut svg, set.letter, set.title);
        panel.legend(&mut svg, (0.7, 0.06), &legend());
        let inset = |y| Area { x: 615.0, y, width: 270.0, height: 170.0 };
        let (first, second) = (format!("{}-1", set.letter), format!("{}-2", set.letter));
        let tail = Tail { letter: &first, title: "Power law of the designs", label: LENGTH, values: set.design, fit: set.fit };
        fitted(&mut svg, inset(y), tail, Some(Behind { values: set.seed, colour: colour::SEED }), None)?;
        let enlarged = histogram(&mut svg, inset(y + 260.0), (0.4, 0.8), bins(set.design, 40), (set.seed, set.design), 1.06);
        enlarged.frame(&mut svg, &second, "The tail, enlarged");
    }
    Ok(svg.finish(title))
}

/// Quantity and unit of every such axis.
const LENGTH: &str = "Displacement Δ*r* (period)";
const DENSITY: &str = "Probability density (1/period)";

/// Seeds and designs.
pub(super) fn legend() -> Vec<(String, &'static str)> {
    let pen = |colour| format!("stroke=\"{colour}\" stroke-width=\"6\" stroke-opacity=\"0.7\"");
    vec![(pen(colour::SEED), "Seeds"), (pen(colour::DESIGN), "Designs")]
}

/// At most so many bins; fewer where so few values would show as noise.
pub(super) fn bins(values: &[f64], most: usize) -> usize {
    (values.len().isqrt() * most / 150).clamp(most / 4, most)
}

/// Densities of both samples over `ends`, as filled steps, with `room` times the height of the highest. The frame is the caller's.
pub(super) fn histogram(svg: &mut Svg, area: Area, ends: (f64, f64), bins: usize, (seed, design): (&[f64], &[f64]), room: f64) -> Panel {
    let densities = [seed, design].map(|values| density(values, ends, bins));
    let top = room * range(densities.iter().flatten()).1;
    let panel = Panel { area, horizontal: Axis::linear(ends.0, ends.1, LENGTH), vertical: Axis::linear(0.0, top, DENSITY) };
    for (density, colour) in densities.iter().zip([colour::SEED, colour::DESIGN]) {
        filled(svg, &panel, density, ends, colour);
    }
    panel
}
