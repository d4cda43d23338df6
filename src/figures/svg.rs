//! An SVG drawing under construction: shapes, text with sub- and superscripts, rasters. Pixels, y downwards.
//!
//! Nothing in it has an id, so that any number of drawings can stand in one page; nothing in it depends on fonts or files.

use std::fmt::Write;

/// Which end of a text its position names.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle, in pixels.
#[derive(Clone, Copy)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Size of labels, in pixels.
pub const LABEL: f64 = 12.0;
/// Size of tick labels and legends.
pub const SMALL: f64 = 11.0;

/// The drawing.
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Self {
        Svg { width, height, body: String::new() }
    }

    /// The finished file. `title` is what a screen reader says.
    pub fn finish(self, title: &str) -> String {
        let (width, height, title) = (number(self.width), number(self.height), escape(title));
        format!(
            "<svg xml:space=\"preserve\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" fill=\"#222\">\n<title>{title}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }

    /// One element, with attributes as SVG spells them.
    fn element(&mut self, name: &str, geometry: &[(&str, f64)], style: &str) {
        let _ = write!(self.body, "<{name}");
        for (key, value) in geometry {
            let _ = write!(self.body, " {key}=\"{}\"", number(*value));
        }
        let _ = writeln!(self.body, " {style}/>");
    }

    pub fn rect(&mut self, area: Area, style: &str) {
        self.element("rect", &[("x", area.x), ("y", area.y), ("width", area.width), ("height", area.height)], style);
    }

    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, style: &str) {
        self.element("circle", &[("cx", x), ("cy", y), ("r", radius)], style);
    }

    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
        self.element("line", &[("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)], style);
    }

    pub fn path(&mut self, d: &str, style: &str) {
        if !d.is_empty() {
            let _ = writeln!(self.body, "<path d=\"{d}\" {style}/>");
        }
    }

    /// A line through `points`; what moves less than half a pixel is left out.
    pub fn polyline(&mut self, points: impl IntoIterator<Item = (f64, f64)>, style: &str) {
        self.path(&trace(points), &format!("fill=\"none\" stroke-linejoin=\"round\" {style}"));
    }

    /// The surface inside `points`.
    pub fn polygon(&mut self, points: impl IntoIterator<Item = (f64, f64)>, style: &str) {
        self.path(&trace(points), style);
    }

    /// A round dot at each of `points`; of those within a quarter of a dot of the last one, none is drawn.
    pub fn dots(&mut self, points: impl IntoIterator<Item = (f64, f64)>, radius: f64, colour: &str) {
        let d: String = thinned(points, radius / 2.0).map(|(x, y)| format!("M{} {}h.01", number(x), number(y))).collect();
        let width = number(2.0 * radius);
        self.path(&d, &format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\""));
    }

    /// Text with `_{sub}`, `^{super}` and `*italic*`.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, content: &str) {
        self.write_text(&format!("x=\"{}\" y=\"{}\"", number(x), number(y)), anchor, size, content);
    }

    /// The same with a white rim, for text that stands over data.
    pub fn text_over(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, content: &str) {
        let rim = "paint-order=\"stroke\" stroke=\"#fff\" stroke-opacity=\"0.85\" stroke-width=\"3.5\" stroke-linejoin=\"round\"";
        self.write_text(&format!("x=\"{}\" y=\"{}\" {rim}", number(x), number(y)), anchor, size, content);
    }

    /// The same, reading upwards.
    pub fn text_upwards(&mut self, (x, y): (f64, f64), size: f64, content: &str) {
        let place = format!("transform=\"translate({} {}) rotate(-90)\"", number(x), number(y));
        self.write_text(&place, Anchor::Middle, size, content);
    }

    /// A panel's letter.
    pub fn letter(&mut self, (x, y): (f64, f64), letter: &str) {
        if letter.is_empty() {
            return;
        }
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"15\" font-weight=\"bold\">{}</text>",
            number(x),
            number(y),
            escape(letter)
        );
    }

    fn write_text(&mut self, place: &str, anchor: Anchor, size: f64, content: &str) {
        if content.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = writeln!(self.body, "<text {place} font-size=\"{}\"{anchor}>{}</text>", number(size), markup(content, size));
    }

    /// Fills `area` with `columns` x `rows` cells, column by column from the left, each from the bottom up. A cell holds its place in
    /// `palette`, or nothing. Cells of one colour are one path, runs of them one stroke of it: a few bytes a run.
    pub fn raster(&mut self, area: Area, columns: usize, rows: usize, cells: &[Option<u8>], palette: &[String]) {
        let mut paths = vec![String::new(); palette.len()];
        for (column, cells) in cells.chunks(rows).enumerate() {
            let mut row = 0;
            for run in cells.chunk_by(|a, b| a == b) {
                if let Some(colour) = run[0] {
                    let _ = write!(paths[usize::from(colour)], "M{column} {row}h1v{}h-1z", run.len());
                }
                row += run.len();
            }
        }
        let (x, bottom) = (number(area.x), number(area.y + area.height));
        let (sx, sy) = (area.width / columns as f64, -area.height / rows as f64);
        let _ = writeln!(self.body, "<g transform=\"translate({x} {bottom}) scale({sx:.5} {sy:.5})\" shape-rendering=\"crispEdges\">");
        for (path, colour) in paths.iter().zip(palette) {
            self.path(path, &format!("fill=\"{colour}\""));
        }
        self.body.push_str("</g>\n");
    }
}

