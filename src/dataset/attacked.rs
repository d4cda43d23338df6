//! Attack files: what every mode area did when every atom was moved (Fig. 6), all f8.

use super::fingerprint;
use super::npz::{Npz, write_npz};
use super::shards::{Finished, Sharded};
use crate::Result;
use crate::ops::eigh::Labels;
use crate::ops::spectrum::Spectra;
use crate::physics::{Attack, Lattice, Shift};
use crate::progress::{Part, Progress};
use serde_json::json;
use std::ops::Range;
use std::path::Path;

/// Attacks of a shard: some seconds of a processor.
const ATTACKS: usize = 4096;

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
    /// The answer of one structure to the `attack` on all of its atoms.
    pub fn new(attack: Attack, shift: Shift) -> Self {
        let mut one = Self::none(&attack);
        one.push(attack, shift);
        one
    }

    /// No structure's answer to attacks like this one.
    fn none(attack: &Attack) -> Self {
        let (atoms, rho_a) = (attack.atoms.len(), attack.rho_a);
        Attacked { delta_mode_area: Vec::new(), theta: Vec::new(), atoms, angles: attack.theta.len() / atoms, rho_a }
    }

    fn push(&mut self, attack: Attack, shift: Shift) {
        self.delta_mode_area.extend(shift.delta_mode_area);
        self.theta.extend(attack.theta);
    }

    /// Attacks every structure of `displacement` (n, 2, L, L) beside the file `out`, structure k by `attack(k)`, on all of its atoms. The same
    /// call goes on where it was cut. [`Finished::join`] has yet to add `rho_a`.
    ///
    /// # Errors
    /// Those of `attack`, [`Attack::strike`] and of writing; another process at the same job; Ctrl-C, after the shards before were saved.
    pub fn beside<D: Spectra>(
        device: &D,
        labels: &Labels,
        lattice: &Lattice,
        displacement: &[f64],
        out: &Path,
        attack: impl Fn(u64) -> Result<Attack>,
        progress: &dyn Progress,
    ) -> Result<Finished> {
        let (first, row) = (attack(0)?, 2 * lattice.sites());
        // The first directions tell their number and the seed.
        let [structures, theta] = [displacement, &first.theta].map(|numbers| fingerprint(bytemuck::cast_slice(numbers)));
        let spec = json!({
            "attack": structures, "lattice": lattice, "labels": labels, "theta": theta, "rho_a": first.rho_a, "modes": first.modes
        });
        let arrays = &["delta_mode_area", "theta", "atom"];
        let each = first.theta.len();
        let job = Sharded { spec, count: displacement.len() / row, shard: (ATTACKS / each).max(1), rows: "structures", arrays };
        progress.begin("attack", (job.count * each) as u64, "attacks");
        let strike = |rows: Range<usize>| {
            let mut answers = Attacked::none(&first);
            for k in rows {
                let (attack, part) = (attack(k as u64)?, Part { progress, before: (k * each) as u64 });
                let shift = attack.strike(device, labels, lattice, &displacement[k * row..][..row], &part)?;
                answers.push(attack, shift);
            }
            Ok(answers)
        };
        let attacked = job.beside(out, strike, |path, _, answer| answer.write(path))?;
        progress.end();
        Ok(attacked)
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
