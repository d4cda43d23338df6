//! Fig. S9: designs and weights of both network variants, and the spectral exponents of their layers.

use super::axes::{Axis, range};
use super::colour;
use super::series::{Series, curves, entries};
use super::svg::{Area, Svg};
use super::tails::{Tail, grid};
use crate::Result;

/// The power law that the eigenvalues of one layer follow (Martin and Mahoney, the paper's refs 55, 56).
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name: conv1 ... fc2.
    pub name: String,
    /// Exponent of the trained D2L, with its standard error.
    pub d2l: (f64, f64),
    /// The same of the trained L2D.
    pub l2d: (f64, f64),
}

/// Fig. S9: `panels` (displacement and weights of one variant, then of the other) and below them the exponents of each variant's layers.
///
/// # Errors
/// Values that no power law can be fitted to ([`crate::analysis::powerlaw::check`]).
pub fn variants(panels: &[Tail; 4], layers: [&[Layer]; 2]) -> Result<String> {
    let mut svg = Svg::new(780.0, 1010.0);
    grid(&mut svg, panels)?;
    let exponents = layers.map(|layers| {
        // On a logarithmic axis no bar may reach zero.
        let held = |(alpha, error): (f64, f64)| (alpha, error.min(alpha / 2.0));
        let point = |i: usize, (alpha, error)| (i as f64, alpha, error);
        let points = |of: fn(&Layer) -> (f64, f64)| layers.iter().enumerate().map(|(i, l)| point(i, held(of(l)))).collect();
        [
            Series { name: "L2D", colour: colour::DESIGN, dashed: false, points: points(|l| l.l2d) },
            Series { name: "D2L", colour: colour::MEAN, dashed: true, points: points(|l| l.d2l) },
        ]
    });
    let ends: Vec<f64> = exponents.iter().flatten().flat_map(|s| &s.points).flat_map(|p| [p.1 - p.2, p.1 + p.2]).collect();
    let (low, high) = range(&ends);
    for (i, (series, letter)) in exponents.iter().zip(["e", "f"]).enumerate() {
        let area = Area { x: 72.0 + 390.0 * i as f64, y: 716.0, width: 290.0, height: 245.0 };
        let names = layers[i].iter().map(|layer| layer.name.clone()).collect();
        let axes = (Axis::names(names, "Layer"), Axis::log(low / 1.2, 1.8 * high, "Spectral exponent"));
        let title = ["Three pools: layers", "One pool: layers"][i];
        let panel = curves(&mut svg, area, axes, series, (letter, title));
        panel.legend(&mut svg, (0.72, 0.08), &entries(series));
    }
    Ok(svg.finish("Fig. S9: designs and networks of both variants"))
}
