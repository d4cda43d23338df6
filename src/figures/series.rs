//! Curves with error bars: what Fig. S3 and the sweeps of Fig. 6 are made of.

use super::axes::{Axis, Panel};
use super::svg::{Area, Svg};

/// One curve.
#[derive(Debug, Clone)]
pub struct Series<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its colour.
    pub colour: &'static str,
    /// Dashed and hollow, where a second kind of the same thing is drawn.
    pub dashed: bool,
    /// x, y, and the half length of y's error bar (0 for none). What is not finite is left out.
    pub points: Vec<(f64, f64, f64)>,
}

/// Lowest and highest end of any error bar, with a margin.
pub(super) fn span(series: &[Series]) -> (f64, f64) {
    let ends = series.iter().flat_map(|s| &s.points).filter(|p| p.1.is_finite());
    let error = |e: f64| if e.is_finite() { e } else { 0.0 };
    let (low, high) =
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.1 - error(p.2)), high.max(p.1 + error(p.2))));
    if low > high {
        return (0.0, 1.0);
    }
    let margin = 0.08 * (high - low).max(1e-3 * high.abs()).max(1e-12);
    (low - margin, high + margin)
}

/// Lowest and highest x, with a margin for a logarithmic axis.
pub(super) fn log_width(series: &[Series]) -> (f64, f64) {
    let all = || series.iter().flat_map(|s| &s.points).map(|p| p.0).filter(|x| x.is_finite());
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    (low / 1.4, high * 1.4)
}

/// Draws `series` over a horizontal and a vertical axis, with frame.
pub(super) fn curves(
    svg: &mut Svg,
    area: Area,
    (horizontal, vertical): (Axis, Axis),
    series: &[Series],
    (letter, title): (&str, &str),
) -> Panel {
    let panel = Panel { area, horizontal, vertical };
    for Series { colour, dashed, points, .. } in series {
        let finite = || points.iter().filter(|p| p.1.is_finite());
        panel.line(svg, finite().map(|p| (p.0, p.1)), &pen(colour, *dashed));
        for &(x, y, error) in finite().filter(|p| p.2.is_finite() && p.2 > 0.0) {
            let (low, high) = (panel.at((x, y - error)), panel.at((x, y + error)));
            svg.line(low, high, &format!("stroke=\"{colour}\" stroke-width=\"1.2\""));
            for end in [low, high] {
                svg.line((end.0 - 3.0, end.1), (end.0 + 3.0, end.1), &format!("stroke=\"{colour}\" stroke-width=\"1.2\""));
            }
        }
        for &(x, y, _) in finite() {
            let fill = if *dashed { "#fff" } else { colour };
            svg.circle(panel.at((x, y)), 3.2, &format!("fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.4\""));
        }
    }
    panel.frame(svg, letter, title);
    panel
}

/// The stroke of a curve.
pub(super) fn pen(colour: &str, dashed: bool) -> String {
    let dash = if dashed { " stroke-dasharray=\"5 3\"" } else { "" };
    format!("stroke=\"{colour}\" stroke-width=\"1.6\"{dash}")
}

/// The series as entries of a legend.
pub(super) fn entries<'a>(series: &[Series<'a>]) -> Vec<(String, &'a str)> {
    series.iter().map(|s| (pen(s.colour, s.dashed), s.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_holds_every_bar() {
        let series =
            Series { name: "", colour: "#000", dashed: false, points: vec![(1.0, 2.0, 0.5), (2.0, 4.0, f64::NAN), (3.0, f64::NAN, 1.0)] };
        let (low, high) = span(std::slice::from_ref(&series));
        assert!(low < 1.5 && high > 4.0 && high < 4.5);
        assert_eq!(span(&[]), (0.0, 1.0));
        assert_eq!(log_width(&[series]), (1.0 / 1.4, 3.0 * 1.4));
    }
}
