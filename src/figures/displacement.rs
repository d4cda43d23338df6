//! Fig. 4g: how far sites move, in seeds and in designs, with the tail of the designs.

use super::axes::{Axis, Panel, range, round_up};
use super::colour;
use super::svg::{Area, Svg};
use super::tails::{Tail, fitted};
use crate::Result;
use crate::analysis::powerlaw::Fit;

/// Bins of the histogram over the whole range.
const BINS: usize = 150;

/// Fig. 4g, g-1, g-2 from the displacement lengths of seeds and designs, in periods, and the fit of the designs.
/// The hundredth of the designs' sites that moves furthest may lie beyond g; g-1 shows them all.
///
/// # Errors
/// Lengths that no power law can be fitted to ([`crate::analysis::powerlaw::check`]).
pub fn displacement(seed: &[f64], design: &[f64], fit: &Fit) -> Result<String> {
    let mut svg = Svg::new(960.0, 650.0);
    let quantity = "Displacement Δ*r* (period)";

    let longest = round_up(range(seed).1.max(quantile(design, 0.99)));
    let whole = Area { x: 78.0, y: 36.0, width: 470.0, height: 545.0 };
    let panel = histogram(&mut svg, whole, (0.0, longest), BINS, (seed, design), quantity);
    panel.frame(&mut svg, "g", "");
    let pens = [colour::SEED, colour::DESIGN].map(|colour| format!("stroke=\"{colour}\" stroke-width=\"6\" stroke-opacity=\"0.7\""));
    panel.legend(&mut svg, (0.7, 0.06), &pens.into_iter().zip(["Seeds", "Designs"]).collect::<Vec<_>>());

    let tail = Tail { letter: "g-1", title: "Power law of the designs", label: quantity, values: design, fit };
    fitted(&mut svg, Area { x: 650.0, y: 36.0, width: 285.0, height: 225.0 }, tail, Some(seed))?;

    let extended = Area { x: 650.0, y: 356.0, width: 285.0, height: 225.0 };
    histogram(&mut svg, extended, (0.4, 0.8), 40, (seed, design), quantity).frame(&mut svg, "g-2", "The tail, enlarged");
    Ok(svg.finish("Fig. 4g: displacements of seeds and designs"))
}

/// Densities of both samples between `low` and `high`, as filled steps.
fn histogram(
    svg: &mut Svg,
    area: Area,
    (low, high): (f64, f64),
    bins: usize,
    (seed, design): (&[f64], &[f64]),
    label: &'static str,
) -> Panel {
    let densities = [seed, design].map(|values| density(values, low, high, bins));
    let top = 1.06 * range(densities.iter().flatten()).1;
    let panel =
        Panel { area, horizontal: Axis::linear(low, high, label), vertical: Axis::linear(0.0, top, "Probability density (1/period)") };
    let edge = |bin: usize| low + (high - low) * bin as f64 / bins as f64;
    for (density, colour) in densities.iter().zip([colour::SEED, colour::DESIGN]) {
        let steps = || density.iter().enumerate().flat_map(|(bin, d)| [(edge(bin), *d), (edge(bin + 1), *d)]);
        let outline = [(low, 0.0)].into_iter().chain(steps()).chain([(high, 0.0)]);
        svg.polygon(outline.map(|point| panel.at(point)), &format!("fill=\"{colour}\" fill-opacity=\"0.32\""));
        panel.line(svg, steps(), &format!("stroke=\"{colour}\" stroke-width=\"1.6\""));
    }
    panel
}

/// Share of all `values` in each of `bins` bins from `low` to `high`, over the bin's width.
fn density(values: &[f64], low: f64, high: f64, bins: usize) -> Vec<f64> {
    let width = (high - low) / bins as f64;
    let mut density = vec![0.0; bins];
    for value in values.iter().filter(|v| (low..high).contains(v)) {
        density[(((value - low) / width) as usize).min(bins - 1)] += 1.0 / (width * values.len() as f64);
    }
    density
}

/// The value that `share` of the values do not exceed; 0 of nothing.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    let place = (share * values.len().saturating_sub(1) as f64) as usize;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(place, f64::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_counts_all_values_but_shows_a_part() {
        assert_eq!(density(&[0.1, 0.45, 0.55, 0.9], 0.0, 0.5, 2), [1.0, 1.0]);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
    }
}
