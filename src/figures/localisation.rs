//! Fig. 2f, g and 3c-e: mode area against mode number for whole sets, coloured by average mode area.
//!
//! Ten thousand curves would hide one another and make a huge file, so each plot is a raster: a cell shows the mean w_avg of the curves
//! that pass through it, and a curve passes through all cells up to half way to its neighbouring modes.

use super::axes::{Axis, Panel, colour_bar, range, round_up};
use super::colour::{self, VIRIDIS};
use super::svg::{Area, Svg};
use crate::analysis::population;

/// Fig. 2f, g: truth and D2L, both (n, modes), of the same samples.
pub fn d2l_localisation(truth: &[f64], ml: &[f64], modes: usize) -> String {
    let panels = [("f", "Truth", truth), ("g", "ML (D2L)", ml)];
    localisation(&panels, (truth, "Average mode area *w*_{avg}"), modes, "Fig. 2f, g: mode areas of the test set, truth and D2L")
}

/// Fig. 3c-e: target, L2D2L and the truth of the designs, all (n, modes), of the same samples.
pub fn l2d_localisation(target: &[f64], ml: &[f64], truth: &[f64], modes: usize) -> String {
    let panels = [("c", "Target", target), ("d", "ML (L2D2L)", ml), ("e", "Truth of the designs", truth)];
    localisation(&panels, (target, "*w*_{avg} of the target"), modes, "Fig. 3c-e: mode areas asked for, believed, and true")
}

/// Cells from the bottom of a plot to its top.
const ROWS: usize = 200;

fn localisation(panels: &[(&str, &str, &[f64])], (reference, colours): (&[f64], &'static str), modes: usize, title: &str) -> String {
    let w_avg = population::w_avg(reference, modes);
    let (low, high) = range(&w_avg);
    let top = round_up(range(panels.iter().flat_map(|(.., w)| *w)).1.min(1.0));
    let (width, height) = (270.0, 270.0);
    let mut svg = Svg::new(65.0 + panels.len() as f64 * (width + 75.0) + 40.0, height + 90.0);
    let mut x = 65.0;
    for (letter, title, mode_area) in panels {
        let area = Area { x, y: 36.0, width, height };
        curves(&mut svg, area, mode_area, &w_avg, &Axis::linear(low, high, ""), modes, top).frame(&mut svg, letter, title);
        x += width + 75.0;
    }
    let bar = Area { x: x - 50.0, y: 36.0, width: 12.0, height };
    colour_bar(&mut svg, bar, &Axis::linear(low, high, colours), &VIRIDIS);
    svg.finish(title)
}

/// Draws the curves of `mode_area` (n, modes), up to `top`, coloured by `w_avg` of each. The frame is the caller's.
pub(super) fn curves(svg: &mut Svg, area: Area, mode_area: &[f64], w_avg: &[f64], colours: &Axis, modes: usize, top: f64) -> Panel {
    let cells = mean_w_avg(mode_area, w_avg, modes, top);
    let steps: Vec<_> = cells.iter().map(|w| w.map(|w| colour::step(colours.fraction(w)))).collect();
    svg.raster(area, modes, ROWS, &steps, &colour::palette(&VIRIDIS));
    let horizontal = Axis::linear(0.0, modes as f64, "Mode number *m*");
    Panel { area, horizontal, vertical: Axis::linear(0.0, top, "Mode area *w*_{m}") }
}

/// For each cell, mode by mode from the bottom up, the mean w_avg of the curves in it; none where no curve passes.
fn mean_w_avg(mode_area: &[f64], w_avg: &[f64], modes: usize, top: f64) -> Vec<Option<f64>> {
    let mut cells = vec![(0.0, 0.0); modes * ROWS];
    let row = |w: f64| ((w / top * ROWS as f64) as usize).min(ROWS - 1);
    for (curve, w_avg) in mode_area.chunks(modes).zip(w_avg) {
        for m in 0..modes {
            let (before, after) = (curve[m.saturating_sub(1)], curve[(m + 1).min(modes - 1)]);
            let ends = [curve[m], before.midpoint(curve[m]), after.midpoint(curve[m])].map(row);
            for row in ends[0].min(ends[1]).min(ends[2])..=ends[0].max(ends[1]).max(ends[2]) {
                let (sum, count) = &mut cells[m * ROWS + row];
                *sum += w_avg;
                *count += 1.0;
            }
        }
    }
    cells.into_iter().map(|(sum, count)| (count > 0.0).then(|| sum / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_mean_of_its_curves() {
        // Two flat curves in one row, a third above them.
        let curves = [0.101, 0.101, 0.102, 0.102, 0.9, 0.9];
        let cells = mean_w_avg(&curves, &[0.2, 0.4, 0.8], 2, 1.0);
        assert_eq!(cells.iter().flatten().count(), 4);
        assert!((cells[20].unwrap() - 0.3).abs() < 1e-12 && cells[180] == Some(0.8));
    }

    #[test]
    fn a_steep_curve_has_no_gaps() {
        let cells = mean_w_avg(&[0.1, 0.5], &[0.3], 2, 1.0);
        assert!(cells[20..=60].iter().all(Option::is_some) && cells[ROWS + 60..=ROWS + 100].iter().all(Option::is_some));
        assert!(cells[61].is_none() && cells[ROWS + 59].is_none());
    }
}
