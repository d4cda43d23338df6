//! The attack on single atoms (Fig. 6): one atom moves a little, and every mode area answers.
//!
//! Atom j moves by rho_a (cos theta, sin theta); the answer is dw_m = w_m after - w_m before, in f64 throughout, since a robust
//! structure answers below 1e-5.

use super::Lattice;
use super::spectrum::check_displacements;
use crate::ops::deformation::sin_cos_turn;
use crate::ops::eigh::{LabelPrecision, Labels};
use crate::ops::philox::{Stream, draw, uniform};
use crate::ops::spectrum::{Solver, Spectra};
use crate::progress::Progress;
use crate::{Error, Result};
use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which mode after the attack is "the same" as mode m before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modes {
    /// The one with the same rank among the sorted mode areas.
    #[default]
    Sorted,
    /// The one that looks like it. Greedy: of all pairs whose two modes are both free, the pair of the largest overlap
    /// |<psi|psi'>|^2 is matched next. Overlaps above 1/2 are always matched.
    Tracked,
}

/// Who is attacked, how far and in which directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// The attacked atoms: site numbers n = nx L + ny.
    pub atoms: Vec<usize>,
    /// Directions in radians (atoms, angles).
    pub theta: Vec<f64>,
    /// Length of the move, in lattice periods.
    pub rho_a: f64,
    /// How modes before and after are paired.
    pub modes: Modes,
}

/// The answer of one structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// Mode areas before the attack (N), ascending.
    pub mode_area: Vec<f64>,
    /// w after minus w before (atoms, angles, N), in the order of `mode_area`.
    pub delta_mode_area: Vec<f64>,
}

impl Attack {
    /// Every atom of `lattice` in `angles` random directions. They depend on (seed, structure, atom, angle) alone.
    ///
    /// # Errors
    /// [`Error::Value`] naming `attack.angles` when it is 0 or above 65536.
    pub fn everywhere(lattice: &Lattice, angles: usize, seed: u64, structure: u64) -> Result<Self> {
        if !(1..=1 << 16).contains(&angles) {
            return Err(Error::value("attack.angles", format!("{angles} directions an atom; 1 to 65536 are possible")));
        }
        let direction = |atom: usize, angle: usize| {
            let [k, ..] = draw(seed, Stream::Attack, structure, (atom as u32) << 16 | angle as u32);
            TAU * uniform(k)
        };
        let atoms: Vec<usize> = (0..lattice.sites()).collect();
        let theta = atoms.iter().flat_map(|&atom| (0..angles).map(move |angle| direction(atom, angle))).collect();
        Ok(Attack { atoms, theta, rho_a: 0.01, modes: Modes::Sorted })
    }

    /// Attacks one structure, `displacement` (2, L, L), on `device`, in f64 whatever the precision of `labels`. Tracked modes are matched on the processor, one thread an attack:
    /// their bits do not depend on the number of threads, nor on the device.
    ///
    /// # Errors
    /// [`Error::Value`] for an impossible lattice, displacement, `attack.rho_a`, atom or angle; [`Error::Failed`] from the
    /// eigen-solver; [`Error::Interrupted`].
    pub fn strike<D: Spectra>(
        &self,
        device: &D,
        labels: &Labels,
        lattice: &Lattice,
        displacement: &[f64],
        progress: &dyn Progress,
    ) -> Result<Shift> {
        self.validate(lattice, displacement)?;
        progress.begin("attack", self.theta.len() as u64, "attacks");
        let shift = match self.modes {
            Modes::Sorted => self.strike_sorted(device, labels, lattice, displacement, progress),
            Modes::Tracked => self.strike_tracked(lattice, displacement, progress),
        }?;
        progress.end();
        Ok(shift)
    }

    /// The structure with its k-th atom moved, `moved` being a copy of it.
    fn shift(&self, k: usize, moved: &mut [f64]) {
        let atom = self.atoms[k / (self.theta.len() / self.atoms.len())];
        let (sin, cos) = sin_cos_turn(self.theta[k].rem_euclid(TAU) / TAU);
        let sites = moved.len() / 2;
        moved[atom] += self.rho_a * cos;
        moved[sites + atom] += self.rho_a * sin;
    }

    /// The areas' ranks alone matter, so that many attacked structures are solved at once.
    fn strike_sorted<D: Spectra>(
        &self,
        device: &D,
        labels: &Labels,
        lattice: &Lattice,
        displacement: &[f64],
        progress: &dyn Progress,
    ) -> Result<Shift> {
        let hopping = lattice.hopping();
        let labels = &Labels { precision: LabelPrecision::F64, ..*labels };
        let quiet = Within { progress, before: 0 };
        let mode_area = device.spectra(labels, &hopping, displacement, &quiet)?.mode_area;
        let mut delta_mode_area = Vec::with_capacity(self.theta.len() * lattice.sites());
        for first in (0..self.theta.len()).step_by(D::BATCH) {
            let mut moved = displacement.repeat(D::BATCH.min(self.theta.len() - first));
            for (k, moved) in moved.chunks_exact_mut(displacement.len()).enumerate() {
                self.shift(first + k, moved);
            }
            let after = device.spectra(labels, &hopping, &moved, &Within { progress, before: first as u64 })?;
            let areas = after.mode_area.chunks_exact(mode_area.len());
            delta_mode_area.extend(areas.flat_map(|after| after.iter().zip(&mode_area).map(|(after, before)| after - before)));
        }
        Ok(Shift { mode_area, delta_mode_area })
    }

