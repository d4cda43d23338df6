//! The square lattice of the paper and its tight-binding model.

use crate::ops::hamiltonian::{Hopping, hamiltonian};
use crate::ops::mode_area::MAX_SITES;
use crate::{Error, Result};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// What lies beyond the last row of sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boundary {
    /// Nothing: a finite sample. The paper's, as we read it.
    #[default]
    Open,
    /// The first row: a torus.
    Periodic,
}

/// An L x L square lattice of period 1 with hopping t0 exp(-alpha d) between all pairs of sites. The default is the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lattice {
    /// Sites along one side, L.
    pub size: usize,
    /// Open or periodic.
    pub boundary: Boundary,
    /// Hopping at distance zero.
    pub t0: f64,
    /// Decay of the hopping, per lattice period.
    pub alpha: f64,
    /// On-site energy; it shifts the spectrum and nothing else.
    pub epsilon: f64,
}

impl Default for Lattice {
    fn default() -> Self {
        Lattice { size: 16, boundary: Boundary::Open, t0: 3.14e-2, alpha: 1.1454, epsilon: 1.0 }
    }
}

/// Sites along a side at most: one Hamiltonian of so many takes 2 GiB, and days.
const LARGEST: usize = 128;

impl Lattice {
    /// The number of sites, N = L^2.
    pub fn sites(&self) -> usize {
        self.size * self.size
    }

    /// # Errors
    /// [`Error::Value`] naming the key (`lattice.size` ...) that no lattice can have.
    pub fn validate(&self) -> Result<()> {
        if !(2..=LARGEST).contains(&self.size) {
            return Err(Error::value("lattice.size", format!("{} sites along a side; 2 to {LARGEST} are possible", self.size)));
        }
        if !(self.t0.is_finite() && self.t0 != 0.0) {
            return Err(Error::value("lattice.t0", format!("{}; the hopping must be a finite number other than 0", self.t0)));
        }
        if !(self.alpha.is_finite() && self.alpha >= 0.0) {
            return Err(Error::value("lattice.alpha", format!("{}; the decay must be a finite number, 0 or above", self.alpha)));
        }
        if !self.epsilon.is_finite() {
            return Err(Error::value("lattice.epsilon", format!("{}; the on-site energy must be a finite number", self.epsilon)));
        }
        debug_assert!(self.sites() <= MAX_SITES);
        Ok(())
    }

    /// The Hamiltonian (N, N) of a displacement (2, L, L), Eq. 1, with the on-site energy on its diagonal.
    ///
    /// # Panics
    /// When `displacement` is not 2 L^2 long.
    pub fn hamiltonian(&self, displacement: &[f64]) -> DMatrix<f64> {
        let sites = self.sites();
        assert_eq!(displacement.len(), 2 * sites, "a displacement has 2 x L x L numbers");
        let mut matrix = DMatrix::zeros(sites, sites);
        // Symmetric, so rows and columns may be exchanged.
        hamiltonian(&self.hopping(), displacement, matrix.as_mut_slice());
        matrix.fill_diagonal(self.epsilon);
        matrix
    }

    /// The same lattice as the operation wants it.
    pub(crate) fn hopping(&self) -> Hopping {
        Hopping { size: self.size as u32, periodic: u32::from(self.boundary == Boundary::Periodic), t0: self.t0, alpha: self.alpha }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_lattices_are_named() {
        let paper = Lattice::default();
        assert!(paper.validate().is_ok());
        for (lattice, key) in [
            (Lattice { size: 0, ..paper }, "lattice.size: 0 sites"),
            (Lattice { size: 1, ..paper }, "lattice.size: 1 sites"),
            (Lattice { size: 257, ..paper }, "lattice.size: 257 sites"),
            (Lattice { t0: f64::NAN, ..paper }, "lattice.t0"),
            (Lattice { alpha: -1.0, ..paper }, "lattice.alpha"),
            (Lattice { epsilon: f64::INFINITY, ..paper }, "lattice.epsilon"),
        ] {
            assert!(lattice.validate().unwrap_err().to_string().starts_with(key));
        }
    }

    #[test]
    fn hamiltonian_has_the_on_site_energy() {
        let h = Lattice { size: 2, epsilon: 1.5, ..Lattice::default() }.hamiltonian(&[0.0; 8]);
        assert_eq!(h[(3, 3)], 1.5);
        assert_eq!(h[(0, 1)], 3.14e-2 * (-1.1454f64).exp());
        assert_eq!(h, h.transpose());
    }
}