/// A number in as few characters as a hundredth of a pixel needs.
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Text that is safe inside an element and inside a quoted attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `points` as path data.
fn trace(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let places: Vec<String> = thinned(points, 0.5).map(|(x, y)| format!("{} {}", number(x), number(y))).collect();
    if places.is_empty() { String::new() } else { format!("M{}", places.join("L")) }
}

/// Drops every finite point that lies within `step` of the last one kept, and all that are not finite.
fn thinned(points: impl IntoIterator<Item = (f64, f64)>, step: f64) -> impl Iterator<Item = (f64, f64)> {
    let mut last = (f64::INFINITY, f64::INFINITY);
    points.into_iter().filter(move |&(x, y)| {
        let keep = x.is_finite() && y.is_finite() && (x - last.0).hypot(y - last.1) >= step;
        if keep {
            last = (x, y);
        }
        keep
    })
}

/// `_{sub}`, `^{super}` and `*italic*` as tspans. Each run says how far it lies from the one before.
fn markup(content: &str, size: f64) -> String {
    let (mut out, mut run) = (String::new(), String::new());
    let (mut shift, mut drawn_at, mut italic) = (0.0, 0.0, false);
    let flush = |run: &mut String, out: &mut String, shift: f64, drawn_at: &mut f64, italic: bool| {
        if run.is_empty() {
            return;
        }
        let dy = if shift == *drawn_at { String::new() } else { format!(" dy=\"{}\"", number(shift - *drawn_at)) };
        let small = if shift == 0.0 { String::new() } else { format!(" font-size=\"{}\"", number(0.74 * size)) };
        let slant = if italic { " font-style=\"italic\"" } else { "" };
        let _ = write!(out, "<tspan{dy}{small}{slant}>{}</tspan>", escape(run));
        *drawn_at = shift;
        run.clear();
    };
    let mut rest = content.chars().peekable();
    while let Some(c) = rest.next() {
        let next = match c {
            '_' if rest.peek() == Some(&'{') => Some((0.25 * size, italic)),
            '^' if rest.peek() == Some(&'{') => Some((-0.38 * size, italic)),
            '}' => Some((0.0, italic)),
            '*' => Some((shift, !italic)),
            _ => None,
        };
        let Some(next) = next else {
            run.push(c);
            continue;
        };
        flush(&mut run, &mut out, shift, &mut drawn_at, italic);
        rest.next_if_eq(&'{');
        (shift, italic) = next;
    }
    flush(&mut run, &mut out, shift, &mut drawn_at, italic);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_return_to_the_line() {
        assert_eq!(
            markup("10^{-3}*w*_{m} & c", 10.0),
            "<tspan>10</tspan><tspan dy=\"-3.8\" font-size=\"7.4\">-3</tspan><tspan dy=\"3.8\" font-style=\"italic\">w</tspan>\
             <tspan dy=\"2.5\" font-size=\"7.4\">m</tspan><tspan dy=\"-2.5\"> &amp; c</tspan>"
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(["1.5", "-0.25", "0", "100"].map(String::from), [1.5, -0.25, -0.001, 100.0].map(number));
    }

    #[test]
    fn a_raster_joins_runs_and_leaves_gaps() {
        let mut svg = Svg::new(10.0, 10.0);
        let cells = [Some(0), Some(0), None, Some(1), None, Some(0)];
        svg.raster(Area { x: 1.0, y: 2.0, width: 4.0, height: 6.0 }, 2, 3, &cells, &["#111".into(), "#eee".into()]);
        let text = svg.finish("t");
        assert!(text.contains("translate(1 8) scale(2.00000 -2.00000)"));
        assert!(text.contains("<path d=\"M0 0h1v2h-1zM1 2h1v1h-1z\" fill=\"#111\"/>"), "{text}");
        assert!(text.contains("<path d=\"M1 0h1v1h-1z\" fill=\"#eee\"/>"), "{text}");
    }

    #[test]
    fn lines_drop_what_the_eye_cannot_see() {
        let kept: Vec<_> = thinned((0..100).map(|i| (f64::from(i) * 0.1, 0.0)).chain([(f64::NAN, 0.0)]), 1.0).collect();
        assert_eq!(kept.len(), 10);
    }
}
