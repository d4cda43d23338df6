//! Fig. 4a-f: seeds, and what L2D designs from their mode areas.

use super::axes::{range, round_up};
use super::picture::{Camera, Structure};
use super::prediction::overlay;
use super::svg::{Area, Svg};

/// A seed and the structure designed from its mode areas.
#[derive(Clone, Copy)]
pub struct Redesign<'a> {
    /// The seed.
    pub seed: Structure<'a>,
    /// The design.
    pub design: Structure<'a>,
    /// Mode areas (N) of the seed, from the Hamiltonian ("Truth").
    pub seed_mode_area: &'a [f64],
    /// Mode areas (N) of the design, from the Hamiltonian ("ML Truth").
    pub design_mode_area: &'a [f64],
}

/// Fig. 4a-f: weak disorder above, strong below.
pub fn design(weak: Redesign, strong: Redesign) -> String {
    let mut svg = Svg::new(1080.0, 690.0);
    let (_, high) = range([weak, strong].iter().flat_map(|r| [r.seed_mode_area, r.design_mode_area]).flatten());
    let rows = [("weak disorder", ["a", "b", "c"], weak), ("strong disorder", ["d", "e", "f"], strong)];
    for (row, (title, letters, sample)) in rows.into_iter().enumerate() {
        let camera = Camera::over(&[sample.seed, sample.design]);
        let y = 32.0 + 340.0 * row as f64;
        for (x, letter, kind, structure) in [(20.0, letters[0], "Seed", sample.seed), (330.0, letters[1], "Design", sample.design)] {
            let area = Area { x, y, width: 285.0, height: 285.0 };
            camera.draw(&mut svg, area, structure);
            camera.caption(&mut svg, area, letter, &format!("{kind}, {title}"));
        }
        camera.colour_bar(&mut svg, Area { x: 635.0, y: y + 20.0, width: 12.0, height: 245.0 });
        let plot = Area { x: 790.0, y, width: 265.0, height: 240.0 };
        overlay(
            &mut svg,
            plot,
            round_up(high),
            letters[2],
            [("Truth (seed)", sample.seed_mode_area), ("ML truth (design)", sample.design_mode_area)],
        );
    }
    svg.finish("Fig. 4a-f: seeds and designs with the same localisation")
}
