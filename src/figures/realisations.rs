//! Fig. S3: the fit of Fig. 4g-1 against the number of realisations that it is made on.

use super::axes::Axis;
use super::colour;
use super::series::{Series, curves, entries, log_width, span};
use super::svg::{Area, Svg};
use crate::analysis::powerlaw::Growth;

/// Fig. S3a, b, for named samples; the bars are standard deviations over the sub-samples.
pub fn realisations(samples: &[(&str, &[Growth])]) -> String {
    let mut svg = Svg::new(860.0, 345.0);
    let series = |of: fn(&Growth) -> (f64, f64)| -> Vec<Series> {
        let colours = [colour::DESIGN, colour::MEAN].into_iter().cycle();
        let points = |points: &[Growth]| points.iter().map(|p| (p.realisations as f64, of(p).0, of(p).1)).collect();
        samples.iter().zip(colours).map(|((name, p), colour)| Series { name, colour, dashed: false, points: points(p) }).collect()
    };
    // A legend stands above the curves.
    let room = if samples.len() > 1 { 0.25 } else { 0.0 };
    for (x, letter, title, label, series) in [
        (72.0, "a", "Exponent", "Exponent α", series(|g| (g.alpha, g.alpha_error))),
        (500.0, "b", "Lower bound", "Lower bound Δ*r*_{min} (period)", series(|g| (g.xmin, g.xmin_error))),
    ] {
        let area = Area { x, y: 36.0, width: 330.0, height: 250.0 };
        let ((left, right), (low, high)) = (log_width(&series), span(&series));
        let axes = (Axis::log(left, right, "Number of realisations"), Axis::linear(low, high + room * (high - low), label));
        let panel = curves(&mut svg, area, axes, &series, (letter, title));
        if series.len() > 1 {
            panel.legend(&mut svg, (0.06, 0.08), &entries(&series));
        }
    }
    svg.finish("Fig. S3: power-law parameters against the number of realisations")
}
