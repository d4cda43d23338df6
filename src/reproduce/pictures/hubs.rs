//! Robustness, hub atoms and spectra: Fig. 6, its sweeps, and S6.

use super::super::robustness::{self, Angles, Who};
use super::super::spectra::{self, SPACINGS};
use super::super::stages::{attacked_sample, designs, set};
use super::{Source, row};
use crate::Result;
use crate::analysis::attack::Attack;
use crate::analysis::population::w_avg;
use crate::analysis::statistics::Estimate;
use crate::dataset::Attacked;
use crate::figures::{self, Harm, Removal, Response, attack, removal, sweep};
use crate::physics::Modes;

/// Fig. 6.
pub(super) fn one_pair(source: &Source) -> Result<String> {
    let (run, config, modes) = (&source.run, &source.config, source.modes());
    let (test, designs) = (set(config, run, "l2d_test")?, designs(config, run)?);
    let sample = attacked_sample(&test.mode_area, &designs, modes)?;
    let (seed, design) = (Attacked::read(&run.path("attack_seed.npz"))?, Attacked::read(&run.path("attack_design.npz"))?);
    let seed = Statistics::new(&seed, modes, row(&test.mode_area, sample, modes))?;
    let design = Statistics::new(&design, modes, row(&designs.mode_area, sample, modes))?;
    Ok(attack(seed.picture(), design.picture()))
}

/// What Fig. 6 shows of one structure.
struct Statistics {
    by_atom_and_mode: Vec<f64>,
    by_mode: Vec<f64>,
    delta: Vec<f64>,
    w_avg: f64,
}

impl Statistics {
    fn new(attacked: &Attacked, modes: usize, mode_area: &[f64]) -> Result<Self> {
        let attack = Attack::new(&attacked.delta_mode_area, modes, attacked.angles, modes)?;
        Ok(Statistics {
            by_atom_and_mode: attack.by_atom_and_mode(),
            by_mode: attack.by_mode(),
            delta: attack.hubs().delta,
            w_avg: w_avg(mode_area, modes)[0],
        })
    }

    fn picture(&self) -> figures::Attacked<'_> {
        figures::Attacked { by_atom_and_mode: &self.by_atom_and_mode, by_mode: &self.by_mode, delta: &self.delta, w_avg: self.w_avg }
    }
}

fn estimate(values: &[f64]) -> figures::Estimate {
    let Estimate { mean, error, .. } = Estimate::of(values);
    (mean, error)
}

/// Fig. 6 over all pairs.
pub(super) fn many_pairs(source: &Source) -> Result<String> {
    let all = robustness::read(&source.run)?;
    let responses = |modes: Modes| -> Vec<Response> {
        let inequality = |rho, who| {
            [
                estimate(&all.over_pairs(rho, who, modes, Angles::Mean, |hubs| hubs.cv)),
                estimate(&all.over_pairs(rho, who, modes, Angles::Mean, |hubs| hubs.largest)),
                estimate(&all.over_pairs(rho, who, modes, Angles::Mean, |hubs| hubs.gini)),
            ]
        };
        let one = |(rho, &rho_a): (usize, &f64)| {
            let falls = all.falls(rho, modes, Angles::Mean);
            let [small, whole]: [Vec<f64>; 2] = [falls.iter().map(|f| f.small_m).collect(), falls.iter().map(|f| f.all).collect()];
            let fall = [estimate(&small), estimate(&whole)];
            Response { rho_a, seed: inequality(rho, Who::Seed), design: inequality(rho, Who::Design), fall }
        };
        all.rho_a.iter().enumerate().map(one).collect()
    };
    Ok(sweep(&responses(Modes::Sorted), &responses(Modes::Tracked)))
}

/// Random against targeted harm.
pub(super) fn harms(source: &Source) -> Result<String> {
    let all = robustness::read_removal(&source.run)?;
    let losses = |harm, who| -> Vec<Removal> {
        let one = |(k, &atoms): (usize, &usize)| {
            let [random, targeted] = [false, true].map(|targeted| estimate(&all.losses(harm, who, targeted, k)));
            Removal { atoms, random, targeted }
        };
        all.atoms.iter().enumerate().map(one).collect()
    };
    let kinds = [(robustness::Harm::Removed, "atoms taken out"), (robustness::Harm::Displaced, "atoms moved")];
    let drawn = kinds.map(|(harm, title)| (title, losses(harm, Who::Seed), losses(harm, Who::Design)));
    Ok(removal(&drawn.each_ref().map(|(title, seed, design)| Harm { title, seed, design })))
}

/// Fig. S6.
pub(super) fn energies(source: &Source) -> Result<String> {
    let all = spectra::read(&source.run)?;
    let titles = ["Seeds", "Designs"].map(|who| format!("{who}, {} structures", all.n));
    let discrete = all.discrete();
    let [seed, design] = [0, 1].map(|i| figures::Spectra {
        title: &titles[i],
        map: &all.map[i],
        density: &all.density[i].0,
        density_error: &all.density[i].1,
        spacings: &all.spacings[i].0,
        spacings_error: &all.spacings[i].1,
        discrete: estimate(&discrete[i]),
    });
    Ok(figures::spectra(seed, design, all.energy, SPACINGS.1))
}
