//! The eight symmetries of the square lattice, on displacements.
//!
//! A symmetry g moves site r to g r, and turns the displacement that sits there with it:
//!
//! ```text
//! (g u)(g r) = g u(r)
//! ```
//!
//! All distances stay, so the Hamiltonian (Eq. 1) only renames its sites, with either boundary, and every mode area stays too.

use crate::ops::philox::{Stream, draw};
use std::ops::Neg;

/// A mirror, a rotation, or nothing: reversing x, reversing y, then exchanging the two, each or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symmetry {
    reverse_x: bool,
    reverse_y: bool,
    exchange: bool,
}

impl Symmetry {
    /// All eight; the first is the identity.
    pub const ALL: [Symmetry; 8] = {
        let mut all = [Symmetry { reverse_x: false, reverse_y: false, exchange: false }; 8];
        let mut k = 0;
        while k < 8 {
            all[k] = Symmetry { reverse_x: k & 1 != 0, reverse_y: k & 2 != 0, exchange: k & 4 != 0 };
            k += 1;
        }
        all
    };

    /// Under which sample `sample` of a training set is seen in `epoch`: each with the same probability.
    pub fn drawn(seed: u64, epoch: u64, sample: u32) -> Self {
        Self::ALL[draw(seed, Stream::Symmetry, epoch, sample)[0] as usize % 8]
    }

    /// Writes the displacement (2, L, L) under the symmetry to `out`.
    ///
    /// # Panics
    /// When a length is not 2 L^2.
    pub fn apply<T: Copy + Neg<Output = T>>(self, size: usize, displacement: &[T], out: &mut [T]) {
        let sites = size * size;
        assert!(displacement.len() == 2 * sites && out.len() == 2 * sites, "a displacement has 2 x L x L numbers");
        let along = |reverse: bool, n: usize, d: T| if reverse { (size - 1 - n, -d) } else { (n, d) };
        for site in 0..sites {
            let (nx, dx) = along(self.reverse_x, site / size, displacement[site]);
            let (ny, dy) = along(self.reverse_y, site % size, displacement[sites + site]);
            let (nx, ny, dx, dy) = if self.exchange { (ny, nx, dy, dx) } else { (nx, ny, dx, dy) };
            (out[nx * size + ny], out[sites + nx * size + ny]) = (dx, dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::{Boundary, Lattice, solve};
    use crate::progress::Silent;

    fn turned(symmetry: Symmetry, size: usize, displacement: &[f64]) -> Vec<f64> {
        let mut out = vec![f64::NAN; displacement.len()];
        symmetry.apply(size, displacement, &mut out);
        out
    }

    /// One displaced site of four, at (0, 0), by (1, 2): where it goes and what becomes of it.
    #[test]
    fn sites_move_and_vectors_turn() {
        let displacement = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0];
        for (symmetry, site, vector) in [
            (0, 0, (1.0, 2.0)),
            (1, 2, (-1.0, 2.0)),
            (2, 1, (1.0, -2.0)),
            (3, 3, (-1.0, -2.0)),
            (4, 0, (2.0, 1.0)),
            (5, 1, (2.0, -1.0)),
            (6, 2, (-2.0, 1.0)),
            (7, 3, (-2.0, -1.0)),
        ] {
            let out = turned(Symmetry::ALL[symmetry], 2, &displacement);
            assert_eq!((out[site], out[4 + site]), vector, "{symmetry}");
            assert_eq!(out.iter().filter(|d| **d != 0.0).count(), 2, "{symmetry}");
        }
    }

    #[test]
    fn mode_areas_and_energies_stay() {
        let displacement: Vec<f64> = (0..50).map(|i| 0.5 * f64::from(i * i).sin()).collect();
        for boundary in [Boundary::Open, Boundary::Periodic] {
            let lattice = Lattice { size: 5, boundary, ..Lattice::default() };
            let before = solve(&lattice, &displacement, &Silent).unwrap();
            for symmetry in Symmetry::ALL {
                let after = solve(&lattice, &turned(symmetry, 5, &displacement), &Silent).unwrap();
                let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                let (w, e) = (apart(&before.mode_area, &after.mode_area), apart(&before.energy, &after.energy));
                assert!(w < 1e-9 && e < 1e-14, "{symmetry:?}, {boundary:?}: w {w:e}, E {e:e} apart");
            }
            // Vectors that stay behind make another lattice.
            let mut scalar = turned(Symmetry::ALL[1], 5, &displacement);
            scalar[..25].iter_mut().for_each(|dx| *dx = -*dx);
            let other = solve(&lattice, &scalar, &Silent).unwrap();
            assert!(other.mode_area.iter().zip(&before.mode_area).any(|(a, b)| (a - b).abs() > 1e-3));
        }
    }

    #[test]
    fn all_eight_are_drawn_alike_and_anew_in_each_epoch() {
        let mut counts = [0; 8];
        let place = |epoch, sample| Symmetry::ALL.iter().position(|s| *s == Symmetry::drawn(3, epoch, sample)).unwrap();
        (0..8000).for_each(|sample| counts[place(0, sample)] += 1);
        assert!(counts.iter().all(|c| (850..1150).contains(c)), "{counts:?}");
        let same = (0..8000).filter(|sample| place(0, *sample) == place(1, *sample)).count();
        assert!((850..1150).contains(&same), "{same} of 8000 are seen alike in two epochs");
    }
}
