//! The attack on single atoms (Fig. 6): one atom moves a little, and every mode area answers.
//!
//! Atom j moves by rho_a (cos theta, sin theta); the answer is dw_m = w_m after - w_m before, in f64 throughout, since a robust
//! structure answers below 1e-5.

use super::Lattice;
use super::spectrum::check_structure;
use crate::ops::deformation::sin_cos_turn;
use crate::ops::eigh::{LabelPrecision, Labels};
use crate::ops::philox::{Stream, draw, uniform};
use crate::ops::spectrum::{Spectra, Spectrum};
use crate::progress::{Part, Progress};
use crate::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

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

/// The answer of one structure with its modes paired both ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Mode areas before the attack (N), ascending.
    pub mode_area: Vec<f64>,
    /// w after minus w before (atoms, angles, N) by [`Modes::Sorted`], in the order of `mode_area`.
    pub sorted: Vec<f64>,
    /// The same by [`Modes::Tracked`].
    pub tracked: Vec<f64>,
}

/// Numbers of the modes that are compared at once, at most: 1 GiB of them.
const MOST_MODES: usize = 1 << 27;

/// Answers of one structure at most, in atoms x directions x modes: 8 GiB of them.
const MOST_ANSWERS: usize = 1 << 30;

impl Attack {
    /// Directions of an atom at most: 16 bits of a random number's place count them.
    pub const MOST_ANGLES: usize = 1 << 16;

    /// Can every atom of `lattice` be moved in so many directions? `key` is where the number comes from.
    ///
    /// # Errors
    /// [`Error::Value`] for no direction, more than 65536, or more answers than memory is thought to hold.
    pub fn check_angles(key: &str, lattice: &Lattice, angles: usize) -> Result<()> {
        if !(1..=Self::MOST_ANGLES).contains(&angles) {
            return Err(Error::value(key, format!("{angles} directions an atom; 1 to {} are possible", Self::MOST_ANGLES)));
        }
        let sites = lattice.sites();
        match sites.checked_mul(sites).and_then(|pairs| pairs.checked_mul(angles)) {
            Some(..=MOST_ANSWERS) => Ok(()),
            _ => Err(Error::value(
                key,
                format!("{angles} directions of {sites} atoms give more than {MOST_ANSWERS} answers of their modes; take fewer"),
            )),
        }
    }

    /// Can an atom be moved so far?
    ///
    /// # Errors
    /// [`Error::Value`] naming `attack.rho_a`.
    pub fn check_length(rho_a: f64) -> Result<()> {
        if rho_a.is_finite() && rho_a > 0.0 {
            return Ok(());
        }
        Err(Error::value("attack.rho_a", format!("{rho_a}; the move must be a finite length above 0")))
    }

    /// Every atom of `lattice` in `angles` random directions. They depend on (seed, structure, atom, angle) alone.
    ///
    /// # Errors
    /// Those of [`Attack::check_angles`], which name `attack.angles`.
    pub fn everywhere(lattice: &Lattice, angles: usize, seed: u64, structure: u64) -> Result<Self> {
        Self::check_angles("attack.angles", lattice, angles)?;
        let direction = |atom: usize, angle: usize| {
            let [k, ..] = draw(seed, Stream::Attack, structure, (atom as u32) << 16 | angle as u32);
            TAU * uniform(k)
        };
        let atoms: Vec<usize> = (0..lattice.sites()).collect();
        let theta = atoms.iter().flat_map(|&atom| (0..angles).map(move |angle| direction(atom, angle))).collect();
        Ok(Attack { atoms, theta, rho_a: 0.01, modes: Modes::Sorted })
    }

