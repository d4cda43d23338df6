//! Where waves are: modes of a seed and of its design on their lattices.

use super::axes::{Axis, colour_bar};
use super::colour::{self, VIRIDIS};
use super::picture::{Camera, Structure};
use super::svg::{Anchor, Area, LABEL, Svg};

/// A mode of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Mode<'a> {
    /// What the picture shows: structure and mode.
    pub title: &'a str,
    /// The structure.
    pub structure: Structure<'a>,
    /// psi_s^2 of each site; their sum is 1.
    pub intensity: &'a [f64],
}

/// Pictures, two a row: a dot's area and colour follow psi^2 over its largest value in the picture.
pub fn modes(modes: &[Mode]) -> String {
    let rows = modes.len().div_ceil(2);
    let mut svg = Svg::new(800.0, 375.0 * rows as f64);
    let camera = Camera::over(&modes.iter().map(|m| m.structure).collect::<Vec<_>>());
    for (i, mode) in modes.iter().enumerate() {
        let area = Area { x: 20.0 + 355.0 * (i % 2) as f64, y: 34.0 + 375.0 * (i / 2) as f64, width: 330.0, height: 330.0 };
        let place = camera.lattice(&mut svg, area, mode.structure);
        let highest = mode.intensity.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        // The strongest last, so that nothing hides it.
        let mut order: Vec<usize> = (0..mode.intensity.len()).collect();
        order.sort_by(|&a, &b| mode.intensity[a].total_cmp(&mode.intensity[b]));
        for site in order {
            let Some(at) = place.sites[site] else { continue };
            let share = mode.intensity[site] / highest;
            let radius = place.scale * (0.07 + 0.48 * share.sqrt());
            let fill = colour::at(&VIRIDIS, share);
            svg.circle(at, radius, &format!("fill=\"{fill}\" fill-opacity=\"0.92\" stroke=\"#fff\" stroke-width=\"0.4\""));
        }
        svg.letter((area.x, area.y - 12.0), ["a", "b", "c", "d", "e", "f"][i % 6]);
        svg.text((area.x + area.width / 2.0, area.y - 12.0), Anchor::Middle, LABEL, mode.title);
    }
    let bar = Area { x: 728.0, y: 60.0, width: 12.0, height: 280.0 };
    colour_bar(&mut svg, bar, &Axis::linear(0.0, 1.0, "|ψ_{s}|^{2} over its largest value"), &VIRIDIS);
    svg.finish("Modes of a seed and its design")
}
