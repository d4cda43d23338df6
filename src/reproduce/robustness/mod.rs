//! The attack over many pairs of seed and design (Fig. 6), and random against targeted removal of atoms ([`removal`]).
//!
//! The pairs are those of [`attack_pairs`]: the `attack.pairs` test samples nearest to the paper's own pair. Seed and design of a pair are
//! attacked in the same directions, and one solve gives both pairings of modes.
//!
//! `robustness.npz`, n pairs, r lengths of the move, N atoms and modes; all f8, in C order:
//!
//! | array | shape | what |
//! |---|---|---|
//! | `sample` | (n) | which test sample the pair is |
//! | `w_avg` | (n, 2) | average mode area of seed, design |
//! | `accuracy` | (n) | truth accuracy of the design, a share of 1 |
//! | `rho_a` | (r) | lengths of the move, in lattice periods |
//! | `by_mode` | (n, r, 2, 2, 2, N) | abs(dw_m), mean over the atoms |
//! | `by_atom` | (n, r, 2, 2, 2, N) | the same, mean over the modes: delta before it is normalised |
//!
//! The three axes of two are seed, design; sorted, tracked modes; mean over the angles, first angle alone. The file is written again
//! after each pair, so a run that was cut goes on with the next one.

mod removal;
mod rows;

pub(super) use removal::{Harm, read as read_removal};
pub(super) use rows::rows;

use super::Run;
use super::material::Material;
use crate::analysis::attack::{Attack as Changes, Hubs, Reduction, reduction};
use crate::analysis::population::{attack_pairs, w_avg};
use crate::config::Config;
use crate::dataset::npz;
use crate::ops::spectrum::Spectra;
use crate::physics::{Attack, Modes};
use crate::progress::{Part, Progress};
use crate::{Error, Result};

/// Of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Seed,
    Design,
}

/// What stands for an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Angles {
    /// The mean over its directions.
    Mean,
    /// The first of them alone, as in the paper.
    First,
}

/// `robustness.npz`.
pub(super) struct Robustness {
    /// Lengths of the move.
    pub(super) rho_a: Vec<f64>,
    /// Atoms of a structure, and its modes.
    pub(super) sites: usize,
    /// The pairs that are done.
    pub(super) pairs: Vec<Pair>,
}

/// How one pair answers.
pub(super) struct Pair {
    /// Which test sample.
    pub(super) sample: usize,
    /// Of seed and design.
    pub(super) w_avg: [f64; 2],
    /// Truth accuracy of the design.
    pub(super) accuracy: f64,
    /// (r, 2, 2, 2, N), as in the file.
    by_mode: Vec<f64>,
    by_atom: Vec<f64>,
}

impl Robustness {
    /// Where the answers of one kind stand in a pair.
    fn place(&self, rho: usize, who: Who, modes: Modes, angles: Angles) -> std::ops::Range<usize> {
        let at = ((rho * 2 + who as usize) * 2 + usize::from(modes == Modes::Tracked)) * 2 + angles as usize;
        at * self.sites..(at + 1) * self.sites
    }

    /// abs(dw_m) of a pair, mean over the atoms (N): a line of Fig. 6a, b. `rho` counts the lengths of the move.
    pub(super) fn by_mode(&self, pair: &Pair, rho: usize, who: Who, modes: Modes, angles: Angles) -> Vec<f64> {
        pair.by_mode[self.place(rho, who, modes, angles)].to_vec()
    }

    /// The normalised errors of a pair's atoms: a map of Fig. 6c, d.
    pub(super) fn hubs(&self, pair: &Pair, rho: usize, who: Who, modes: Modes, angles: Angles) -> Hubs {
        Hubs::new(&pair.by_atom[self.place(rho, who, modes, angles)])
    }

    /// A number of the normalised errors, over the pairs.
    pub(super) fn over_pairs(&self, rho: usize, who: Who, modes: Modes, angles: Angles, of: impl Fn(&Hubs) -> f64) -> Vec<f64> {
        self.pairs.iter().map(|pair| of(&self.hubs(pair, rho, who, modes, angles))).collect()
    }

    /// The fall of abs(dw_m) from seed to design, in orders of magnitude, of each pair.
    pub(super) fn falls(&self, rho: usize, modes: Modes, angles: Angles) -> Vec<Reduction> {
        let line = |pair, who| self.by_mode(pair, rho, who, modes, angles);
        self.pairs.iter().map(|pair| reduction(&line(pair, Who::Seed), &line(pair, Who::Design))).collect()
    }

    /// The length of the move nearest to `rho_a`, by its logarithm: its place in `self.rho_a`.
    pub(super) fn nearest(&self, rho_a: f64) -> usize {
        let off = |i: usize| (self.rho_a[i] / rho_a).ln().abs();
        (0..self.rho_a.len()).min_by(|&a, &b| off(a).total_cmp(&off(b))).unwrap_or(0)
    }

