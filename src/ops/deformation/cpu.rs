//! The deformation on the CPU, and the sine and cosine that every device shares.

use super::{Deform, Deformation, Drawn};
use crate::Result;
use crate::device::{Cpu, Real};
use crate::ops::philox::{Stream, draw, uniform};
use rayon::prelude::*;

impl<R: Real> Deform for Cpu<R> {
    fn deform(
        &self,
        config: &Deformation,
        first: u64,
        count: usize,
        displacement: &mut Vec<f32>,
        rho: &mut Vec<f32>,
        sigma: &mut Vec<f32>,
    ) -> Result<()> {
        let images = displacement.par_chunks_exact_mut(2 * (config.size * config.size) as usize);
        images.zip(rho).zip(sigma).take(count).enumerate().for_each(|(k, ((image, rho), sigma))| {
            let drawn = deform(config, first + k as u64, image);
            (*rho, *sigma) = (drawn.rho, drawn.sigma);
        });
        Ok(())
    }
}

/// Realisation `index`: writes its displacement (2, L, L), all x then all y, and returns its amplitudes.
pub fn deform(config: &Deformation, index: u64, displacement: &mut [f32]) -> Drawn {
    let [k_rho, k_sigma, ..] = draw(config.seed, Stream::Deformation, index, 0);
    let rho = (config.rho_max * uniform(k_rho)) as f32;
    let sigma = (config.sigma_max * uniform(k_sigma)) as f32;

    let (x, y) = displacement.split_at_mut(displacement.len() / 2);
    for (site, (dx, dy)) in x.iter_mut().zip(y).enumerate() {
        let [k_theta, k_x, k_y, _] = draw(config.seed, Stream::Deformation, index, 1 + site as u32);
        let (sin, cos) = sin_cos_turn(uniform(k_theta));
        let individual = |k| f64::from(sigma) * 2.0f64.mul_add(uniform(k), -1.0);
        *dx = f64::from(rho).mul_add(cos, individual(k_x)) as f32;
        *dy = f64::from(rho).mul_add(sin, individual(k_y)) as f32;
    }
    Drawn { rho, sigma }
}

