//! Fig. 1: the lattice, its deformation, and its two-colour image.

use super::axes::{Axis, colour_bar};
use super::colour::{self, BLUES, REDS};
use super::picture::{Camera, Structure};
use super::svg::{Anchor, Area, LABEL, SMALL, Svg};

/// Fig. 1a-e for one structure. The site shown in c is the one that moved furthest.
pub fn lattice(structure: Structure) -> String {
    let mut svg = Svg::new(900.0, 610.0);
    let camera = Camera::over(&[structure]);
    let sites = structure.size * structure.size;
    let (dx, dy) = structure.displacement.split_at(sites);

    let square = |x: f64, y: f64, width: f64| Area { x, y, width, height: width };
    let (a, b) = (square(20.0, 32.0, 280.0), square(350.0, 32.0, 280.0));
    camera.draw(&mut svg, a, Structure { displacement: &vec![0.0; 2 * sites], ..structure });
    camera.caption(&mut svg, a, "a", "Crystal");
    camera.draw(&mut svg, b, structure);
    camera.caption(&mut svg, b, "b", "Deformed lattice");
    camera.colour_bar(&mut svg, Area { x: 660.0, y: 52.0, width: 12.0, height: 240.0 });

    let lengths = structure.lengths();
    let furthest = (0..sites).max_by(|&i, &j| lengths[i].total_cmp(&lengths[j])).unwrap_or(0);
    projection(&mut svg, Area { x: 20.0, y: 360.0, width: 200.0, height: 200.0 }, (dx[furthest], dy[furthest]));

    let largest = structure.displacement.iter().fold(1e-9, |a: f64, d| a.max(d.abs()));
    let images = [("d", "x image", dx, &REDS, "Δ*x* (period)", 285.0), ("e", "y image", dy, &BLUES, "Δ*y* (period)", 600.0)];
    for (letter, title, image, scale, label, x) in images {
        let area = square(x, 360.0, 215.0);
        let cells: Vec<_> = image.iter().map(|d| Some(colour::step(0.5 + 0.5 * d / largest))).collect();
        svg.raster(area, structure.size, structure.size, &cells, &colour::palette(scale));
        svg.rect(area, "fill=\"none\" stroke=\"#222\"");
        camera.caption(&mut svg, area, letter, title);
        svg.text((x + 107.5, 592.0), Anchor::Middle, SMALL, "*n*_{x} to the right, *n*_{y} upwards");
        let bar = Area { x: x + 227.0, y: 360.0, width: 12.0, height: 215.0 };
        colour_bar(&mut svg, bar, &Axis::linear(-largest, largest, label), scale);
    }
    svg.finish("Fig. 1: a lattice, its deformation, and its two-colour image")
}

/// Fig. 1c: a displacement as an arrow from the crystal's site, with its x and y parts.
fn projection(svg: &mut Svg, area: Area, (dx, dy): (f64, f64)) {
    svg.letter((area.x, area.y - 9.0), "c");
    svg.text((area.x + area.width / 2.0, area.y - 9.0), Anchor::Middle, LABEL, "A site\u{2019}s displacement");
    let scale = 0.55 * area.width / dx.abs().max(dy.abs()).max(1e-9);
    let (width, height) = (scale * dx, -scale * dy);
    let from = (area.x + (area.width - width) / 2.0, area.y + (area.height - height) / 2.0);
    let to = (from.0 + width, from.1 + height);
    svg.line(from, (to.0, from.1), "stroke=\"#d1242f\" stroke-width=\"3\"");
    svg.line((to.0, from.1), to, "stroke=\"#0b5fa5\" stroke-width=\"3\"");
    svg.line(from, to, "stroke=\"#222\" stroke-width=\"1.6\" stroke-dasharray=\"5 3\"");
    svg.circle(from, 11.0, "fill=\"#fff\" stroke=\"#b8bec6\" stroke-width=\"2\"");
    svg.circle(to, 11.0, "fill=\"#28ae80\" stroke=\"#fff\"");
    // Labels keep to the outer side of each leg.
    let below = if height < 0.0 { 22.0 } else { -14.0 };
    svg.text(((from.0 + to.0) / 2.0, from.1 + below), Anchor::Middle, LABEL, "Δ*x*");
    let (beside, anchor) = if width > 0.0 { (9.0, Anchor::Start) } else { (-9.0, Anchor::End) };
    svg.text((to.0 + beside, (from.1 + to.1) / 2.0 + 4.0), anchor, LABEL, "Δ*y*");
}
