//! Fig. S1: localisation by collective, individual, and both kinds of deformation.

use super::axes::{Axis, Panel, range, round_up};
use super::colour;
use super::histogram::{density, filled, outlined};
use super::localisation::curves;
use super::svg::{Area, Svg};
use crate::analysis::population::{w_avg, weak_and_strong};

/// Fig. S1a-f: mode areas (n, modes) of the three sets, collective, individual, both. Each row: the curves, two of them drawn out, and
/// how often each mode area occurs.
pub fn sets(mode_area: [&[f64]; 3], modes: usize) -> String {
    let mut svg = Svg::new(900.0, 1010.0);
    let averages = mode_area.map(|set| w_avg(set, modes));
    let (low, high) = range(averages.iter().flatten());
    let colours = Axis::linear(low, high, "Average mode area *w*_{avg}");
    let top = round_up(range(mode_area.into_iter().flatten()).1.min(1.0));
    let ends = (0.0, top);
    let densities = mode_area.map(|set| density(set, ends, 80));
    let highest = 1.06 * range(densities.iter().flatten()).1;
    let pens = [colour::RUNS[0], colour::RUNS[1], "#59636e"];
    let titles = ["Collective", "Individual", "Collective and individual"];
    for row in 0..3 {
        let left = Area { x: 65.0, y: 36.0 + 330.0 * row as f64, width: 300.0, height: 240.0 };
        let letters = [["a", "b"], ["c", "d"], ["e", "f"]][row];
        let panel = curves(&mut svg, left, mode_area[row], &averages[row], &colours, modes, top);
        if let Some((weak, strong)) = weak_and_strong(&averages[row]) {
            for k in [weak, strong] {
                let curve = mode_area[row][k * modes..][..modes].iter().enumerate();
                panel.line(&mut svg, curve.map(|(m, w)| (m as f64 + 0.5, *w)), "stroke=\"#000\" stroke-width=\"1.6\"");
            }
        }
        panel.frame(&mut svg, letters[0], titles[row]);
        let right = Area { x: 545.0, width: 320.0, ..left };
        let axes = (Axis::linear(0.0, top, "Mode area *w*_{m}"), Axis::linear(0.0, highest, "Probability density"));
        let panel = Panel { area: right, horizontal: axes.0, vertical: axes.1 };
        filled(&mut svg, &panel, &densities[row], ends, pens[row]);
        if row == 2 {
            let dashed = |k: usize| format!("stroke=\"{}\" stroke-width=\"1.8\" stroke-dasharray=\"6 3\"", pens[k]);
            for (k, density) in densities[..2].iter().enumerate() {
                outlined(&mut svg, &panel, density, ends, &dashed(k));
            }
            panel.legend(&mut svg, (0.52, 0.1), &[(dashed(0), "collective (b)"), (dashed(1), "individual (d)")]);
        }
        panel.frame(&mut svg, letters[1], titles[row]);
        if row == 0 {
            super::axes::colour_bar(&mut svg, Area { x: 380.0, width: 12.0, ..left }, &colours, &colour::VIRIDIS);
        }
    }
    svg.finish("Fig. S1: localisation by collective and individual deformation")
}
