//! Axes with ticks, panels that map data to pixels, legends and colour bars.

use super::colour::{self, Scale};
use super::svg::{Anchor, Area, LABEL, SMALL, Svg};

/// One axis: its range, whether it is logarithmic, and its label (with the markup of [`Svg::text`]).
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    label: &'static str,
}

impl Axis {
    /// A linear axis over exactly this range.
    pub fn linear(low: f64, high: f64, label: &'static str) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Axis { low, high, log: false, label }
    }

    /// A logarithmic axis over exactly this range, both ends positive.
    pub fn log(low: f64, high: f64, label: &'static str) -> Self {
        let low = if low > 0.0 && low.is_finite() { low } else { f64::MIN_POSITIVE.sqrt() };
        let high = if high > low { high } else { 10.0 * low };
        Axis { low, high, log: true, label }
    }

    /// Where `value` lies between the ends, 0 to 1 inside.
    pub fn fraction(&self, value: f64) -> f64 {
        if self.log { (value / self.low).ln() / (self.high / self.low).ln() } else { (value - self.low) / (self.high - self.low) }
    }

    /// Labelled places.
    fn ticks(&self) -> Vec<(f64, String)> {
        if !self.log {
            let step = tick_step((self.high - self.low) / 6.0);
            let decimals = (-step.log10()).ceil().max(0.0) as usize;
            let (first, last) = ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
            return (first..=last).map(|i| (i as f64 * step, format!("{:.decimals$}", i as f64 * step).replace('-', "\u{2212}"))).collect();
        }
        let (first, last) = self.decades();
        if (self.high / self.low).log10() < 2.0 {
            let places = (first - 1..=last).flat_map(|d| [1.0, 2.0, 5.0].map(|k| k * 10f64.powi(d)));
            return places.filter(|v| self.holds(*v)).map(|v| (v, format!("{}", (v * 1e9).round() / 1e9))).collect();
        }
        let every = ((last - first) / 7 + 1) as usize;
        let label = |d: i32| format!("10^{{{}}}", d.to_string().replace('-', "\u{2212}"));
        (first..=last).rev().step_by(every).map(|d| (10f64.powi(d), label(d))).collect()
    }

    /// Unlabelled places between the ticks of a logarithmic axis.
    fn minor_ticks(&self) -> Vec<f64> {
        let (first, last) = self.decades();
        if !self.log || last - first > 12 {
            return vec![];
        }
        let places = (first - 1..=last).flat_map(|d| (1..10).map(move |k| f64::from(k) * 10f64.powi(d)));
        places.filter(|v| self.holds(*v)).collect()
    }

    /// The decades inside a logarithmic axis.
    fn decades(&self) -> (i32, i32) {
        ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32)
    }

    fn holds(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.fraction(value))
    }
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn tick_step(rough: f64) -> f64 {
    let decade = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|k| k * decade).into_iter().find(|step| *step >= rough * (1.0 - 1e-9)).unwrap_or(10.0 * decade)
}

