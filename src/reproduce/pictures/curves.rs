//! Mode areas of whole sets, and training: Fig. 2fg, 3cde, S1, S2, the trainings of the run, and the population.

use super::super::stages::{designs, predicted, set};
use super::super::{Run, sets, sweep};
use super::{Branch, Source, if_there};
use crate::Result;
use crate::analysis::population::w_avg;
use crate::config::Config;
use crate::dataset::load_labelled;
use crate::figures::{self, Structures, d2l_localisation, l2d_localisation, population, training};
use crate::nn::Kind;
use crate::train::{Metrics, read_metrics};

/// The trainings of the run.
pub(super) fn trainings(source: &Source) -> Result<String> {
    let [d2l, l2d] = ["d2l", "l2d"].map(|network| read_metrics(&source.run.path(&format!("{network}/metrics.jsonl"))));
    let [d2l, l2d] = [Columns::of(&d2l?), Columns::of(&l2d?)];
    Ok(training(&[d2l.run("")], &[l2d.run("")]))
}

/// Fig. 2fg.
pub(super) fn predicted_areas(source: &Source) -> Result<String> {
    let (run, config) = (&source.run, &source.config);
    let predicted = predicted(config, run)?;
    Ok(d2l_localisation(&set(config, run, "d2l_test")?.mode_area, &predicted, source.modes()))
}

/// Fig. 3cde.
pub(super) fn designed_areas(source: &Source) -> Result<String> {
    let (run, config) = (&source.run, &source.config);
    let designs = designs(config, run)?;
    Ok(l2d_localisation(&set(config, run, "l2d_test")?.mode_area, &designs.chained, &designs.mode_area, source.modes()))
}

/// Fig. S1.
pub(super) fn deformations(source: &Source) -> Result<String> {
    let mut mode_area = Vec::new();
    for (kind, ..) in sets::KINDS {
        mode_area.push(load_labelled(&source.run.path(&format!("sets/{kind}.npz")))?.mode_area);
    }
    Ok(figures::sets([0, 1, 2].map(|k| mode_area[k].as_slice()), source.modes()))
}

/// Fig. S2.
pub(super) fn sweeps(source: &Source) -> Result<String> {
    let regularisers = sweep::Regulariser::all(&source.config);
    let mut all = Vec::new();
    for kind in [Kind::D2l, Kind::L2d] {
        let mut runs = Vec::new();
        for regulariser in &regularisers {
            let name = regulariser.name();
            let file = format!("sweep/{}-{name}/metrics.jsonl", kind.key());
            source.wanted(&source.run, &file, "sweeps of Fig. S2")?;
            runs.push((name, Columns::of(&sweep::metrics(&source.run, kind, *regulariser)?)));
        }
        all.push(runs);
    }
    let [d2l, l2d] = [0, 1].map(|network| -> Vec<figures::Run> { all[network].iter().map(|(name, columns)| columns.run(name)).collect() });
    if d2l.is_empty() {
        return Err(source.lacking("the configuration asks for no training in [sweep]".into()));
    }
    Ok(training(&d2l, &l2d))
}

/// The run's population and, where there is one, the other.
pub(super) fn populations(source: &Source) -> Result<String> {
    let one = |run: &Run, config: &Config| -> Result<(String, Vec<f64>, Vec<f64>)> {
        let modes = config.lattice.sites();
        let title = format!("ρ_{{max}} = {}, σ_{{max}} = {}", config.data.rho_max, config.data.sigma_max);
        Ok((title, w_avg(&set(config, run, "l2d_test")?.mode_area, modes), w_avg(&designs(config, run)?.mode_area, modes)))
    };
    let mut all = vec![one(&source.run, &source.config)?];
    if let Some((run, config)) = if_there(source.branch(Branch::Matched))? {
        all.push(one(&run, &config)?);
    }
    let drawn: Vec<Structures> = all.iter().map(|(title, seed, design)| Structures { title, seed, design }).collect();
    Ok(population(&drawn))
}

/// What the figure shows of each epoch.
struct Columns {
    accuracy: Vec<f64>,
    truth: Vec<f64>,
    cost: Vec<f64>,
}

impl Columns {
    fn of(epochs: &[Metrics]) -> Self {
        let column = |value: fn(&Metrics) -> Option<f64>| epochs.iter().map(|m| value(m).unwrap_or(f64::NAN)).collect();
        Columns { accuracy: column(|m| m.validation_accuracy), truth: column(|m| m.validation_truth), cost: column(|m| Some(m.cost)) }
    }

    fn run<'a>(&'a self, name: &'a str) -> figures::Run<'a> {
        figures::Run { name, validation_accuracy: &self.accuracy, validation_truth: &self.truth, cost: &self.cost }
    }
}