    /// Attacks one structure, `displacement` (2, L, L), on `device`, in f64 whatever the precision of `labels`.
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
            Modes::Tracked => self
                .strike_both(device, labels, lattice, displacement, progress)
                .map(|Answer { mode_area, tracked, .. }| Shift { mode_area, delta_mode_area: tracked }),
        }?;
        progress.end();
        Ok(shift)
    }

    /// `displacement` (2, L, L) with the atoms `moved` at once moved by `rho_a`, each in its first direction of this attack.
    pub fn displace(&self, displacement: &[f64], moved: &[usize], rho_a: f64) -> Vec<f64> {
        let together = Attack { rho_a, ..self.clone() };
        let mut after = displacement.to_vec();
        let angles = self.theta.len() / self.atoms.len();
        moved.iter().for_each(|&atom| together.shift(atom * angles, &mut after));
        after
    }

    /// The structure with its k-th atom moved, `moved` being a copy of it.
    fn shift(&self, k: usize, moved: &mut [f64]) {
        let atom = self.atoms[k / (self.theta.len() / self.atoms.len())];
        let (sin, cos) = sin_cos_turn(self.theta[k].rem_euclid(TAU) / TAU);
        let sites = moved.len() / 2;
        moved[atom] += self.rho_a * cos;
        moved[sites + atom] += self.rho_a * sin;
    }

    /// The structures after the attacks from `first` on, `most` of them or the rest.
    fn attacked(&self, displacement: &[f64], first: usize, most: usize) -> Vec<f64> {
        let mut after = displacement.repeat(most.min(self.theta.len() - first));
        for (k, moved) in after.chunks_exact_mut(displacement.len()).enumerate() {
            self.shift(first + k, moved);
        }
        after
    }

    /// The areas' ranks alone matter: no mode leaves the device.
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
        let quiet = Part { progress, before: 0 };
        let mode_area = device.spectra(labels, &hopping, displacement, None, &quiet)?.mode_area;
        let mut delta_mode_area = Vec::with_capacity(self.theta.len() * lattice.sites());
        for first in (0..self.theta.len()).step_by(D::BATCH) {
            let attacked = self.attacked(displacement, first, D::BATCH);
            let after = device.spectra(labels, &hopping, &attacked, None, &Part { progress, before: first as u64 })?;
            let areas = after.mode_area.chunks_exact(mode_area.len());
            delta_mode_area.extend(areas.flat_map(|after| after.iter().zip(&mode_area).map(|(after, before)| after - before)));
        }
        Ok(Shift { mode_area, delta_mode_area })
    }

    /// Attacks one structure and pairs its modes both ways, from the same eigenvectors, in f64 whatever the precision of `labels`. They are
    /// solved on `device` and matched on the processor. `progress` is advanced by the number of attacks, without a stage of its own.
    ///
    /// # Errors
    /// Those of [`Attack::strike`].
    pub fn strike_both<D: Spectra>(
        &self,
        device: &D,
        labels: &Labels,
        lattice: &Lattice,
        displacement: &[f64],
        progress: &dyn Progress,
    ) -> Result<Answer> {
        self.validate(lattice, displacement)?;
        let (hopping, sites) = (lattice.hopping(), lattice.sites());
        let labels = &Labels { precision: LabelPrecision::F64, ..*labels };
        let (mut own, mut modes) = (Vec::new(), Vec::new());
        let spectrum = device.spectra(labels, &hopping, displacement, Some(&mut own), &Part { progress, before: 0 })?;
        let before = Modeset::new(&spectrum, &own, 0, sites);

        let (mut sorted, mut tracked) = (vec![0.0; self.theta.len() * sites], vec![0.0; self.theta.len() * sites]);
        let batch = D::BATCH.min((MOST_MODES / (sites * sites)).max(1));
        for first in (0..self.theta.len()).step_by(batch) {
            let attacked = self.attacked(displacement, first, batch);
            let after = device.spectra(labels, &hopping, &attacked, Some(&mut modes), &Part { progress, before: first as u64 })?;
            let answers = sorted[first * sites..].par_chunks_exact_mut(sites).zip(tracked[first * sites..].par_chunks_exact_mut(sites));
            answers.take(attacked.len() / displacement.len()).enumerate().for_each(|(k, (sorted, tracked))| {
                let after = Modeset::new(&after, &modes, k, sites);
                let partner = before.track(&after);
                for (m, &mode) in before.order.iter().enumerate() {
                    let w = before.areas[usize::from(mode)];
                    sorted[m] = after.areas[usize::from(after.order[m])] - w;
                    tracked[m] = after.areas[partner[usize::from(mode)]] - w;
                }
            });
        }
        Ok(Answer { mode_area: spectrum.mode_area, sorted, tracked })
    }

    fn validate(&self, lattice: &Lattice, displacement: &[f64]) -> Result<()> {
        check_structure(lattice, displacement)?;
        let sites = lattice.sites();
        Self::check_length(self.rho_a)?;
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

/// The modes of one lattice in the order of their energies.
struct Modeset<'a> {
    areas: Vec<f64>,
    /// Places in that order by ascending area.
    order: &'a [u16],
    /// One mode a row (N, N).
    modes: &'a [f64],
}

impl<'a> Modeset<'a> {
    /// Of lattice `k` of those in `spectrum`, whose modes are (n, N, N).
    fn new(spectrum: &'a Spectrum, modes: &'a [f64], k: usize, sites: usize) -> Self {
        let order = &spectrum.order[k * sites..][..sites];
        let mut areas = vec![0.0; sites];
        order.iter().zip(&spectrum.mode_area[k * sites..]).for_each(|(&mode, w)| areas[usize::from(mode)] = *w);
        Modeset { areas, order, modes: &modes[k * sites * sites..][..sites * sites] }
    }

    fn overlap(&self, m: usize, after: &Modeset, n: usize) -> f64 {
        let sites = self.areas.len();
        let (psi, phi) = (&self.modes[m * sites..][..sites], &after.modes[n * sites..][..sites]);
        psi.iter().zip(phi).map(|(psi, phi)| psi * phi).sum::<f64>().powi(2)
    }