    fn strike_tracked(&self, lattice: &Lattice, displacement: &[f64], progress: &dyn Progress) -> Result<Shift> {
        let sites = lattice.sites();
        let mut solver = Solver::new(lattice.hopping());
        solver.solve(displacement)?;
        let before = Modeset::new(&solver);

        let done = AtomicU64::new(0);
        let mut delta_mode_area = vec![0.0; self.theta.len() * sites];
        delta_mode_area.par_chunks_exact_mut(sites).enumerate().try_for_each_init(
            || Solver::new(lattice.hopping()),
            |solver, (k, delta)| {
                if progress.stop() {
                    return Err(Error::Interrupted("the attack on this structure is not kept".into()));
                }
                let mut moved = displacement.to_vec();
                self.shift(k, &mut moved);
                solver.solve(&moved)?;
                let after = Modeset::new(solver);
                let partner = before.track(&after);
                for (m, delta) in delta.iter_mut().enumerate() {
                    *delta = after.areas[partner[m]] - before.areas[m];
                }
                progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, "");
                Ok(())
            },
        )?;
        Ok(Shift { mode_area: before.areas, delta_mode_area })
    }

    fn validate(&self, lattice: &Lattice, displacement: &[f64]) -> Result<()> {
        lattice.validate()?;
        check_displacements(lattice, displacement)?;
        let sites = lattice.sites();
        if displacement.len() != 2 * sites {
            return Err(Error::value("displacement", format!("{} numbers; one structure has {}", displacement.len(), 2 * sites)));
        }
        if !(self.rho_a.is_finite() && self.rho_a >= 0.0) {
            return Err(Error::value("attack.rho_a", format!("{}; the move must be a finite length, 0 or above", self.rho_a)));
        }
        if let Some(atom) = self.atoms.iter().find(|&&atom| atom >= sites) {
            return Err(Error::value("attack.atoms", format!("there is no atom {atom}; the lattice has 0 to {}", sites - 1)));
        }
        if self.atoms.is_empty() || self.theta.is_empty() || !self.theta.len().is_multiple_of(self.atoms.len()) {
            let fault = format!("{} directions for {} atoms; each atom needs the same number", self.theta.len(), self.atoms.len());
            return Err(Error::value("attack.angles", fault));
        }
        if let Some(theta) = self.theta.iter().find(|theta| !theta.is_finite()) {
            return Err(Error::value("attack.angles", format!("a direction is {theta}; it must be finite")));
        }
        Ok(())
    }
}

/// Progress of a part of the attacks, `before` of them being done already.
struct Within<'a> {
    progress: &'a dyn Progress,
    before: u64,
}

impl Progress for Within<'_> {
    fn advance(&self, done: u64, detail: &str) {
        self.progress.advance(self.before + done, detail);
    }

    fn note(&self, line: &str) {
        self.progress.note(line);
    }

    fn stop(&self) -> bool {
        self.progress.stop()
    }
}

/// The modes of one lattice in ascending order of their areas.
struct Modeset {
    areas: Vec<f64>,
    /// One mode a column (N, N).
    modes: DMatrix<f64>,
}

impl Modeset {
    fn new(solver: &Solver) -> Self {
        let areas = solver.mode_areas();
        let sites = areas.len();
        let (mut sorted, mut order) = (vec![0.0; sites], vec![0; sites]);
        crate::ops::mode_area::sort(&areas, &mut sorted, &mut order);
        let modes = order.iter().flat_map(|&m| solver.eigh.mode(m.into()).iter().copied());
        Modeset { areas: sorted, modes: DMatrix::from_iterator(sites, sites, modes) }
    }

    /// For each of our modes the mode of `after` that it became ([`Modes::Tracked`]).
    fn track(&self, after: &Modeset) -> Vec<usize> {
        let sites = self.areas.len();
        let overlap = self.modes.tr_mul(&after.modes).map(|amplitude| amplitude * amplitude);
        let mut pairs: Vec<(usize, usize)> = (0..sites).flat_map(|m| (0..sites).map(move |n| (m, n))).collect();
        pairs.sort_by(|&a, &b| overlap[b].total_cmp(&overlap[a]));

        let mut partner = vec![usize::MAX; sites];
        let mut taken = vec![false; sites];
        for (m, n) in pairs {
            if partner[m] == usize::MAX && !taken[n] {
                partner[m] = n;
                taken[n] = true;
            }
        }
        partner
    }
}
