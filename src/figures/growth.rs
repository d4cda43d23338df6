//! How time and memory grow with one size at a time: the plots of docs/performance.md.

use super::axes::Axis;
use super::colour;
use super::series::{Series, curves, entries, log_width};
use super::svg::{Area, Svg};

/// What was measured at one size.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Along the axis.
    pub size: f64,
    /// Median time, in seconds.
    pub seconds: f64,
    /// Most memory, in bytes.
    pub bytes: f64,
}

/// Time and memory against one size.
#[derive(Debug, Clone)]
pub struct Growth {
    /// What grows.
    pub title: &'static str,
    /// The size, with its unit.
    pub label: &'static str,
    /// Ascending.
    pub points: Vec<Measured>,
}

/// Panels of a row.
const COLUMNS: usize = 3;

/// A panel for each of `growths`, both axes logarithmic.
pub fn growth(growths: &[Growth]) -> String {
    let rows = growths.len().div_ceil(COLUMNS);
    let mut svg = Svg::new(1140.0, 320.0 * rows as f64 + 20.0);
    for (i, Growth { title, label, points }) in growths.iter().enumerate() {
        let of = |pick: fn(&Measured) -> f64| points.iter().map(|p| (p.size, pick(p), 0.0)).collect();
        let series = [
            Series { name: "Time (ms)", colour: colour::DESIGN, dashed: false, points: of(|p| 1e3 * p.seconds) },
            Series { name: "Memory (MB)", colour: colour::SEED, dashed: true, points: of(|p| 1e-6 * p.bytes) },
        ];
        let heights = || series.iter().flat_map(|s| &s.points).map(|p| p.1);
        let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(0.0, f64::max));
        let area = Area { x: 70.0 + 375.0 * (i % COLUMNS) as f64, y: 36.0 + 320.0 * (i / COLUMNS) as f64, width: 290.0, height: 230.0 };
        let (left, right) = log_width(&series);
        // The legend stands above the curves.
        let axes = (Axis::log(left, right, label), Axis::log(low / 1.4, high * (high / low).powf(0.4), "ms, MB"));
        let panel = curves(&mut svg, area, axes, &series, (["a", "b", "c", "d", "e", "f"][i % 6], title));
        panel.legend(&mut svg, (0.06, 0.07), &entries(&series));
    }
    svg.finish("Time and memory against one size at a time")
}
