//! Fig. 2a, 3a, 3b, S7: networks, drawn from their layers.
//!
//! A stack of images is a block: its height is the images' side, its length the number of images, neither to scale (roots and
//! logarithms), since 1024 images of 2 x 2 and one of 16 x 16 stand in one row. A vector is a bar.

use super::svg::{Anchor, LABEL, SMALL, Svg};

/// What lies between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// `channels` images of `side` x `side`.
    Images {
        /// Images in the stack.
        channels: usize,
        /// Pixels along a side.
        side: usize,
    },
    /// A vector of so many numbers.
    Vector(usize),
}

/// What a step of a network gives, and how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage<'a> {
    /// What comes out.
    pub data: Data,
    /// The layer that made it, in a word or two; for the first stage, what it shows.
    pub made_by: &'a str,
}

/// One network: its stages, from the input on.
#[derive(Debug, Clone, Copy)]
pub struct Network<'a> {
    /// The panel's letter.
    pub letter: &'a str,
    /// Name, and what there is to say of it.
    pub title: &'a str,
    /// Input, then what each layer gives.
    pub stages: &'a [Stage<'a>],
    /// Weights and biases.
    pub parameters: usize,
    /// Does it learn here? What does not is drawn without colour.
    pub learns: bool,
}

const WIDTH: f64 = 860.0;
const ROW: f64 = 205.0;

/// Rows of networks. Where they are a chain, each takes what the one above it gives.
pub fn networks(networks: &[Network], title: &str) -> String {
    let mut svg = Svg::new(WIDTH, ROW * networks.len() as f64 + 10.0);
    for (row, network) in networks.iter().enumerate() {
        draw(&mut svg, ROW * row as f64, network);
    }
    svg.finish(title)
}

fn draw(svg: &mut Svg, top: f64, network: &Network) {
    svg.letter((12.0, top + 22.0), network.letter);
    svg.text((34.0, top + 22.0), Anchor::Start, LABEL + 1.0, &format!("{}: {} parameters", network.title, grouped(network.parameters)));
    let pitch = (WIDTH - 24.0) / network.stages.len() as f64;
    let axis = top + 106.0;
    for (at, stage) in network.stages.iter().enumerate() {
        let centre = 12.0 + pitch * (at as f64 + 0.5);
        let (length, height) = extent(stage.data);
        let skew = if let Data::Images { .. } = stage.data { 0.34 * height } else { 0.0 };
        let left = centre - (length + skew) / 2.0;
        if at > 0 {
            let before = network.stages[at - 1].data;
            let from = 12.0 + pitch * (at as f64 - 0.5) + half_width(before) + 3.0;
            arrow(svg, (from, axis), (left - 3.0, axis));
        }
        block(svg, (left, axis), (length, height, skew), colours(stage, network.learns));
        svg.text((centre, top + 172.0), Anchor::Middle, SMALL, &size(stage.data));
        for (line, words) in stage.made_by.split('\n').enumerate() {
            svg.text((centre, top + 187.0 + 13.0 * line as f64), Anchor::Middle, SMALL, words);
        }
    }
}

/// Length and height of a block, in pixels.
fn extent(data: Data) -> (f64, f64) {
    match data {
        Data::Images { channels, side } => (3.0 + 4.2 * (channels as f64).log2(), 18.0 * (side as f64).sqrt()),
        Data::Vector(len) => (9.0, (10.5 * (len as f64).log2()).max(9.0)),
    }
}

fn half_width(data: Data) -> f64 {
    let (length, height) = extent(data);
    if let Data::Images { .. } = data { (length + 0.34 * height) / 2.0 } else { length / 2.0 }
}

fn size(data: Data) -> String {
    match data {
        Data::Images { channels, side } => format!("{channels} \u{d7} {side}\u{b2}"),
        Data::Vector(len) => grouped(len),
    }
}

/// Front, top and side of a block. The displacement images have the colours of Fig. 1, x in front.
fn colours(stage: &Stage, learns: bool) -> [&'static str; 3] {
    match (stage.data, stage.made_by) {
        _ if !learns => ["#c9ced4", "#e3e6ea", "#b3bac2"],
        (_, made_by) if made_by.starts_with("pool") => ["#f0b35c", "#f8d9a8", "#d9963a"],
        (Data::Images { channels: ..=1, .. }, _) => ["#4ba585", "#bfe0d3", "#7cc0a8"],
        (Data::Images { channels: 2, .. }, _) => ["#d1242f", "#f3c6c4", "#8fb4dc"],
        (Data::Images { .. }, _) => ["#5b9bd0", "#b9d6ee", "#3d7cb2"],
        (Data::Vector(_), _) => ["#4ba585", "#4ba585", "#4ba585"],
    }
}

/// A block whose left end stands at `left`, its middle on the height of `axis`; `skew` is how far its back lies up and to the right.
fn block(svg: &mut Svg, (left, axis): (f64, f64), (length, height, skew): (f64, f64, f64), [front, top, side]: [&str; 3]) {
    let (up, down) = (axis - height / 2.0 + skew / 2.0, axis + height / 2.0 + skew / 2.0);
    let pen = |fill: &str| format!("fill=\"{fill}\" stroke=\"#fff\" stroke-width=\"0.8\" stroke-linejoin=\"round\"");
    let right = left + length;
    svg.polygon([(left, up), (right, up), (right, down), (left, down), (left, up)], &pen(front));
    if skew > 0.0 {
        svg.polygon([(left, up), (left + skew, up - skew), (right + skew, up - skew), (right, up), (left, up)], &pen(top));
        svg.polygon([(right, up), (right + skew, up - skew), (right + skew, down - skew), (right, down), (right, up)], &pen(side));
    }
}

fn arrow(svg: &mut Svg, from: (f64, f64), to: (f64, f64)) {
    svg.line(from, (to.0 - 4.0, to.1), "stroke=\"#6b7480\" stroke-width=\"1.4\"");
    svg.polygon([to, (to.0 - 6.0, to.1 - 3.5), (to.0 - 6.0, to.1 + 3.5), to], "fill=\"#6b7480\"");
}

/// Digits in groups of three.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let (first, rest) = digits.split_at(lead);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    (!first.is_empty()).then(|| first.to_string()).into_iter().chain(groups).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_groups() {
        assert_eq!([7, 256, 2048, 14_819_840].map(grouped), ["7", "256", "2 048", "14 819 840"]);
    }

    #[test]
    fn more_is_larger() {
        let images = |channels, side| extent(Data::Images { channels, side });
        assert!(images(512, 8).0 > images(256, 8).0 && images(2, 16).1 > images(2, 8).1);
        assert!(extent(Data::Vector(2048)).1 > extent(Data::Vector(256)).1);
    }
}
