//! Axes with ticks, panels that map data to pixels, legends and colour bars.

use super::colour::{self, Scale};
use super::svg::{Anchor, Area, LABEL, SMALL, Svg};

/// One axis: its range, whether it is logarithmic, and its label (with the markup of [`Svg::text`]).
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// Has it ticks at whole numbers alone?
    whole: bool,
    label: &'static str,
    /// Names of the places 0, 1, ...; of an axis of numbers, none.
    names: Vec<String>,
}

impl Axis {
    /// A linear axis over exactly this range.
    pub fn linear(low: f64, high: f64, label: &'static str) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Axis { low, high, log: false, whole: false, label, names: vec![] }
    }

    /// A linear axis of things that are counted.
    pub fn whole(low: f64, high: f64, label: &'static str) -> Self {
        Axis { whole: true, ..Axis::linear(low, high, label) }
    }

    /// A logarithmic axis over exactly this range, both ends positive.
    pub fn log(low: f64, high: f64, label: &'static str) -> Self {
        let low = if low > 0.0 && low.is_finite() { low } else { f64::MIN_POSITIVE.sqrt() };
        let high = if high > low { high } else { 10.0 * low };
        Axis { low, high, log: true, whole: false, label, names: vec![] }
    }

    /// One place for each of `names`: 0, 1, ...
    pub fn names(names: Vec<String>, label: &'static str) -> Self {
        Axis { low: -0.5, high: names.len().max(1) as f64 - 0.5, log: false, whole: false, label, names }
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// `value`, or the end that it lies beyond.
    pub fn held(&self, value: f64) -> f64 {
        value.clamp(self.low, self.high)
    }

    /// Where `value` lies between the ends, 0 to 1 inside.
    pub fn fraction(&self, value: f64) -> f64 {
        if self.log { (value / self.low).ln() / (self.high / self.low).ln() } else { (value - self.low) / (self.high - self.low) }
    }

    /// Labelled places.
    fn ticks(&self) -> Vec<(f64, String)> {
        if !self.names.is_empty() {
            return self.names.iter().enumerate().map(|(place, name)| (place as f64, name.clone())).collect();
        }
        if !self.log {
            return self.even_ticks();
        }
        let (first, last) = self.decades();
        if (self.high / self.low).log10() < 2.0 {
            let places = (first - 1..=last).flat_map(|d| [1.0, 2.0, 5.0].map(|k| k * 10f64.powi(d))).filter(|v| self.holds(*v));
            let ticks: Vec<_> = places.map(|v| (v, format!("{}", (v * 1e9).round() / 1e9))).collect();
            return if ticks.len() < 3 { self.even_ticks() } else { ticks };
        }
        let every = ((last - first) / 7 + 1) as usize;
        let label = |d: i32| format!("10^{{{}}}", d.to_string().replace('-', "\u{2212}"));
        (first..=last).rev().step_by(every).map(|d| (10f64.powi(d), label(d))).collect()
    }

    /// Labelled places at even steps.
    fn even_ticks(&self) -> Vec<(f64, String)> {
        let step = tick_step((self.high - self.low) / 6.0).max(if self.whole { 1.0 } else { 0.0 });
        let decimals = (-step.log10()).ceil().max(0.0) as usize;
        let (first, last) = ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        (first..=last).map(|i| (i as f64 * step, format!("{:.decimals$}", i as f64 * step).replace('-', "\u{2212}"))).collect()
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

    /// How many of `points` fall into each of `columns` x `rows` cells, as a raster of `scale` that follows the logarithm of the count.
    pub fn cloud(&self, svg: &mut Svg, points: impl IntoIterator<Item = (f64, f64)>, (columns, rows): (usize, usize), scale: &Scale) {
        svg.raster(self.area, columns, rows, &self.counts(points, columns, rows), &colour::palette(scale));
    }

    /// The cells of [`Panel::cloud`], column by column from the bottom up, as steps of a palette; nothing where no point falls.
    fn counts(&self, points: impl IntoIterator<Item = (f64, f64)>, columns: usize, rows: usize) -> Vec<Option<u8>> {
        let mut counts = vec![0usize; columns * rows];
        for (x, y) in points {
            let place = (self.horizontal.fraction(x), self.vertical.fraction(y));
            if (0.0..=1.0).contains(&place.0) && (0.0..=1.0).contains(&place.1) {
                let cell = |fraction: f64, cells: usize| ((fraction * cells as f64) as usize).min(cells - 1);
                counts[cell(place.0, columns) * rows + cell(place.1, rows)] += 1;
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(2) as f64;
        // A lone point must stand out from the paper, so the scale does not start at its end.
        let step = |count: usize| colour::step(0.3 + 0.7 * (count as f64).ln() / most.ln());
        counts.into_iter().map(|count| (count > 0).then(|| step(count))).collect()
    }

    /// Frame, ticks, labels, and the panel's letter and title above.
    pub fn frame(&self, svg: &mut Svg, letter: &str, title: &str) {
        self.ticks(svg);
        let Area { x, y, width, height } = self.area;
        svg.text((x + width / 2.0, y + height + 36.0), Anchor::Middle, LABEL, self.horizontal.label);
        svg.text_upwards((x - 44.0, y + height / 2.0), LABEL, self.vertical.label);
        svg.letter((x - 50.0, y - 9.0), letter);
        svg.text((x + width / 2.0, y - 9.0), Anchor::Middle, LABEL, title);
    }

    /// The frame without labels and title.
    pub fn ticks(&self, svg: &mut Svg) {
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
    }

    /// Lines of a legend, from `corner` (fractions of the panel, from its top left) downwards: the style of a stroke, and its name.
    pub fn legend(&self, svg: &mut Svg, corner: (f64, f64), entries: &[(String, &str)]) {
        let (x, y) = (self.area.x + corner.0 * self.area.width, self.area.y + corner.1 * self.area.height);
        for (i, (style, name)) in entries.iter().enumerate() {
            let y = y + 16.0 * i as f64;
            svg.line((x, y), (x + 22.0, y), style);
            svg.text_over((x + 28.0, y + 0.35 * SMALL), Anchor::Start, SMALL, name);
        }
    }
}

/// A vertical colour bar, ticks and label on its right.
pub fn colour_bar(svg: &mut Svg, area: Area, axis: &Axis, scale: &Scale) {
    let cells: Vec<_> = (0..colour::STEPS).map(Some).collect();
    svg.raster(area, 1, cells.len(), &cells, &colour::palette(scale));
    svg.rect(area, "fill=\"none\" stroke=\"#222\"");
    let right = area.x + area.width;
    let ticks = axis.ticks();
    // Digits are about half as wide as they are high.
    let longest = ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0) as f64;
    svg.text_upwards((right + 26.0 + 0.6 * SMALL * longest, area.y + area.height / 2.0), LABEL, axis.label);
    for (value, label) in ticks {
        let at = area.y + area.height * (1.0 - axis.fraction(value));
        svg.line((right, at), (right + 4.0, at), "stroke=\"#222\"");
        svg.text((right + 7.0, at + 0.35 * SMALL), Anchor::Start, SMALL, &label);
    }
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
        assert_eq!(labels(&Axis::log(0.61, 0.64, "")), ["0.610", "0.615", "0.620", "0.625", "0.630", "0.635", "0.640"]);
        assert_eq!(labels(&Axis::whole(0.0, 2.0, "")), ["0", "1", "2"]);
        assert_eq!(labels(&Axis::names(vec!["fc1".into(), "fc2".into()], "")), ["fc1", "fc2"]);
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
    fn counts_go_to_their_cells() {
        let area = Area { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
        let panel = Panel { area, horizontal: Axis::linear(0.0, 2.0, ""), vertical: Axis::log(1e-4, 1e-2, "") };
        let cells = panel.counts([(0.5, 1e-4), (1.5, 1e-2), (0.5, 1e-4), (1.5, 0.0), (0.1, f64::NAN)], 2, 9);
        assert_eq!(cells.iter().flatten().count(), 2);
        assert_eq!(cells[0], Some(colour::STEPS - 1));
        assert!(cells[17].is_some_and(|step| step < colour::STEPS - 1));
    }

    #[test]
    fn axes_end_well() {
        let ends = [0.61, 0.6, 1.02, 37.0, 0.0].map(round_up);
        assert!(ends.iter().zip([0.65, 0.6, 1.5, 40.0, 1.0]).all(|(end, expected)| (end - expected).abs() < 1e-9), "{ends:?}");
    }
}
