//! Random against targeted harm: are designs fragile where their hubs are?
//!
//! `removal.npz`: what a structure loses of its localisation ([`loss`]: the cost of Eq. 3 against the untouched structure) when k atoms
//! are taken out of it ([`mode_areas_without`]), or are all moved by `attack.rho_a`, each in a direction of its own:
//!
//! | array | shape | what |
//! |---|---|---|
//! | `atoms` | (k) | how many atoms: 1, 2, 4 ... up to an eighth of all |
//! | `sample` | (n) | which test sample the pair is |
//! | `removed` | (n, 2, 2, k) | loss when they are taken out |
//! | `displaced` | (n, 2, 2, k) | loss when they are moved |
//!
//! with the axes seed, design; random, targeted. Targeted are the k atoms of largest delta (mean over the angles, modes paired as
//! `attack.modes` says, at the rho_a of the sweep nearest to `attack.rho_a`); random is the mean over `attack.repeats` sets of k atoms.
//! Moves are the mean over as many draws of directions, none of which delta was measured in: an atom that answers much in one
//! direction by chance would otherwise be its own witness.

use super::{Angles, Robustness, Who};
use crate::analysis::attack::loss;
use crate::analysis::statistics::mean;
use crate::config::Config;
use crate::dataset::{epoch_order, npz};
use crate::ops::eigh::{LabelPrecision, Labels};
use crate::ops::spectrum::Spectra;
use crate::physics::{Attack, mode_areas_without, solve_on};
use crate::progress::{Progress, Silent};
use crate::reproduce::Run;
use crate::{Error, Result};
use rayon::prelude::*;

/// `removal.npz`.
pub(in crate::reproduce) struct Removal {
    /// How many atoms are touched.
    pub(in crate::reproduce) atoms: Vec<usize>,
    pairs: usize,
    /// (n, 2, 2, k), as in the file.
    removed: Vec<f64>,
    displaced: Vec<f64>,
}

/// What is done to the atoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reproduce) enum Harm {
    Removed,
    Displaced,
}

impl Removal {
    /// The losses of each pair for the `k`-th number of atoms, random or targeted.
    pub(in crate::reproduce) fn losses(&self, harm: Harm, who: Who, targeted: bool, k: usize) -> Vec<f64> {
        let values = if harm == Harm::Removed { &self.removed } else { &self.displaced };
        let at = |pair: usize| ((pair * 2 + who as usize) * 2 + usize::from(targeted)) * self.atoms.len() + k;
        (0..self.pairs).map(|pair| values[at(pair)]).collect()
    }

    /// By how many orders of magnitude a targeted harm costs more than a random one, for each pair: log10 of the ratio, mean over the
    /// numbers of atoms.
    pub(in crate::reproduce) fn excess(&self, harm: Harm, who: Who) -> Vec<f64> {
        let one = |k| {
            let (random, targeted) = (self.losses(harm, who, false, k), self.losses(harm, who, true, k));
            random.into_iter().zip(targeted).map(|(random, targeted)| (targeted / random).log10()).collect::<Vec<_>>()
        };
        let all: Vec<Vec<f64>> = (0..self.atoms.len()).map(one).collect();
        (0..self.pairs).map(|pair| mean(&all.iter().map(|of| of[pair]).collect::<Vec<_>>())).collect()
    }
}

pub(super) const FILE: &str = "removal.npz";

/// Reads `removal.npz`.
pub(in crate::reproduce) fn read(run: &Run) -> Result<Removal> {
    let path = run.path(FILE);
    let mut npz = npz::Npz::open(&path)?;
    let (removed, displaced) = (npz.array("removed")?, npz.array("displaced")?);
    let &[pairs, 2, 2, k] = removed.shape.as_slice() else {
        return Err(Error::file(&path, format!("removed has shape {:?}; (n, 2, 2, k) is needed", removed.shape)));
    };
    let atoms: Vec<usize> = npz.array("atoms")?.values.iter().map(|a| *a as usize).collect();
    if displaced.shape != removed.shape || atoms.len() != k {
        return Err(Error::file(&path, "its arrays are of different lengths; remove it, and the stage makes it again"));
    }
    Ok(Removal { atoms, pairs, removed: removed.values, displaced: displaced.values })
}

