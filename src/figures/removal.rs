//! Random against targeted harm: atoms taken out, or moved (the "fragile to targeted attacks" of Fig. 6).

use super::axes::Axis;
use super::colour;
use super::series::{Series, curves, entries, log_width, span};
use super::svg::{Area, Svg};
use super::sweep::Estimate;

/// What harm to so many atoms of a structure does, over many structures.
#[derive(Debug, Clone, Copy)]
pub struct Removal {
    /// Atoms that are harmed.
    pub atoms: usize,
    /// Loss of localisation where they are drawn by lot: the cost of Eq. 3 against the whole structure.
    pub random: Estimate,
    /// The same where they are the strongest hubs.
    pub targeted: Estimate,
}

/// One kind of harm to seeds and to designs.
#[derive(Debug, Clone, Copy)]
pub struct Harm<'a> {
    /// What is done to the atoms.
    pub title: &'a str,
    /// To seeds.
    pub seed: &'a [Removal],
    /// To designs.
    pub design: &'a [Removal],
}

/// Fig. 6removal: a row for each kind of harm, seeds and designs over the same axes.
pub fn removal(harms: &[Harm]) -> String {
    let mut svg = Svg::new(860.0, 345.0 * harms.len() as f64);
    let series = |removals: &[Removal], colour| {
        let of = |pick: fn(&Removal) -> Estimate| removals.iter().map(|r| (r.atoms as f64, pick(r).0, pick(r).1)).collect();
        [
            Series { name: "strongest hubs", colour, dashed: false, points: of(|r| r.targeted) },
            Series { name: "by lot", colour, dashed: true, points: of(|r| r.random) },
        ]
    };
    for (row, harm) in harms.iter().enumerate() {
        let panels = [("Seeds", series(harm.seed, colour::SEED)), ("Designs", series(harm.design, colour::DESIGN))];
        let all: Vec<Series> = panels.iter().flat_map(|p| p.1.clone()).collect();
        let ((_, high), (left, right)) = (span(&all), log_width(&all));
        for (column, (who, series)) in panels.iter().enumerate() {
            let area = Area { x: 72.0 + 430.0 * column as f64, y: 36.0 + 345.0 * row as f64, width: 330.0, height: 250.0 };
            let axes = (Axis::log(left, right, "Atoms"), Axis::linear(0.0, 1.25 * high, "Loss of localisation"));
            let letter = ["a", "b", "c", "d"][(2 * row + column) % 4];
            let panel = curves(&mut svg, area, axes, series, (letter, &format!("{who}: {}", harm.title)));
            panel.legend(&mut svg, (0.06, 0.08), &entries(series));
        }
    }
    svg.finish("Random against targeted harm to atoms")
}
