//! Fig. S4: how far sites move, for designs of four degrees of localisation.

use super::axes::{range, round_up};
use super::displacement::{bins, histogram, legend};
use super::histogram::quantile;
use super::svg::{Anchor, Area, SMALL, Svg};

/// The designs whose true w_avg lies in one window, and their seeds.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The panel's letter; the inset is letter-1.
    pub letter: &'a str,
    /// The window, and how many designs lie in it.
    pub title: &'a str,
    /// Displacement length of every site of the seeds, in periods.
    pub seed: &'a [f64],
    /// The same of the designs.
    pub design: &'a [f64],
}

/// Fig. S4, two panels a row. Each inset shows the tail of its designs from their 90 % point to twice that length. The hundredth of the
/// sites that moves furthest may lie beyond a panel.
pub fn windows(windows: &[Window]) -> String {
    let width = if windows.len() > 1 { 860.0 } else { 440.0 };
    let mut svg = Svg::new(width, 375.0 * windows.len().div_ceil(2) as f64);
    for (i, window) in windows.iter().enumerate() {
        let area = Area { x: 72.0 + 430.0 * (i % 2) as f64, y: 36.0 + 375.0 * (i / 2) as f64, width: 340.0, height: 280.0 };
        let sample = (window.seed, window.design);
        let longest = round_up(range(window.seed).1.max(quantile(window.design, 0.99)));
        // The inset and the legend stand above the highest bin.
        let panel = histogram(&mut svg, area, (0.0, longest), bins(window.design, 120), sample, 1.85);
        panel.frame(&mut svg, window.letter, window.title);
        panel.legend(&mut svg, (0.05, 0.08), &legend());

        let start = quantile(window.design, 0.9);
        let inset = Area { x: area.x + 176.0, y: area.y + 14.0, width: 152.0, height: 84.0 };
        histogram(&mut svg, inset, (start, 2.0 * start), bins(window.design, 40), sample, 1.06).ticks(&mut svg);
        svg.text_over((inset.x + 146.0, inset.y + 15.0), Anchor::End, SMALL, &format!("{}-1: tail", window.letter));
    }
    svg.finish("Fig. S4: displacements by degree of localisation")
}
