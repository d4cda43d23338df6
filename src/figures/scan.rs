//! The panels behind a fit of Fig. 4g-1: every candidate for the lower bound, with its distance and its exponent.

use super::axes::{Axis, Panel, range};
use super::colour;
use super::svg::{Anchor, Area, SMALL, Svg};
use crate::analysis::powerlaw::{Candidate, Fit};

/// The candidates of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// Which sample.
    pub title: &'a str,
    /// The panels' letters.
    pub letters: [&'a str; 2],
    /// The candidates, ascending in xmin.
    pub candidates: &'a [Candidate],
    /// The one that was chosen.
    pub fit: &'a Fit,
}

/// D against xmin (left), and the exponent with its standard error against xmin (right); a row for each sample. Tails of fewer than ten
/// values are left out.
pub fn scan(scans: &[Scan]) -> String {
    let mut svg = Svg::new(860.0, 345.0 * scans.len() as f64);
    for (row, Scan { title, letters, candidates, fit }) in scans.iter().enumerate() {
        let shown: Vec<&Candidate> = candidates.iter().filter(|c| c.n_tail >= 10).collect();
        let (low, high) = range(shown.iter().map(|c| &c.xmin));
        let axis = || Axis::log(low, high, "Lower bound Δ*r*_{min} (period)");
        let left = Area { x: 72.0, y: 36.0 + 345.0 * row as f64, width: 330.0, height: 250.0 };
        let right = Area { x: 500.0, ..left };
        // A few numbers far out in the tail fit anything or nothing: the middle of the range says how high the axes must reach.
        let near: Vec<&&Candidate> = shown.iter().filter(|c| c.n_tail * 50 >= fit.n_tail).collect();
        let farthest = range(near.iter().map(|c| &c.ks)).1;
        let distance = Panel { area: left, horizontal: axis(), vertical: Axis::linear(0.0, 1.05 * farthest.min(0.6), "Distance *D*") };
        let steepest = range(near.iter().map(|c| &c.alpha)).1.min(3.0 * fit.alpha);
        let exponent = Panel { area: right, horizontal: axis(), vertical: Axis::linear(1.0, 1.1 * steepest, "Exponent α") };
        let inside = |panel: &Panel, y: f64| (0.0..=1.0).contains(&panel.vertical.fraction(y));

        let points = shown.iter().map(|c| (c.xmin, c.ks)).filter(|p| inside(&distance, p.1));
        distance.dots(&mut svg, points, 1.3, colour::MEAN);
        let band = |sign: f64| shown.iter().map(move |c| (c.xmin, c.alpha + sign * (c.alpha - 1.0) / (c.n_tail as f64).sqrt()));
        let held = |(x, y): (f64, f64)| exponent.at((x, y.clamp(1.0, 1.1 * steepest)));
        let outline: Vec<_> = band(-1.0).chain(band(1.0).collect::<Vec<_>>().into_iter().rev()).map(held).collect();
        svg.polygon(outline, &format!("fill=\"{}\" fill-opacity=\"0.2\"", colour::MEAN));
        let points = shown.iter().map(|c| (c.xmin, c.alpha)).filter(|p| inside(&exponent, p.1));
        exponent.dots(&mut svg, points, 1.3, colour::MEAN);

        for (panel, letter, best) in [(&distance, letters[0], fit.ks), (&exponent, letters[1], fit.alpha)] {
            let at = panel.at((fit.xmin, best));
            svg.line((at.0, left.y), (at.0, left.y + left.height), "stroke=\"#222\" stroke-dasharray=\"3 3\"");
            svg.circle(at, 4.2, "fill=\"#222\" stroke=\"#fff\"");
            panel.frame(&mut svg, letter, title);
            // The label keeps to the side where there is room.
            let (dx, anchor) = if at.0 < left.x.max(panel.area.x) + 200.0 { (8.0, Anchor::Start) } else { (-8.0, Anchor::End) };
            let text = format!("chosen: {}", super::tails::short(fit.xmin));
            svg.text_over((at.0 + dx, panel.area.y + panel.area.height - 12.0), anchor, SMALL, &text);
        }
    }
    svg.finish("The fit of Fig. 4g-1: distance and exponent against the lower bound")
}