    fn write(&self, run: &Run) -> Result<()> {
        let (n, r, sites) = (self.pairs.len(), self.rho_a.len(), self.sites);
        let column = |of: &dyn Fn(&Pair) -> Vec<f64>| self.pairs.iter().flat_map(of).collect::<Vec<f64>>();
        npz::write_npz(&run.path(FILE), |npz| {
            npz.array("sample", &[n], &column(&|pair| vec![pair.sample as f64]))?;
            npz.array("w_avg", &[n, 2], &column(&|pair| pair.w_avg.to_vec()))?;
            npz.array("accuracy", &[n], &column(&|pair| vec![pair.accuracy]))?;
            npz.array("rho_a", &[r], &self.rho_a)?;
            npz.array("by_mode", &[n, r, 2, 2, 2, sites], &column(&|pair| pair.by_mode.clone()))?;
            npz.array("by_atom", &[n, r, 2, 2, 2, sites], &column(&|pair| pair.by_atom.clone()))
        })
    }
}

const FILE: &str = "robustness.npz";

/// Reads `robustness.npz`.
pub(super) fn read(run: &Run) -> Result<Robustness> {
    let path = run.path(FILE);
    let mut npz = npz::Npz::open(&path)?;
    let (by_mode, by_atom) = (npz.array("by_mode")?, npz.array("by_atom")?);
    let &[n, r, 2, 2, 2, sites] = by_mode.shape.as_slice() else {
        return Err(Error::file(&path, format!("by_mode has shape {:?}; (n, r, 2, 2, 2, N) is needed", by_mode.shape)));
    };
    let (sample, w_avg, accuracy, rho_a) = (npz.array("sample")?, npz.array("w_avg")?, npz.array("accuracy")?, npz.array("rho_a")?);
    if rho_a.shape != [r] || by_atom.shape != by_mode.shape || sample.shape != [n] || w_avg.shape != [n, 2] || accuracy.shape != [n] {
        return Err(Error::file(&path, "its arrays are of different lengths; remove it, and the stage makes it again"));
    }
    let row = 8 * r * sites;
    let pair = |k: usize| Pair {
        sample: sample.values[k] as usize,
        w_avg: [w_avg.values[2 * k], w_avg.values[2 * k + 1]],
        accuracy: accuracy.values[k],
        by_mode: by_mode.values[k * row..][..row].to_vec(),
        by_atom: by_atom.values[k * row..][..row].to_vec(),
    };
    Ok(Robustness { rho_a: rho_a.values, sites, pairs: (0..n).map(pair).collect() })
}

/// Attacks the pairs that are not done yet, then harms them.
pub(super) fn compute<D: Spectra>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    let keys = &config.attack;
    let sites = config.lattice.sites();
    let mut done = if run.path(FILE).exists() { read(run)? } else { Robustness { rho_a: keys.sweep.clone(), sites, pairs: Vec::new() } };
    if done.pairs.len() >= keys.pairs && run.path(removal::FILE).exists() {
        return Ok(());
    }
    let material = Material::load(config, run)?;
    let (seed, design, truth) = (w_avg(&material.targets, sites), &material.w_avg, &material.accuracy);
    let chosen = attack_pairs(&seed, design, truth, keys.pairs);
    let structures = [&material.seeds, &material.designs.structures.displacement];
    let displacement = |sample: usize| structures.map(|all| &all[sample * 2 * sites..][..2 * sites]);

    let each = (2 * keys.sweep.len() * sites * keys.sweep_angles) as u64;
    progress.begin("attack pairs", each * chosen.len() as u64, "attacks");
    for &sample in &chosen[done.pairs.len().min(chosen.len())..] {
        let part = Part { progress, before: each * done.pairs.len() as u64 };
        let (by_mode, by_atom) = attack(device, config, sample, displacement(sample), &part)?;
        done.pairs.push(Pair { sample, w_avg: [seed[sample], design[sample]], accuracy: truth[sample], by_mode, by_atom });
        done.write(run)?;
    }
    progress.end();
    if !run.path(removal::FILE).exists() {
        removal::compute(device, config, run, &done, displacement, progress)?;
    }
    Ok(())
}