    /// For each of our modes the mode of `after` that it became ([`Modes::Tracked`]).
    ///
    /// Nearly always that is the one of the same energy or a neighbour of it. A mode's overlaps with all others sum to 1, so an overlap
    /// above 1/2 is the largest of both its modes, and the greedy rule takes it whatever the rest is: those pairs are matched without a
    /// look at the others. What they leave over is matched by the rule itself.
    fn track(&self, after: &Modeset) -> Vec<usize> {
        const NEIGHBOURS: usize = 3;
        let sites = self.areas.len();
        let mut partner = vec![usize::MAX; sites];
        let mut taken = vec![false; sites];
        for (m, partner) in partner.iter_mut().enumerate() {
            let near = m.saturating_sub(NEIGHBOURS)..(m + NEIGHBOURS + 1).min(sites);
            let same = std::iter::once(m).chain(near.filter(|&n| n != m));
            if let Some(n) = same.filter(|&n| !taken[n]).find(|&n| self.overlap(m, after, n) > 0.5) {
                (*partner, taken[n]) = (n, true);
            }
        }
        let lost: Vec<usize> = (0..sites).filter(|&m| partner[m] == usize::MAX).collect();
        let free: Vec<usize> = (0..sites).filter(|&n| !taken[n]).collect();
        let mut pairs: Vec<(f64, usize, usize)> =
            lost.iter().flat_map(|&m| free.iter().map(move |&n| (self.overlap(m, after, n), m, n))).collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, m, n) in pairs {
            if partner[m] == usize::MAX && !taken[n] {
                (partner[m], taken[n]) = (n, true);
            }
        }
        partner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Cpu;
    use crate::progress::Silent;

    /// A lattice of 16 sites without symmetry.
    fn structure() -> (Lattice, Vec<f64>) {
        let lattice = Lattice { size: 4, ..Lattice::default() };
        (lattice, (0..32).map(|k| 0.4 * f64::from(k * k % 17).sin()).collect())
    }

    /// The rule as it reads: all pairs by falling overlap.
    fn greedy(before: &Modeset, after: &Modeset) -> Vec<usize> {
        let sites = before.areas.len();
        let mut pairs: Vec<(usize, usize)> = (0..sites).flat_map(|m| (0..sites).map(move |n| (m, n))).collect();
        pairs.sort_by(|a, b| before.overlap(b.0, after, b.1).total_cmp(&before.overlap(a.0, after, a.1)));
        let (mut partner, mut taken) = (vec![usize::MAX; sites], vec![false; sites]);
        for (m, n) in pairs {
            if partner[m] == usize::MAX && !taken[n] {
                (partner[m], taken[n]) = (n, true);
            }
        }
        partner
    }

    #[test]
    fn tracking_is_greedy_however_far_an_atom_moves() {
        let (lattice, displacement) = structure();
        let solved = |displacement: &[f64]| {
            let mut modes = Vec::new();
            let (device, labels) = (Cpu::<f64>::new(), Labels::default());
            (device.spectra(&labels, &lattice.hopping(), displacement, Some(&mut modes), &Silent).unwrap(), modes)
        };
        let (spectrum, modes) = solved(&displacement);
        let before = Modeset::new(&spectrum, &modes, 0, 16);
        let mut reordered = 0;
        for step in [1e-3, 0.1, 0.5, 1.5] {
            for atom in 0..16 {
                let mut moved = displacement.clone();
                moved[atom] += step;
                let (spectrum, modes) = solved(&moved);
                let after = Modeset::new(&spectrum, &modes, 0, 16);
                let partner = before.track(&after);
                assert_eq!(partner, greedy(&before, &after), "atom {atom} by {step}");
                reordered += partner.iter().enumerate().filter(|(m, n)| m != *n).count();
            }
        }
        assert!(reordered > 100, "{reordered} modes changed their place: too tame a test");
    }

    #[test]
    fn impossible_attacks_are_refused_before_their_memory_is_asked_for() {
        for (size, angles, possible) in
            [(16, 0, false), (16, 1, true), (16, 16384, true), (16, 16385, false), (32, 65536, false), (32, 1024, true), (16, 65537, false)]
        {
            let lattice = Lattice { size, ..Lattice::default() };
            let checked = Attack::check_angles("attack.sweep_angles", &lattice, angles);
            assert_eq!(checked.is_ok(), possible, "{size}, {angles}");
            assert!(possible || checked.unwrap_err().to_string().starts_with(&format!("attack.sweep_angles: {angles} directions")));
            assert!(possible || Attack::everywhere(&lattice, angles, 1, 0).is_err());
        }
    }

    #[test]
    fn both_pairings_are_those_of_their_own() {
        let (lattice, displacement) = structure();
        let attack = Attack { rho_a: 0.2, ..Attack::everywhere(&lattice, 2, 1, 0).unwrap() };
        let strike = |modes| {
            let attack = Attack { modes, ..attack.clone() };
            attack.strike(&Cpu::<f64>::new(), &Labels::default(), &lattice, &displacement, &Silent).unwrap()
        };
        let both = attack.strike_both(&Cpu::<f64>::new(), &Labels::default(), &lattice, &displacement, &Silent).unwrap();
        let sorted = strike(Modes::Sorted);
        assert_eq!((&both.mode_area, &both.sorted), (&sorted.mode_area, &sorted.delta_mode_area));
        assert_eq!(both.tracked, strike(Modes::Tracked).delta_mode_area);
        assert_ne!(both.sorted, both.tracked);
    }
}
