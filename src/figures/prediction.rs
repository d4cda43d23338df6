//! Fig. 2b-e: what D2L says of a weakly and a strongly disordered lattice.

use super::axes::{Axis, Panel, range, round_up};
use super::colour;
use super::picture::{Camera, Structure};
use super::svg::{Area, Svg};

/// A structure with its mode areas (N), sorted.
#[derive(Clone, Copy)]
pub struct Prediction<'a> {
    /// The structure.
    pub structure: Structure<'a>,
    /// From the Hamiltonian.
    pub truth: &'a [f64],
    /// From D2L.
    pub ml: &'a [f64],
}

/// Fig. 2b-e: pictures above, curves below.
pub fn prediction(weak: Prediction, strong: Prediction) -> String {
    let mut svg = Svg::new(820.0, 680.0);
    let camera = Camera::over(&[weak.structure, strong.structure]);
    let (_, high) = range([weak.truth, weak.ml, strong.truth, strong.ml].into_iter().flatten());
    for (x, letters, title, sample) in [(60.0, ["b", "d"], "Weak disorder", weak), (420.0, ["c", "e"], "Strong disorder", strong)] {
        let picture = Area { x, y: 32.0, width: 300.0, height: 300.0 };
        camera.draw(&mut svg, picture, sample.structure);
        camera.caption(&mut svg, picture, letters[0], title);
        let plot = Area { x: x + 12.0, y: 380.0, width: 288.0, height: 240.0 };
        overlay(&mut svg, plot, round_up(high), letters[1], [("Truth", sample.truth), ("ML (D2L)", sample.ml)]);
    }
    camera.colour_bar(&mut svg, Area { x: 740.0, y: 52.0, width: 12.0, height: 260.0 });
    svg.finish("Fig. 2b-e: mode areas of two lattices, truth and prediction")
}

/// Two mode-area curves in one plot, the first red, the second black, both dotted as in the paper (Fig. 2d, e, 4c, f).
pub(super) fn overlay(svg: &mut Svg, area: Area, high: f64, letter: &str, curves: [(&str, &[f64]); 2]) {
    let modes = curves[0].1.len() as f64;
    let panel =
        Panel { area, horizontal: Axis::linear(0.0, modes, "Mode number *m*"), vertical: Axis::linear(0.0, high, "Mode area *w*_{m}") };
    // The upper dots are smaller, so that the lower ones show where both agree.
    let pens = [(colour::TRUTH, 3.4), (colour::INK, 1.8)].map(|(colour, width)| {
        format!("stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\" stroke-dasharray=\"0.1 4.5\"")
    });
    for ((_, curve), pen) in curves.iter().zip(&pens) {
        panel.line(svg, curve.iter().enumerate().map(|(m, w)| (m as f64 + 0.5, *w)), pen);
    }
    panel.frame(svg, letter, "");
    let entries: Vec<_> = pens.into_iter().zip(curves).map(|(pen, (name, _))| (pen, name)).collect();
    panel.legend(svg, (0.06, 0.09), &entries);
}
