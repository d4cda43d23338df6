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

    /// L* (lightness, 0 to 100) and b* (from blue to yellow) of an sRGB colour, CIE 1976 with white point D65.
    fn lightness_and_yellowness(colour: &str) -> (f64, f64) {
        let [r, g, b] = [1, 3, 5].map(|at| {
            let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
        (116.0 * y - 16.0, 200.0 * (y - z))
    }

    fn lightness(colour: &str) -> f64 {
        lightness_and_yellowness(colour).0
    }

    /// What a colour-blind reader, or a black-and-white print, still sees.
    #[test]
    fn lightness_is_monotonic_along_every_scale() {
        for (name, scale, sign) in
            [("viridis", &VIRIDIS[..], 1.0), ("inferno", &INFERNO, 1.0), ("reds", &REDS, -1.0), ("blues", &BLUES, -1.0)]
        {
            let lightness: Vec<f64> = palette(scale).iter().map(|colour| sign * lightness(colour)).collect();
            assert!(lightness.is_sorted_by(|a, b| a < b), "{name}: {lightness:.1?}");
            let whole = lightness[lightness.len() - 1] - lightness[0];
            let steepest = lightness.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
            assert!(whole > 60.0 && steepest < 2.5 * whole / f64::from(STEPS - 1), "{name}: {whole:.1}, steepest step {steepest:.2}");
        }
    }

    /// Lightness and the difference of blue and yellow are what red-green blindness leaves.
    #[test]
    fn colours_that_stand_side_by_side_differ_for_every_reader() {
        for (a, b) in [(SEED, DESIGN), (TRUTH, "#222222"), (MEAN, DESIGN), (TRUTH, MEAN), (RUNS[0], RUNS[1])] {
            let ((l, y), (m, z)) = (lightness_and_yellowness(a), lightness_and_yellowness(b));
            assert!((l - m).hypot(y - z) > 25.0, "{a} {b}: {:.1} {:.1}", l - m, y - z);
        }
    }

    #[test]
    fn ends_and_middle() {
        assert_eq!(at(&VIRIDIS, -1.0), "#440154");
        assert_eq!(at(&VIRIDIS, 2.0), "#fde725");
        assert_eq!(at(&VIRIDIS, 0.5), "#21918c");
        assert_eq!(palette(&INFERNO).len(), usize::from(STEPS));
        assert_eq!((step(0.0), step(1.0), step(f64::NAN)), (0, STEPS - 1, 0));
    }
}
