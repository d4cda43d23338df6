//! Fig. S6: energies against mode areas, density of states, and level spacings, of seeds and designs.

use super::axes::{Axis, Panel, range};
use super::colour::{self, Scale};
use super::histogram::{outlined, steps};
use super::svg::{Anchor, Area, SMALL, Svg};
use std::f64::consts::FRAC_PI_2;

/// The spectra of many structures.
#[derive(Debug, Clone, Copy)]
pub struct Spectra<'a> {
    /// What they are: panel's title.
    pub title: &'a str,
    /// Modes in bins of energy and mode area (0 to 1), row by row of energy.
    pub map: &'a [f64],
    /// Density of states in even bins of the energies, modes a structure and unit of energy.
    pub density: &'a [f64],
    /// Its standard error.
    pub density_error: &'a [f64],
    /// Density of the unfolded level spacings in even bins.
    pub spacings: &'a [f64],
    /// Its standard error.
    pub spacings_error: &'a [f64],
    /// Discrete states a structure: mean and standard error.
    pub discrete: (f64, f64),
}

/// Fig. S6. `energy` is what the bins of energy span, `longest` where the spacings' end.
pub fn spectra(seed: Spectra, design: Spectra, energy: (f64, f64), longest: f64) -> String {
    let mut svg = Svg::new(860.0, 690.0);
    let place = |i: usize| Area { x: 72.0 + 430.0 * (i % 2) as f64, y: 36.0 + 345.0 * (i / 2) as f64, width: 330.0, height: 250.0 };
    let highest = widest(&[seed, design]);
    for (i, (letter, one)) in [("a", seed), ("b", design)].into_iter().enumerate() {
        let bins = one.density.len().max(1);
        let areas = one.map.len() / bins;
        let area = place(i);
        let shown = (highest * areas as f64).ceil() as usize;
        let axes = (Axis::linear(energy.0, energy.1, "Energy *E*"), Axis::linear(0.0, shown as f64 / areas as f64, "Mode area *w*_{m}"));
        let panel = Panel { area, horizontal: axes.0, vertical: axes.1 };
        let cells: Vec<f64> = one.map.chunks(areas.max(1)).flat_map(|row| &row[..shown.min(row.len())]).copied().collect();
        raster(&mut svg, area, (bins, shown), &cells, &colour::BLUES);
        panel.frame(&mut svg, letter, one.title);
        let said = format!("{:.2} \u{b1} {:.2} discrete states each", one.discrete.0, one.discrete.1);
        svg.text_over((area.x + area.width - 10.0, area.y + 18.0), Anchor::End, SMALL, &said);
    }

    let pair = [("seeds", colour::SEED, seed), ("designs", colour::DESIGN, design)];
    let pen = |colour: &str| format!("stroke=\"{colour}\" stroke-width=\"1.8\"");
    let legend = || pair.map(|(name, colour, _)| (pen(colour), name));

    let values = || pair.iter().flat_map(|p| p.2.density).filter(|d| **d > 0.0);
    let (lowest, most) = range(values());
    let axes = (Axis::linear(energy.0, energy.1, "Energy *E*"), Axis::log(lowest.max(1e-5 * most), 1.6 * most, "Density of states"));
    let panel = Panel { area: place(2), horizontal: axes.0, vertical: axes.1 };
    for (_, colour, one) in pair {
        band(&mut svg, &panel, one.density, one.density_error, energy, colour);
        outlined(&mut svg, &panel, one.density, energy, &pen(colour));
    }
    panel.frame(&mut svg, "c", "Density of states, a structure");
    panel.legend(&mut svg, (0.7, 0.08), &legend());

    let ends = (0.0, longest);
    let most = range(pair.iter().flat_map(|p| p.2.spacings).chain(&[0.86])).1;
    let axes = (Axis::linear(0.0, longest, "Level spacing over its local mean"), Axis::linear(0.0, 1.2 * most, "Probability density"));
    let panel = Panel { area: place(3), horizontal: axes.0, vertical: axes.1 };
    for (_, colour, one) in pair {
        band(&mut svg, &panel, one.spacings, one.spacings_error, ends, colour);
        outlined(&mut svg, &panel, one.spacings, ends, &pen(colour));
    }
    // What levels do that know nothing of each other, and what those of random symmetric matrices do (Wigner's surmise).
    let curve = |p: fn(f64) -> f64| (0..=160).map(move |i| longest * f64::from(i) / 160.0).map(move |s| (s, p(s)));
    let wigner = |s: f64| FRAC_PI_2 * s * (-FRAC_PI_2 * s * s / 2.0).exp();
    let dashes = [("4 3", "independent levels"), ("1.5 3", "random matrices")];
    let styles = dashes.map(|(dash, name)| (format!("stroke=\"#222\" stroke-width=\"1.4\" stroke-dasharray=\"{dash}\""), name));
    panel.line(&mut svg, curve(|s| (-s).exp()), &styles[0].0);
    panel.line(&mut svg, curve(wigner), &styles[1].0);
    panel.frame(&mut svg, "d", "Spacings of neighbouring levels");
    panel.legend(&mut svg, (0.52, 0.08), &legend().into_iter().chain(styles).collect::<Vec<_>>());
    svg.finish("Fig. S6: energy spectra of seeds and designs")
}

/// The share of the mode-area axis, from 0, that holds every mode of any of these.
fn widest(all: &[Spectra]) -> f64 {
    let last = |one: &Spectra| {
        let areas = one.map.len() / one.density.len().max(1);
        let used = (0..areas).rev().find(|a| one.map.iter().skip(*a).step_by(areas.max(1)).any(|n| *n > 0.0));
        used.map_or(1.0, |a| (a + 1) as f64 / areas as f64)
    };
    all.iter().map(last).fold(0.0, f64::max)
}

/// Counts, column by column from the bottom up, by the logarithm; nothing where there is none.
fn raster(svg: &mut Svg, area: Area, (columns, rows): (usize, usize), counts: &[f64], scale: &Scale) {
    let most = counts.iter().copied().fold(2.0, f64::max).ln();
    let cells: Vec<_> = counts.iter().map(|n| (*n > 0.0).then(|| colour::step(0.2 + 0.8 * n.max(1.0).ln() / most))).collect();
    svg.raster(area, columns, rows, &cells, &colour::palette(scale));
}

/// Standard errors as a band round bins.
fn band(svg: &mut Svg, panel: &Panel, heights: &[f64], errors: &[f64], ends: (f64, f64), colour: &str) {
    let edge = |sign: f64| {
        let error = move |e: f64| if e.is_finite() { sign * e } else { 0.0 };
        heights.iter().zip(errors).map(move |(h, e)| panel.vertical.held(h + error(*e)))
    };
    let (above, below): (Vec<f64>, Vec<f64>) = (edge(1.0).collect(), edge(-1.0).collect());
    let back: Vec<_> = steps(&below, ends).collect();
    let outline = steps(&above, ends).chain(back.into_iter().rev()).map(|point| panel.at(point));
    svg.polygon(outline, &format!("fill=\"{colour}\" fill-opacity=\"0.25\""));
}