/// Makes `removal.npz`.
pub(super) fn compute<'a, D: Spectra>(
    device: &D,
    config: &Config,
    run: &Run,
    attacked: &Robustness,
    displacement: impl Fn(usize) -> [&'a [f64]; 2],
    progress: &dyn Progress,
) -> Result<()> {
    let keys = &config.attack;
    let sites = config.lattice.sites();
    let atoms: Vec<usize> = std::iter::successors(Some(1), |k| Some(2 * k)).take_while(|&k| k == 1 || 8 * k <= sites).collect();
    let rho = attacked.nearest(keys.rho_a);
    progress.begin("remove atoms", 2 * attacked.pairs.len() as u64, "structures");
    let (mut removed, mut displaced) = (Vec::new(), Vec::new());
    for (done, pair) in attacked.pairs.iter().enumerate() {
        for (who, displacement) in [Who::Seed, Who::Design].into_iter().zip(displacement(pair.sample)) {
            if progress.stop() {
                return Err(Error::Interrupted("the removal of atoms starts again".into()));
            }
            let hubs = attacked.hubs(pair, rho, who, keys.modes, Angles::Mean).ranking();
            let harmed = Structure { device, config, sample: pair.sample, displacement, hubs };
            let [out, moved] = harmed.losses(&atoms)?;
            removed.extend(out);
            displaced.extend(moved);
            progress.advance((2 * done + who as usize + 1) as u64, "");
        }
    }
    progress.end();
    let (n, k) = (attacked.pairs.len(), atoms.len());
    let numbers = |values: Vec<usize>| values.into_iter().map(|v| v as f64).collect::<Vec<f64>>();
    npz::write_npz(&run.path(FILE), |npz| {
        npz.array("atoms", &[k], &numbers(atoms))?;
        npz.array("sample", &[n], &numbers(attacked.pairs.iter().map(|pair| pair.sample).collect()))?;
        npz.array("removed", &[n, 2, 2, k], &removed)?;
        npz.array("displaced", &[n, 2, 2, k], &displaced)
    })
}

/// A seed or a design that is harmed.
struct Structure<'a, D> {
    device: &'a D,
    config: &'a Config,
    sample: usize,
    displacement: &'a [f64],
    /// Its atoms, those that answer most first.
    hubs: Vec<usize>,
}

impl<D: Spectra> Structure<'_, D> {
    /// What it loses when atoms are removed and when they are moved, each (2, k): random, targeted; for each number of `atoms`.
    fn losses(&self, atoms: &[usize]) -> Result<[Vec<f64>; 2]> {
        let Structure { device, config, sample, displacement, .. } = *self;
        let (repeats, rho_a, lattice) = (config.attack.repeats, config.attack.rho_a, &config.lattice);
        let labels = Labels { precision: LabelPrecision::F64, ..config.labels };
        let solved = |structures: &[f64]| solve_on(device, &labels, lattice, structures, &Silent).map(|spectrum| spectrum.mode_area);
        let before = solved(displacement)?;
        // Of seed and design alike, so that chance does not part them.
        let draw = |repeat: usize| (sample * repeats + repeat) as u64;
        let shuffle = |repeat: usize| {
            let order = epoch_order(config.seed ^ SETS, draw(repeat), self.hubs.len());
            order.into_iter().map(|atom| atom as usize).collect::<Vec<usize>>()
        };
        let orders: Vec<Vec<usize>> = (0..repeats).map(shuffle).collect();
        // Random and targeted sets of each number of atoms, one a draw of directions: (2, k, repeats).
        let sets: Vec<&[usize]> = [false, true]
            .into_iter()
            .flat_map(|targeted| atoms.iter().flat_map(move |&k| (0..repeats).map(move |repeat| (targeted, k, repeat))))
            .map(|(targeted, k, repeat)| if targeted { &self.hubs[..k] } else { &orders[repeat][..k] })
            .collect();

        let (random, targeted) = sets.split_at(sets.len() / 2);
        let without = |set: &&[usize]| mode_areas_without(lattice, displacement, set).map(|after| loss(&before, &after));
        let removed: Vec<f64> = random.par_iter().chain(targeted.par_iter().step_by(repeats)).map(without).collect::<Result<_>>()?;
        let mut displaced = Vec::with_capacity(sets.len());
        for (first, sets) in (0..).step_by(D::BATCH).zip(sets.chunks(D::BATCH)) {
            let mut moved = Vec::with_capacity(sets.len() * displacement.len());
            for (at, set) in (first..).zip(sets) {
                let directions = Attack::everywhere(lattice, 1, config.seed ^ MOVES, draw(at % repeats))?;
                moved.extend(directions.displace(displacement, set, rho_a));
            }
            displaced.extend(solved(&moved)?.chunks_exact(before.len()).map(|after| loss(&before, after)));
        }

        let (random, targeted) = removed.split_at(random.len());
        let removed = random.chunks_exact(repeats).map(mean).chain(targeted.iter().copied()).collect();
        Ok([removed, displaced.chunks_exact(repeats).map(mean).collect()])
    }
}

/// Seeds apart from those of everything else that is shuffled or attacked.
const SETS: u64 = 0x5e75 << 32;
const MOVES: u64 = 0x304e << 32;
