//! Fig. 6: robustness and hub atoms of a seed and a design.

use super::axes::{Axis, Panel, colour_bar, range};
use super::colour::{self, INFERNO, REDS};
use super::svg::{Area, Svg};

/// One attacked structure.
#[derive(Clone, Copy)]
pub struct Attacked<'a> {
    /// abs(dw_m) for each attacked atom, (atoms, modes).
    pub by_atom_and_mode: &'a [f64],
    /// Its mean over the atoms, (modes).
    pub by_mode: &'a [f64],
    /// Normalised error of each atom, (L, L): all atoms attacked, in site order.
    pub delta: &'a [f64],
    /// Average mode area of the structure.
    pub w_avg: f64,
}

/// Cells from the bottom of Fig. 6a, b to the top.
const ROWS: usize = 160;

/// Fig. 6a-d. Changes below a hundredth of the smallest mean are not drawn: the eigen-solver's rounding is among them.
pub fn attack(seed: Attacked, design: Attacked) -> String {
    let mut svg = Svg::new(860.0, 700.0);
    let (smallest, _) = range([seed.by_mode, design.by_mode].into_iter().flatten().filter(|d| **d > 0.0));
    let (_, largest) = range([seed.by_atom_and_mode, design.by_atom_and_mode].into_iter().flatten());
    let (low, high) = (10f64.powf((smallest / 100.0).log10().floor()), 2.0 * largest);
    let (_, hottest) = range(seed.delta.iter().chain(design.delta));

    for (x, letters, title, attacked) in [(80.0, ["a", "c"], "Seed", seed), (440.0, ["b", "d"], "Design", design)] {
        let modes = attacked.by_mode.len();
        let area = Area { x, y: 36.0, width: 285.0, height: 255.0 };
        let horizontal = Axis::linear(0.0, modes as f64, "Mode number *m*");
        let panel = Panel { area, horizontal, vertical: Axis::log(low, high, "Change of mode area |Δ*w*_{m}|") };
        let points = attacked.by_atom_and_mode.iter().enumerate().map(|(at, change)| ((at % modes) as f64 + 0.5, *change));
        panel.cloud(&mut svg, points, (modes, ROWS), &REDS);
        let mean = |line: &[f64]| line.iter().enumerate().map(|(m, d)| (m as f64 + 0.5, d.max(low))).collect::<Vec<_>>();
        let pen = format!("stroke=\"{}\" stroke-width=\"2\"", colour::MEAN);
        let dashed = format!("{pen} stroke-dasharray=\"5 4\"");
        panel.line(&mut svg, mean(attacked.by_mode), &pen);
        let mut legend = vec![(pen, "mean over atoms")];
        if letters[0] == "b" {
            panel.line(&mut svg, mean(seed.by_mode), &dashed);
            legend.push((dashed, "the seed\u{2019}s mean"));
        }
        panel.frame(&mut svg, letters[0], &format!("{title}, *w*_{{avg}} = {:.3}", attacked.w_avg));
        panel.legend(&mut svg, (0.5, 0.86), &legend);

        let size = attacked.delta.len().isqrt();
        let map = Area { x, y: 380.0, width: 255.0, height: 255.0 };
        let cells: Vec<_> = attacked.delta.iter().map(|d| Some(colour::step(d / hottest))).collect();
        svg.raster(map, size, size, &cells, &colour::palette(&INFERNO));
        let axis = |label| Axis::linear(-0.5, size as f64 - 0.5, label);
        Panel { area: map, horizontal: axis("*n*_{x}"), vertical: axis("*n*_{y}") }.frame(&mut svg, letters[1], title);
    }
    let bar = Area { x: 725.0, y: 380.0, width: 12.0, height: 255.0 };
    colour_bar(&mut svg, bar, &Axis::linear(0.0, hottest, "Normalised error δ"), &INFERNO);
    svg.finish("Fig. 6: robustness and hub atoms")
}
