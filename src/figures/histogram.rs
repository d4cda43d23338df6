//! Distributions as steps.

use super::axes::Panel;
use super::svg::Svg;

/// Share of all `values` in each of `bins` bins from `low` to `high`, over the bin's width. Values outside count among all.
pub(super) fn density(values: &[f64], (low, high): (f64, f64), bins: usize) -> Vec<f64> {
    let width = (high - low) / bins as f64;
    let mut density = vec![0.0; bins];
    for value in values.iter().filter(|v| (low..high).contains(v)) {
        density[(((value - low) / width) as usize).min(bins - 1)] += 1.0 / (width * values.len() as f64);
    }
    density
}

/// The value that `share` of the values do not exceed; 0 of nothing.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    let place = (share * values.len().saturating_sub(1) as f64) as usize;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(place, f64::total_cmp).1 }
}

/// The line over bins of these `heights` between `low` and `high`.
pub(super) fn steps(heights: &[f64], (low, high): (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    let edge = move |bin: usize| low + (high - low) * bin as f64 / heights.len() as f64;
    heights.iter().enumerate().flat_map(move |(bin, height)| [(edge(bin), *height), (edge(bin + 1), *height)])
}

/// Bins as a filled surface with an outline, standing on the panel's lower end.
pub(super) fn filled(svg: &mut Svg, panel: &Panel, heights: &[f64], (low, high): (f64, f64), colour: &str) {
    let floor = panel.vertical.low();
    let outline = [(low, floor)].into_iter().chain(steps(heights, (low, high))).chain([(high, floor)]);
    svg.polygon(outline.map(|(x, y)| panel.at((x, y.max(floor)))), &format!("fill=\"{colour}\" fill-opacity=\"0.32\""));
    outlined(svg, panel, heights, (low, high), &format!("stroke=\"{colour}\" stroke-width=\"1.6\""));
}

/// Bins as an outline alone.
pub(super) fn outlined(svg: &mut Svg, panel: &Panel, heights: &[f64], range: (f64, f64), style: &str) {
    let floor = panel.vertical.low();
    panel.line(svg, steps(heights, range).map(|(x, y)| (x, y.max(floor))), style);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_counts_all_values_but_shows_a_part() {
        assert_eq!(density(&[0.1, 0.45, 0.55, 0.9], (0.0, 0.5), 2), [1.0, 1.0]);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(steps(&[1.0, 3.0], (0.0, 4.0)).collect::<Vec<_>>(), [(0.0, 1.0), (2.0, 1.0), (2.0, 3.0), (4.0, 3.0)]);
    }
}
