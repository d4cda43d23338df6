//! How strongly a random lattice is deformed (Eq. 5).

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The largest amplitudes of Eq. 5, in lattice periods: each realisation draws its own below them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Amplitudes {
    /// Largest collective amplitude: every site moves by one length in a direction of its own.
    pub rho_max: f64,
    /// Largest individual amplitude: x and y of every site move on their own.
    pub sigma_max: f64,
}

impl Amplitudes {
    /// # Errors
    /// [`Error::Value`] naming `data.rho_max` or `data.sigma_max` when it is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        for (key, value) in [("data.rho_max", self.rho_max), ("data.sigma_max", self.sigma_max)] {
            // Displacements are stored in f32.
            if !(value >= 0.0 && value <= f64::from(f32::MAX) / 4.0) {
                return Err(Error::value(key, format!("{value}; an amplitude must be a finite number, 0 or above")));
            }
        }
        Ok(())
    }
}

impl Default for Amplitudes {
    fn default() -> Self {
        Population::default().amplitudes()
    }
}

/// The two readings of the paper's data: its text and its figures do not agree on one pair of amplitudes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Population {
    /// Eq. 5 as it is written: both amplitudes 0.6.
    #[default]
    Literal,
    /// Half of that: both 0.3. It meets Note S1's and Fig. S4's distribution of the average mode area, and Fig. 2's accuracy.
    Matched,
}

impl Population {
    /// Its amplitudes.
    pub fn amplitudes(self) -> Amplitudes {
        let largest = match self {
            Population::Literal => 0.6,
            Population::Matched => 0.3,
        };
        Amplitudes { rho_max: largest, sigma_max: largest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_amplitudes_are_named() {
        let with = |rho_max, sigma_max| Amplitudes { rho_max, sigma_max }.validate();
        assert!(with(0.0, 0.0).is_ok());
        for bad in [-0.1, f64::NAN, f64::INFINITY, 1e39] {
            assert!(with(bad, 0.0).unwrap_err().to_string().starts_with("data.rho_max: "));
            assert!(with(0.0, bad).unwrap_err().to_string().starts_with("data.sigma_max: "));
        }
    }
}