/// The rows `by_mode` and `by_atom` of one pair, (r, 2, 2, 2, N).
fn attack<D: Spectra>(
    device: &D,
    config: &Config,
    sample: usize,
    structures: [&[f64]; 2],
    progress: &Part,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (keys, lattice, sites) = (&config.attack, &config.lattice, config.lattice.sites());
    let (mut by_mode, mut by_atom) = (Vec::new(), Vec::new());
    let mut before = progress.before;
    for &rho_a in &keys.sweep {
        for displacement in structures {
            let attack = Attack { rho_a, ..Attack::everywhere(lattice, keys.sweep_angles, config.seed, sample as u64)? };
            let part = Part { progress: progress.progress, before };
            let answer = attack.strike_both(device, &config.labels, lattice, displacement, &part)?;
            before += attack.theta.len() as u64;
            for changes in [&answer.sorted, &answer.tracked] {
                let all = Changes::new(changes, sites, keys.sweep_angles, sites)?;
                let first = all.first_angle();
                for changes in [all, Changes::new(&first, sites, 1, sites)?] {
                    by_mode.extend(changes.by_mode());
                    by_atom.extend(changes.by_atom());
                }
            }
        }
    }
    Ok((by_mode, by_atom))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;
    use crate::device::Cpu;
    use crate::file;
    use crate::physics::solve;
    use crate::progress::Silent;
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Six seeds of 16 sites and as many other structures that stand for their designs.
    fn run_folder(folder: &Path) -> (Config, Run) {
        let mut config = Preset::Quick.config();
        (config.lattice.size, config.data.test) = (4, 6);
        (config.attack.pairs, config.attack.sweep, config.attack.sweep_angles, config.attack.repeats) = (3, vec![0.01, 0.1], 2, 2);
        let run = Run::new(folder);
        file::create_folder(&run.path("data")).unwrap();
        for (name, by) in [("data/l2d_test.npz", 0.3), ("designs.npz", 0.5)] {
            let displacement: Vec<f64> = (0..192u32).map(|k| by * f64::from(k * k % 1009).sin()).collect();
            let mode_area = solve(&config.lattice, &displacement, &Silent).unwrap().mode_area;
            npz::write_npz(&run.path(name), |npz| {
                npz.array("displacement", &[6, 2, 4, 4], &displacement)?;
                npz.array("mode_area", &[6, 16], &mode_area)?;
                npz.array("chained", &[6, 16], &mode_area)?;
                npz.array("untrained", &[6, 2, 4, 4], &displacement)
            })
            .unwrap();
        }
        (config, run)
    }

    /// Asks to stop after so many questions.
    struct Impatient(AtomicU64);

    impl Progress for Impatient {
        fn stop(&self) -> bool {
            self.0.fetch_sub(1, Ordering::Relaxed) < 2
        }
    }

    #[test]
    fn a_cut_run_keeps_its_pairs_and_ends_with_the_same_bytes() {
        let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (config, run) = run_folder(whole.path());
        let cpu = Cpu::<f64>::new();
        compute(&cpu, &config, &run, &Silent).unwrap();
        let (_, second) = run_folder(cut.path());
        // A pair is 2 structures x 2 lengths x 16 atoms x 2 angles = 128 attacks.
        let stopped = compute(&cpu, &config, &second, &Impatient(AtomicU64::new(200)));
        assert!(matches!(stopped, Err(Error::Interrupted(_))));
        assert_eq!(read(&second).unwrap().pairs.len(), 1);
        compute(&cpu, &config, &second, &Silent).unwrap();
        for name in [FILE, removal::FILE] {
            assert_eq!(std::fs::read(run.path(name)).unwrap(), std::fs::read(second.path(name)).unwrap(), "{name}");
        }

        let (attacked, removal) = (read(&run).unwrap(), read_removal(&run).unwrap());
        assert_eq!((attacked.pairs.len(), attacked.nearest(0.02), attacked.nearest(0.05)), (3, 0, 1));
        assert_eq!(removal.atoms, [1, 2]);
        // The stage's place for each answer, against an attack of its own.
        let pair = &attacked.pairs[1];
        let attack = Attack { rho_a: 0.1, ..Attack::everywhere(&config.lattice, 2, config.seed, pair.sample as u64).unwrap() };
        let displacement = crate::dataset::load_structures(&run.path("designs.npz")).unwrap().displacement;
        let answer = attack.strike_both(&cpu, &config.labels, &config.lattice, &displacement[pair.sample * 32..][..32], &Silent).unwrap();
        let tracked = Changes::new(&answer.tracked, 16, 2, 16).unwrap();
        assert_eq!(attacked.by_mode(pair, 1, Who::Design, Modes::Tracked, Angles::Mean), tracked.by_mode());
        let first = tracked.first_angle();
        let first = Changes::new(&first, 16, 1, 16).unwrap();
        assert_eq!(attacked.hubs(pair, 1, Who::Design, Modes::Tracked, Angles::First), first.hubs());
        // Two atoms taken out of sixteen cost more than two moved by a hundredth of a period.
        for (who, targeted) in [(Who::Seed, false), (Who::Seed, true), (Who::Design, false), (Who::Design, true)] {
            let [removed, moved] = [Harm::Removed, Harm::Displaced].map(|harm| removal.losses(harm, who, targeted, 1));
            assert!(removed.iter().zip(&moved).all(|(removed, moved)| removed > moved && *moved > 0.0), "{removed:?} {moved:?}");
        }
        let rows = rows(&config, &run).unwrap();
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        for id in ["6ab.small_m", "6ab.all", "6d.cv", "6c.mean", "6sweep.1e-1.cv", "control.attack.1e-1.mean", "6removal.removed"] {
            assert!(ids.contains(&id), "{id} in {ids:?}");
        }
        assert!(rows.iter().all(|row| row.n == 3 && row.ours.is_some()), "{rows:?}");
    }
}
