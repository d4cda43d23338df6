//! The Hamiltonian on the CPU, in f64.

use super::{Hamiltonians, Hopping};
use crate::Result;
use crate::device::{Cpu, Real};
use rayon::prelude::*;

impl<R: Real> Hamiltonians for Cpu<R> {
    fn hamiltonians(&self, config: &Hopping, count: usize, displacement: &Vec<f64>, matrices: &mut Vec<f64>) -> Result<()> {
        let sites = (config.size * config.size) as usize;
        let matrices = matrices.par_chunks_exact_mut(sites * sites).take(count);
        matrices.zip(displacement.par_chunks_exact(2 * sites)).for_each(|(matrix, image)| hamiltonian(config, image, matrix));
        Ok(())
    }
}

/// Fills `matrix` (N, N) from `displacement` (2, L, L), all x then all y.
pub fn hamiltonian(config: &Hopping, displacement: &[f64], matrix: &mut [f64]) {
    let size = config.size as usize;
    let sites = size * size;
    let period = f64::from(config.size);
    let (x, y) = displacement.split_at(sites);

    // The difference of the crystal positions is a whole number, so it is taken first: nothing of the displacement is lost.
    let along = |crystal: usize, other_crystal: usize, d: &[f64], i: usize, j: usize| {
        let difference = (crystal as f64 - other_crystal as f64) + (d[i] - d[j]);
        if config.periodic == 1 { difference - period * (difference / period).round() } else { difference }
    };
    for i in 0..sites {
        matrix[i * sites + i] = 0.0;
        for j in 0..i {
            let dx = along(i / size, j / size, x, i, j);
            let dy = along(i % size, j % size, y, i, j);
            let hopping = config.t0 * (-config.alpha * (dx * dx + dy * dy).sqrt()).exp();
            matrix[i * sites + j] = hopping;
            matrix[j * sites + i] = hopping;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Hopping = Hopping { size: 3, periodic: 0, t0: 3.14e-2, alpha: 1.1454 };

    #[test]
    fn every_pair_by_hand() {
        let displacement: Vec<f64> = (0..18).map(|k| 0.1 * f64::from(k * k % 7) - 0.3).collect();
        let mut matrix = [f64::NAN; 81];
        hamiltonian(&SMALL, &displacement, &mut matrix);
        let position = |n: usize| ((n / 3) as f64 + displacement[n], (n % 3) as f64 + displacement[9 + n]);
        for i in 0..9 {
            for j in 0..9 {
                let ((xi, yi), (xj, yj)) = (position(i), position(j));
                let expected = if i == j { 0.0 } else { 3.14e-2 * (-1.1454 * (xi - xj).hypot(yi - yj)).exp() };
                assert!((matrix[9 * i + j] - expected).abs() < 1e-16);
                assert_eq!(matrix[9 * i + j], matrix[9 * j + i]);
            }
        }
    }

    #[test]
    fn a_torus_has_no_edge() {
        let config = Hopping { size: 5, periodic: 1, ..SMALL };
        let mut matrix = [0.0; 625];
        hamiltonian(&config, &[0.0; 50], &mut matrix);
        // Site (0, 0) meets (4, 0) and (0, 1) alike; and a whole period of displacement changes nothing.
        assert_eq!(matrix[20], matrix[1]);
        let (mut moved, mut displacement) = ([0.0; 625], [0.0; 50]);
        displacement[7] = 5.0;
        hamiltonian(&config, &displacement, &mut moved);
        assert_eq!(matrix, moved);
    }
}
