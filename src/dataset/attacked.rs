//! Attack files: what every mode area did when every atom was moved (Fig. 6), all f8.

use super::npz::{Npz, write_npz};
use crate::Result;
use crate::ops::eigh::Labels;
use crate::ops::spectrum::Spectra;
use crate::physics::{Attack, Lattice, Modes};
use crate::progress::Progress;
use std::path::Path;

/// The attack on every atom of some structures.
#[derive(Debug, Clone, PartialEq)]
pub struct Attacked {
    /// (n, atoms, angles, N): sorted mode area after minus before.
    pub delta_mode_area: Vec<f64>,
    /// (n, atoms, angles), radians.
    pub theta: Vec<f64>,
    /// Atoms of a structure.
    pub atoms: usize,
    /// Directions an atom.
    pub angles: usize,
    /// How far an atom was moved, in lattice periods.
    pub rho_a: f64,
}

impl Attacked {
    /// Attacks every atom of every structure in `displacement` (n, 2, L, L).
    ///
    /// # Errors
    /// More answers than memory is thought to hold; those of [`Attack::everywhere`] and [`Attack::strike`].
    #[allow(clippy::too_many_arguments)]
    pub fn strike<D: Spectra>(
        device: &D,
        labels: &Labels,
        lattice: &Lattice,
        displacement: &[f64],
        rho_a: f64,
        angles: usize,
        modes: Modes,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Self> {
        Attack::check_answers(displacement.len() / (2 * lattice.sites()), lattice, angles)?;
        let mut all = Attacked { delta_mode_area: Vec::new(), theta: Vec::new(), atoms: lattice.sites(), angles, rho_a };
        for (structure, displacement) in displacement.chunks_exact(2 * lattice.sites()).enumerate() {
            let attack = Attack { rho_a, modes, ..Attack::everywhere(lattice, angles, seed, structure as u64)? };
            all.delta_mode_area.extend(attack.strike(device, labels, lattice, displacement, progress)?.delta_mode_area);
            all.theta.extend(attack.theta);
        }
        Ok(all)
    }

    /// Writes the file, atomically.
    pub fn write(&self, path: &Path) -> Result<()> {
        let shape = [self.theta.len() / (self.atoms * self.angles), self.atoms, self.angles];
        let modes = self.delta_mode_area.len() / self.theta.len();
        let atom: Vec<f64> = (0..self.theta.len()).map(|k| (k / self.angles % self.atoms) as f64).collect();
        write_npz(path, |npz| {
            npz.array("delta_mode_area", &[shape[0], shape[1], shape[2], modes], &self.delta_mode_area)?;
            npz.array("theta", &shape, &self.theta)?;
            npz.array("atom", &shape, &atom)?;
            npz.array("rho_a", &[], &[self.rho_a])
        })
    }

    /// Reads what [`Attacked::write`] wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let mut npz = Npz::open(path)?;
        let theta = npz.array("theta")?;
        let &[_, atoms, angles] = theta.shape.as_slice() else {
            return Err(crate::Error::file(path, format!("theta has shape {:?}; (n, atoms, angles) is needed", theta.shape)));
        };
        let rho_a = npz.array("rho_a")?.values.first().copied().unwrap_or(f64::NAN);
        Ok(Attacked { delta_mode_area: npz.array("delta_mode_area")?.values, theta: theta.values, atoms, angles, rho_a })
    }
}