/// The smallest and the largest of the finite values; (0, 1) of none.
pub fn range<'a>(values: impl IntoIterator<Item = &'a f64>) -> (f64, f64) {
    let finite = values.into_iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// `value` rounded up to a multiple of half its decade (0.61 to 0.65, 37 to 40), so that an axis ends well; 1 for what is not positive.
pub fn round_up(value: f64) -> f64 {
    if !(value > 0.0 && value.is_finite()) {
        return 1.0;
    }
    let unit = 10f64.powf(value.log10().floor()) / 2.0;
    (value / unit - 1e-9).ceil() * unit
}

/// A plot: an area and its two axes.
pub struct Panel {
    pub area: Area,
    pub horizontal: Axis,
    pub vertical: Axis,
}

impl Panel {
    /// Where a point of the data lies.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let Area { x: left, y: top, width, height } = self.area;
        (left + width * self.horizontal.fraction(x), top + height * (1.0 - self.vertical.fraction(y)))
    }

    /// A curve through the data.
    pub fn line(&self, svg: &mut Svg, points: impl IntoIterator<Item = (f64, f64)>, style: &str) {
        svg.polyline(points.into_iter().map(|point| self.at(point)), style);
    }

    /// Dots at the data.
    pub fn dots(&self, svg: &mut Svg, points: impl IntoIterator<Item = (f64, f64)>, radius: f64, colour: &str) {
        svg.dots(points.into_iter().map(|point| self.at(point)), radius, colour);
    }

    /// Frame, ticks, labels, and the panel's letter and title above.
    pub fn frame(&self, svg: &mut Svg, letter: &str, title: &str) {
        let Area { x, y, width, height } = self.area;
        let (bottom, pen) = (y + height, "stroke=\"#222\"");
        svg.rect(self.area, "fill=\"none\" stroke=\"#222\"");
        for (value, label) in self.horizontal.ticks() {
            let at = x + width * self.horizontal.fraction(value);
            svg.line((at, bottom), (at, bottom + 5.0), pen);
            svg.text((at, bottom + 17.0), Anchor::Middle, SMALL, &label);
        }
        for value in self.horizontal.minor_ticks() {
            let at = x + width * self.horizontal.fraction(value);
            svg.line((at, bottom), (at, bottom + 3.0), pen);
        }
        for (value, label) in self.vertical.ticks() {
            let at = bottom - height * self.vertical.fraction(value);
            svg.line((x, at), (x - 5.0, at), pen);
            svg.text((x - 8.0, at + 0.35 * SMALL), Anchor::End, SMALL, &label);
        }
        for value in self.vertical.minor_ticks() {
            let at = bottom - height * self.vertical.fraction(value);
            svg.line((x, at), (x - 3.0, at), pen);
        }
        svg.text((x + width / 2.0, bottom + 36.0), Anchor::Middle, LABEL, self.horizontal.label);
        svg.text_upwards((x - 42.0, y + height / 2.0), LABEL, self.vertical.label);
        svg.letter((x - 48.0, y - 9.0), letter);
        svg.text((x + width / 2.0, y - 9.0), Anchor::Middle, LABEL, title);
    }

    /// Lines of a legend, from `corner` (fractions of the panel, from its top left) downwards: the style of a stroke, and its name.
    pub fn legend(&self, svg: &mut Svg, corner: (f64, f64), entries: &[(String, &str)]) {
        let (x, y) = (self.area.x + corner.0 * self.area.width, self.area.y + corner.1 * self.area.height);
        for (i, (style, name)) in entries.iter().enumerate() {
            let y = y + 16.0 * i as f64;
            svg.line((x, y), (x + 22.0, y), style);
            svg.text((x + 28.0, y + 0.35 * SMALL), Anchor::Start, SMALL, name);
        }
    }
}

/// A vertical colour bar, ticks and label on its right.
pub fn colour_bar(svg: &mut Svg, area: Area, axis: &Axis, scale: &Scale) {
    let cells: Vec<_> = (0..colour::STEPS).map(Some).collect();
    svg.raster(area, 1, cells.len(), &cells, &colour::palette(scale));
    svg.rect(area, "fill=\"none\" stroke=\"#222\"");
    let right = area.x + area.width;
    for (value, label) in axis.ticks() {
        let at = area.y + area.height * (1.0 - axis.fraction(value));
        svg.line((right, at), (right + 4.0, at), "stroke=\"#222\"");
        svg.text((right + 7.0, at + 0.35 * SMALL), Anchor::Start, SMALL, &label);
    }
    svg.text_upwards((right + 46.0, area.y + area.height / 2.0), LABEL, axis.label);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks() {
        assert_eq!(labels(&Axis::linear(0.0, 256.0, "")), ["0", "50", "100", "150", "200", "250"]);
        assert_eq!(labels(&Axis::linear(0.0, 0.6, "")), ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]);
        assert_eq!(labels(&Axis::linear(-1.0, 1.0, "")), ["\u{2212}1.0", "\u{2212}0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(&Axis::log(1e-3, 1.0, "")), ["10^{0}", "10^{\u{2212}1}", "10^{\u{2212}2}", "10^{\u{2212}3}"]);
        assert_eq!(labels(&Axis::log(0.3, 3.0, "")), ["0.5", "1", "2"]);
        assert!(labels(&Axis::log(1e-30, 1.0, "")).len() <= 8);
    }

    #[test]
    fn degenerate_ranges_still_map() {
        for axis in [Axis::linear(2.0, 2.0, ""), Axis::log(2.0, 2.0, ""), Axis::log(0.0, 1.0, "")] {
            assert!(axis.fraction(2.0).is_finite() && axis.ticks().len() < 20);
        }
        assert_eq!(range(&[]), (0.0, 1.0));
        assert_eq!(range(&[f64::NAN, 3.0, 2.0]), (2.0, 3.0));
    }

    #[test]
    fn axes_end_well() {
        let ends = [0.61, 0.6, 1.02, 37.0, 0.0].map(round_up);
        assert!(ends.iter().zip([0.65, 0.6, 1.5, 40.0, 1.0]).all(|(end, expected)| (end - expected).abs() < 1e-9), "{ends:?}");
    }
}
