//! The picture of a structure: sites where they are, the crystal they came from as rings, hoppings as lines.

use super::axes::{Axis, colour_bar};
use super::colour::{self, VIRIDIS};
use super::svg::{Anchor, Area, LABEL, SMALL, Svg, number};
use crate::analysis::population::{displacement_length, positions};
use std::fmt::Write;

/// One structure, as plain data.
#[derive(Debug, Clone, Copy)]
pub struct Structure<'a> {
    /// (2, L, L), in periods.
    pub displacement: &'a [f64],
    /// L.
    pub size: usize,
    /// Decay of the hopping with distance, t = t0 exp(-alpha d), in inverse periods: the lattice's alpha.
    pub hopping_decay: f64,
}

impl Structure<'_> {
    /// Displacement length of each site.
    pub fn lengths(&self) -> Vec<f64> {
        displacement_length(self.displacement, self.size * self.size)
    }

    /// Lowest and highest coordinate of any site, moved or not.
    fn extent(&self) -> (f64, f64) {
        let crystal = (0.0, (self.size - 1) as f64);
        positions(self.displacement, self.size).iter().fold(crystal, |(low, high), (x, y)| (low.min(x.min(*y)), high.max(x.max(*y))))
    }
}

/// No hopping is drawn beyond this distance, in periods: it reaches the diagonal neighbours of the crystal.
const CUT_OFF: f64 = 1.6;

/// Classes of hopping strength, each with one pen.
const PENS: usize = 8;

/// Where a lattice stands in a picture.
pub struct Placed {
    /// The sites' places, in pixels; none for a site that lies outside.
    pub sites: Vec<Option<(f64, f64)>>,
    /// Pixels of a period.
    pub scale: f64,
}

/// What pictures that are to be compared share: the part of the plane they show, and their colours.
pub struct Camera {
    low: f64,
    high: f64,
    longest: f64,
}

impl Camera {
    /// One that sees every site of all `structures`, but those that left the crystal by more than a quarter of its side.
    pub fn over(structures: &[Structure]) -> Self {
        let side = structures.iter().map(|s| s.size).max().unwrap_or(1) as f64;
        let extents = structures.iter().map(Structure::extent);
        let (low, high) = extents.fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        let longest = structures.iter().flat_map(Structure::lengths).fold(1e-9, f64::max);
        Camera { low: low.max(-side / 4.0) - 0.5, high: high.min(side - 1.0 + side / 4.0) + 0.5, longest: longest.min(side / 2.0) }
    }

    /// Draws `structure` into the square `area`, its sites coloured by displacement; x to the right, y upwards.
    pub fn draw(&self, svg: &mut Svg, area: Area, structure: Structure) {
        let placed = self.lattice(svg, area, structure);
        for (site, length) in placed.sites.iter().zip(structure.lengths()) {
            let (Some(site), fill) = (site, colour::at(&VIRIDIS, length / self.longest)) else { continue };
            svg.circle(*site, 0.19 * placed.scale, &format!("fill=\"{fill}\" stroke=\"#fff\" stroke-width=\"0.6\""));
        }
    }

    /// What lies below the sites: the crystal as rings, and the hoppings. Returns where the sites belong.
    pub fn lattice(&self, svg: &mut Svg, area: Area, structure: Structure) -> Placed {
        let scale = area.width / (self.high - self.low);
        let place = |(x, y): (f64, f64)| (area.x + scale * (x - self.low), area.y + area.height - scale * (y - self.low));
        let (size, sites) = (structure.size, positions(structure.displacement, structure.size));
        for i in 0..sites.len() {
            let ring = format!("fill=\"none\" stroke=\"{}\" stroke-width=\"0.7\"", colour::GHOST);
            svg.circle(place(((i / size) as f64, (i % size) as f64)), 0.17 * scale, &ring);
        }
        let mut hoppings = vec![String::new(); PENS];
        let inside = |(x, y): (f64, f64)| [x, y].iter().all(|c| (self.low..=self.high).contains(c));
        for (i, &a) in sites.iter().enumerate() {
            for &b in &sites[i + 1..] {
                let distance = (a.0 - b.0).hypot(a.1 - b.1);
                if distance <= CUT_OFF && inside(a) && inside(b) {
                    let (from, to) = (place(a), place(b));
                    let strength = (-structure.hopping_decay * distance).exp();
                    let pen = &mut hoppings[((strength * PENS as f64) as usize).min(PENS - 1)];
                    let _ = write!(pen, "M{} {}L{} {}", number(from.0), number(from.1), number(to.0), number(to.1));
                }
            }
        }
        for (pen, path) in hoppings.iter().enumerate() {
            let strength = (pen as f64 + 0.5) / PENS as f64;
            let (width, opacity) = (number(0.2 * scale * strength.sqrt()), number((0.04 + 1.4 * strength).min(1.0)));
            svg.path(path, &format!("fill=\"none\" stroke=\"#44546a\" stroke-width=\"{width}\" stroke-opacity=\"{opacity}\""));
        }
        let outside = sites.iter().filter(|site| !inside(**site)).count();
        if outside > 0 {
            let corner = (area.x + area.width, area.y + area.height + 4.0);
            svg.text(corner, Anchor::End, SMALL, &format!("{outside} sites lie farther out"));
        }
        Placed { sites: sites.into_iter().map(|site| inside(site).then(|| place(site))).collect(), scale }
    }

    /// Letter and title above a picture.
    pub fn caption(&self, svg: &mut Svg, area: Area, letter: &str, title: &str) {
        svg.letter((area.x, area.y - 9.0), letter);
        svg.text((area.x + area.width / 2.0, area.y - 9.0), Anchor::Middle, LABEL, title);
    }

    /// The colours' meaning.
    pub fn colour_bar(&self, svg: &mut Svg, area: Area) {
        colour_bar(svg, area, &Axis::linear(0.0, self.longest, "Displacement Δ*r* (period)"), &VIRIDIS);
    }
}
