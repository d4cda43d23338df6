//! What the last layer of L2D looks like (the network behind Fig. 5b): weight strengths before and after training, and whether sites
//! with strong weights are those that move.

use super::axes::{Axis, Panel, colour_bar, range};
use super::colour::{self, INFERNO, VIRIDIS};
use super::svg::{Anchor, Area, SMALL, Svg};
use super::tails::{Behind, Tail, fitted};
use crate::Result;
use crate::analysis::powerlaw::Fit;

/// The weight strengths of one network.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// W_j before the first step, one a site.
    pub before: &'a [f64],
    /// W_j after training.
    pub after: &'a [f64],
    /// The fit of `after`.
    pub fit: &'a Fit,
    /// Mean displacement of each site over the designs, in periods.
    pub displacement: &'a [f64],
    /// What to say of their correlation.
    pub correlation: &'a str,
}

/// Fig. 5w: (a) the distributions of W_j, (b) W_j against displacement, (c, d) both over the lattice.
///
/// # Errors
/// Strengths that no power law can be fitted to ([`crate::analysis::powerlaw::check`]).
pub fn weights(weights: Weights) -> Result<String> {
    let mut svg = Svg::new(860.0, 690.0);
    let strength = "Weight strength *W*_{j}";
    let left = Area { x: 72.0, y: 36.0, width: 310.0, height: 250.0 };
    let tail = Tail { letter: "a", title: "Before and after training", label: strength, values: weights.after, fit: weights.fit };
    let before = Behind { values: weights.before, colour: colour::MEAN };
    let dots = |colour: &str| format!("stroke=\"{colour}\" stroke-width=\"5\" stroke-linecap=\"round\" stroke-dasharray=\"0.1 7\"");
    let panel = fitted(&mut svg, left, tail, Some(before), None)?;
    panel.legend(&mut svg, (0.06, 0.58), &[(dots(colour::DESIGN), "trained"), (dots(colour::MEAN), "before")]);

    let ends = |values: &[f64]| {
        let (low, high) = range(values);
        (low - 0.04 * (high - low), high + 0.04 * (high - low))
    };
    let ((low, high), (least, most)) = (ends(weights.after), ends(weights.displacement));
    let right = Area { x: 490.0, ..left };
    let vertical = Axis::linear(least, most + 0.12 * (most - least), "Mean displacement (period)");
    let panel = Panel { area: right, horizontal: Axis::linear(low, high, strength), vertical };
    for (w, d) in weights.after.iter().zip(weights.displacement) {
        svg.circle(panel.at((*w, *d)), 2.8, &format!("fill=\"{}\" fill-opacity=\"0.55\"", colour::DESIGN));
    }
    panel.frame(&mut svg, "b", "Every site");
    svg.text_over((right.x + right.width - 10.0, right.y + 18.0), Anchor::End, SMALL, weights.correlation);

    for (x, letter, title, label, values, scale) in [
        (72.0, "c", "Weight strength", strength, weights.after, &INFERNO),
        (490.0, "d", "Mean displacement", "Mean displacement (period)", weights.displacement, &VIRIDIS),
    ] {
        let size = values.len().isqrt();
        let (low, high) = range(values);
        let colours = Axis::linear(low, high, label);
        let map = Area { x, y: 372.0, width: 255.0, height: 255.0 };
        let cells: Vec<_> = values.iter().map(|v| Some(colour::step(colours.fraction(*v)))).collect();
        svg.raster(map, size, size, &cells, &colour::palette(scale));
        let axis = |label| Axis::linear(-0.5, size as f64 - 0.5, label);
        Panel { area: map, horizontal: axis("*n*_{x}"), vertical: axis("*n*_{y}") }.frame(&mut svg, letter, title);
        colour_bar(&mut svg, Area { x: x + 267.0, y: 372.0, width: 12.0, height: 255.0 }, &colours, scale);
    }
    Ok(svg.finish("Weight strengths of L2D and the displacement of its designs"))
}
