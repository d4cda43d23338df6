//! The colours: perceptual scales and a few names, all safe for colour-blind readers.

/// Seeds: bluish green (Okabe and Ito's palette, as the next ones).
pub const SEED: &str = "#009e73";
/// Designs: orange.
pub const DESIGN: &str = "#e07b00";
/// The truth where it is set against a network; single attacks.
pub const TRUTH: &str = "#d1242f";
/// Averages.
pub const MEAN: &str = "#0b5fa5";
/// What a network says, fits, axes.
pub const INK: &str = "#222";
/// What stays in the background.
pub const GHOST: &str = "#b8bec6";
/// Lines of several runs in one panel.
pub const RUNS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// A scale: colours at even steps, from low to high.
pub type Scale = [[u8; 3]];

/// Matplotlib's viridis.
pub const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 45, 123],
    [59, 82, 139],
    [44, 114, 142],
    [33, 145, 140],
    [40, 174, 128],
    [94, 201, 98],
    [173, 220, 48],
    [253, 231, 37],
];
/// Matplotlib's inferno.
pub const INFERNO: [[u8; 3]; 9] =
    [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]];
/// White to red: the x image of Fig. 1d; counts.
pub const REDS: [[u8; 3]; 3] = [[255, 255, 255], [244, 130, 110], [160, 10, 30]];
/// White to blue: the y image of Fig. 1e.
pub const BLUES: [[u8; 3]; 3] = [[255, 255, 255], [110, 165, 225], [10, 50, 140]];

/// The colour at `fraction` (0 to 1, held there) of a scale.
pub fn at(scale: &Scale, fraction: f64) -> String {
    let place = fraction.clamp(0.0, 1.0) * (scale.len() - 1) as f64;
    let low = (place as usize).min(scale.len() - 2);
    let [r, g, b] = std::array::from_fn(|c| {
        let (from, to) = (f64::from(scale[low][c]), f64::from(scale[low + 1][c]));
        (from + (to - from) * (place - low as f64)).round() as u8
    });
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Steps of a palette: more than the eye parts, few enough for a small file.
pub const STEPS: u8 = 64;

/// A scale in [`STEPS`] steps.
pub fn palette(scale: &Scale) -> Vec<String> {
    (0..STEPS).map(|step| at(scale, f64::from(step) / f64::from(STEPS - 1))).collect()
}

/// The step of a palette nearest to `fraction`.
pub fn step(fraction: f64) -> u8 {
    (fraction.clamp(0.0, 1.0) * f64::from(STEPS - 1)).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        assert_eq!(at(&VIRIDIS, -1.0), "#440154");
        assert_eq!(at(&VIRIDIS, 2.0), "#fde725");
        assert_eq!(at(&VIRIDIS, 0.5), "#21918c");
        assert_eq!(palette(&INFERNO).len(), usize::from(STEPS));
        assert_eq!((step(0.0), step(1.0), step(f64::NAN)), (0, STEPS - 1, 0));
    }
}