/// Sine and cosine of `turn` (a fraction of a full turn, in [0, 1]), the same bits on every device.
///
/// The nearest quarter turn q leaves r = 4 turn - q in [-1/2, 1/2], exactly. Then Taylor's series of sin and cos of x = r pi/2,
/// |x| <= pi/4, in z = r^2; the first coefficient of the sine carries its rounding error along. Error below 2e-16.
pub fn sin_cos_turn(turn: f64) -> (f64, f64) {
    /// (-1)^k (pi/2)^(2k+1) / (2k+1)!, k = 1 .. 8, highest first.
    const SIN: [f64; 8] = [
        6.0669357311061955e-12,
        -6.688035109811468e-10,
        5.692172921967927e-8,
        -3.598843235212085e-6,
        1.6044118478735983e-4,
        -4.681754135318688e-3,
        7.969262624616705e-2,
        -6.459640975062463e-1,
    ];
    /// (-1)^k (pi/2)^(2k) / (2k)!, k = 1 .. 8, highest first.
    const COS: [f64; 8] = [
        6.565963114979473e-11,
        -6.386603083791852e-9,
        4.710874778818172e-7,
        -2.5202042373060607e-5,
        9.192602748394266e-4,
        -2.086348076335296e-2,
        2.5366950790104803e-1,
        -1.2337005501361697,
    ];
    /// pi/2 minus its nearest f64.
    const HALF_PI_TAIL: f64 = 6.123233995736766e-17;

    let quarters = 4.0 * turn;
    let quarter = quarters.round();
    let r = quarters - quarter;
    let z = r * r;
    let series = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0f64, |sum, &c| sum.mul_add(z, c));
    let sin = r.mul_add(std::f64::consts::FRAC_PI_2, r * series(&SIN).mul_add(z, HALF_PI_TAIL));
    let cos = series(&COS).mul_add(z, 1.0);
    match quarter as u32 % 4 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    const PAPER: Deformation = Deformation { size: 16, rho_max: 0.6, sigma_max: 0.6, seed: 7 };

    #[test]
    fn sin_cos_meets_the_platform() {
        let mut worst = 0.0f64;
        for k in 0..200_000u32 {
            let turn = uniform(k.wrapping_mul(2_654_435_761));
            let (sin, cos) = sin_cos_turn(turn);
            // The platform's functions see an argument reduced to one octant, where its rounding costs nothing.
            let quarter = (4.0 * turn).round();
            let (s, c) = ((4.0 * turn - quarter) * FRAC_PI_2).sin_cos();
            let (s, c) = [(s, c), (c, -s), (-s, -c), (-c, s)][quarter as usize % 4];
            worst = worst.max((sin - s).abs()).max((cos - c).abs());
        }
        assert!(worst < 2e-16, "worst error {worst:e}");
    }

    #[test]
    fn sin_cos_is_exact_at_the_quarters() {
        for (turn, expected) in [(0.0, (0.0, 1.0)), (0.25, (1.0, 0.0)), (0.5, (0.0, -1.0)), (0.75, (-1.0, 0.0)), (1.0, (0.0, 1.0))] {
            assert_eq!(sin_cos_turn(turn), expected);
        }
    }

    /// The bits of one realisation: any device, any version must meet them.
    #[test]
    fn golden_bits() {
        let mut displacement = [0f32; 512];
        let drawn = deform(&PAPER, 3, &mut displacement);
        let bits = [drawn.rho, drawn.sigma, displacement[0], displacement[1], displacement[256], displacement[511]].map(f32::to_bits);
        assert_eq!(bits, GOLDEN);
    }
    const GOLDEN: [u32; 6] = [1047510274, 1041870287, 3159342281, 3188768595, 1041196358, 3191971594];

    #[test]
    fn amplitudes_bound_the_displacement_and_are_uniform() {
        let mut displacement = [0f32; 512];
        let (mut rho_sum, mut sigma_sum, mut product_sum) = (0.0, 0.0, 0.0);
        let n = 2000;
        for index in 0..n {
            let Drawn { rho, sigma } = deform(&PAPER, index, &mut displacement);
            assert!(displacement.iter().all(|d| d.abs() <= (rho + sigma) * 1.000001));
            rho_sum += f64::from(rho);
            sigma_sum += f64::from(sigma);
            product_sum += f64::from(rho) * f64::from(sigma);
        }
        let n = n as f64;
        assert!((rho_sum / n - 0.3).abs() < 0.012 && (sigma_sum / n - 0.3).abs() < 0.012);
        assert!((product_sum / n - 0.09).abs() < 0.006, "rho and sigma are independent");
    }

    #[test]
    fn moments_of_one_realisation() {
        // Large lattice: <dx^2> = rho^2 / 2 + sigma^2 / 3, <dx> = <dx dy> = 0.
        let config = Deformation { size: 128, ..PAPER };
        let mut displacement = vec![0f32; 2 * 128 * 128];
        let Drawn { rho, sigma } = deform(&config, 1, &mut displacement);
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            let (x, y) = displacement.split_at(128 * 128);
            x.iter().zip(y).map(|(&x, &y)| f(x.into(), y.into())).sum::<f64>() / (128.0 * 128.0)
        };
        let square = f64::from(rho).powi(2) / 2.0 + f64::from(sigma).powi(2) / 3.0;
        assert!((mean(&|x, _| x * x) / square - 1.0).abs() < 0.03);
        assert!((mean(&|_, y| y * y) / square - 1.0).abs() < 0.03);
        assert!(mean(&|x, _| x).abs() < 0.03 * square.sqrt());
        assert!(mean(&|x, y| x * y).abs() < 0.03 * square);
    }

    #[test]
    fn no_amplitude_no_displacement() {
        let mut displacement = [1f32; 512];
        let drawn = deform(&Deformation { rho_max: 0.0, sigma_max: 0.0, ..PAPER }, 0, &mut displacement);
        assert_eq!(drawn, Drawn { rho: 0.0, sigma: 0.0 });
        assert!(displacement.iter().all(|&d| d == 0.0));
    }
}
