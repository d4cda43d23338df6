//! How localised the structures are: w_avg of seeds and designs, beside the paper's counts in Fig. S4.

use super::axes::{Axis, Panel, range, round_up};
use super::colour;
use super::histogram::outlined;
use super::svg::{Area, Svg};

/// One set of structures.
#[derive(Debug, Clone, Copy)]
pub struct Structures<'a> {
    /// Which population: the panel's title.
    pub title: &'a str,
    /// w_avg of each seed.
    pub seed: &'a [f64],
    /// True w_avg of each design; none where there are no designs.
    pub design: &'a [f64],
}

/// Fig. S4: designs of 1e4 whose true w_avg lies in each twentieth from 0.20 on.
pub const PAPER: [(f64, f64); 4] = [(0.20, 1823.0), (0.25, 1377.0), (0.30, 1588.0), (0.35, 2123.0)];
/// Width of a window of Fig. S4.
const WINDOW: f64 = 0.05;

/// A panel for each population: structures of 1e4 in each twentieth of w_avg, as the paper counts them (grey).
pub fn population(populations: &[Structures]) -> String {
    let mut svg = Svg::new(if populations.len() > 1 { 860.0 } else { 460.0 }, 350.0 * populations.len().div_ceil(2) as f64);
    let all = || populations.iter().flat_map(|p| [p.seed, p.design]);
    let bins = (range(all().flatten()).1 / WINDOW).ceil().clamp(9.0, 20.0) as usize;
    let ends = (0.0, bins as f64 * WINDOW);
    let (_, most) = range(&all().flat_map(|set| counts(set, bins)).chain(PAPER.map(|p| p.1)).collect::<Vec<_>>());
    for (i, set) in populations.iter().enumerate() {
        let area = Area { x: 78.0 + 430.0 * (i % 2) as f64, y: 36.0 + 350.0 * (i / 2) as f64, width: 330.0, height: 255.0 };
        let horizontal = Axis::linear(ends.0, ends.1, "Average mode area *w*_{avg}");
        let panel = Panel { area, horizontal, vertical: Axis::linear(0.0, round_up(1.25 * most), "Structures in 10^{4}") };
        for (low, count) in PAPER {
            let (from, to) = (panel.at((low, count)), panel.at((low + WINDOW, 0.0)));
            svg.rect(Area { x: from.0, y: from.1, width: to.0 - from.0, height: to.1 - from.1 }, "fill=\"#b8bec6\" stroke=\"#fff\"");
        }
        let pen = |colour: &str| format!("stroke=\"{colour}\" stroke-width=\"2\"");
        let mut legend = vec![("stroke=\"#b8bec6\" stroke-width=\"8\"".to_string(), "the paper\u{2019}s designs, Fig. S4")];
        for (name, colour, values) in [("our seeds", colour::SEED, set.seed), ("our designs", colour::DESIGN, set.design)] {
            if !values.is_empty() {
                outlined(&mut svg, &panel, &counts(values, bins), ends, &pen(colour));
                legend.push((pen(colour), name));
            }
        }
        panel.frame(&mut svg, ["a", "b", "c", "d"][i % 4], set.title);
        panel.legend(&mut svg, (0.38, 0.07), &legend);
    }
    svg.finish("Average mode areas of seeds and designs beside the paper\u{2019}s counts")
}

/// How many of 1e4 would lie in each window, as of these.
fn counts(w_avg: &[f64], bins: usize) -> Vec<f64> {
    let mut counts = vec![0.0; bins];
    for w in w_avg {
        let bin = (w / WINDOW + 1e-9) as usize;
        if bin < bins {
            counts[bin] += 1e4 / w_avg.len() as f64;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_per_ten_thousand_and_windows_close_below() {
        assert_eq!(counts(&[0.20, 0.24, 0.25, 0.01], 6), [2500.0, 0.0, 0.0, 0.0, 5000.0, 2500.0]);
    }
}
