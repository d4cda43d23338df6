//! Training: the loop with its schedule, metrics, checkpoints and early stop.
//!
//! A run folder gets `metrics.jsonl` (a line an epoch), `checkpoints/best.safetensors` and `last.safetensors`, and
//! `checkpoints/state.safetensors`, from which the run resumes with the same bits as if it had never stopped.

mod checkpoint;
mod config;
mod fresh;
mod health;
mod predict;
mod resume;
mod room;
mod run;
mod samples;
mod step;
mod steps;
mod truth;

pub use config::{Best, CostReduction, InputScaling, L2Scope, TrainConfig};
#[cfg(feature = "cli")]
pub(crate) use config::{check_epochs, check_keep, check_l2_scale};
pub use health::Health;
pub use predict::{Predictor, accuracy};
pub use resume::{check, has_ended};
pub use steps::Steps;

use crate::dataset::{Labelled, Spec, fingerprint};
use crate::device::Real;
use crate::nn::{Kind, Model};
use crate::ops::Device;
use crate::ops::eigh::Labels;
use crate::physics::{Lattice, Symmetry};
use crate::progress::Progress;
use crate::{Error, Result, file};
use rayon::prelude::*;
use run::Run;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::ops::Range;
use std::path::Path;

/// Network inputs with the mode areas that are wanted for them.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    /// (n, input of the network), NCHW, not yet scaled.
    pub inputs: Vec<f64>,
    /// (n, N) mode areas, ascending.
    pub targets: Vec<f64>,
}

impl Examples {
    /// A data set as a network of `kind` sees it: an L2D aims at the curve that it is shown.
    pub fn new(kind: Kind, labelled: Labelled) -> Self {
        let inputs = match kind {
            Kind::D2l => labelled.structures.displacement,
            Kind::L2d => labelled.mode_area.clone(),
        };
        Examples { inputs, targets: labelled.mode_area }
    }

    /// The structures that a D2L learns from, each under the symmetry of its epoch; the mode areas stay as they are.
    fn turned(&self, seed: u64, epoch: u64, size: usize) -> Vec<f64> {
        let row = 2 * size * size;
        let mut inputs = vec![0.0; self.inputs.len()];
        inputs.par_chunks_exact_mut(row).zip(self.inputs.par_chunks_exact(row)).enumerate().for_each(|(sample, (out, structure))| {
            Symmetry::drawn(seed, epoch, sample as u32).apply(size, structure, out);
        });
        inputs
    }

    /// Tells them from others, as far as 64 bits each of inputs and targets do.
    pub fn fingerprint(&self) -> String {
        let of = |values: &[f64]| fingerprint(bytemuck::cast_slice(values));
        of(&self.inputs) + &of(&self.targets)
    }

    /// Those in `range`, for lattices of `sites` sites.
    pub fn rows(&self, range: Range<usize>, sites: usize) -> Self {
        let width = self.inputs.len() / (self.targets.len() / sites);
        let of = |values: &[f64], width: usize| values[range.start * width..range.end * width].to_vec();
        Examples { inputs: of(&self.inputs, width), targets: of(&self.targets, sites) }
    }

    /// Puts `others` behind these.
    pub fn extend(&mut self, others: Examples) {
        self.inputs.extend(others.inputs);
        self.targets.extend(others.targets);
    }
}

/// Everything that a run needs.
pub struct Job<'a> {
    /// The network's shape.
    pub architecture: crate::nn::Architecture,
    /// Start values from another model; `None` draws them.
    pub init: Option<&'a Model>,
    /// How to train.
    pub config: &'a TrainConfig,
    /// Seed of start values, shuffling and dropout.
    pub seed: u64,
    /// For an L2D: the trained D2L behind it, whose weights stay.
    pub frozen: Option<&'a Model>,
    /// The training set.
    pub training: &'a Examples,
    /// What its first samples were drawn from, where that is known; the key `fresh` needs it. Samples behind them stay in every epoch.
    pub source: Option<&'a Spec>,
    /// The validation set; without one the last epoch is the best.
    pub validation: Option<&'a Examples>,
    /// The lattice, by which an L2D's designs are judged where [`Best::Truth`] is wanted.
    pub lattice: &'a Lattice,
    /// How its modes are solved.
    pub labels: &'a Labels,
    /// The run folder.
    pub folder: &'a Path,
    /// Continue what stands in the folder?
    pub resume: bool,
    /// What every model file of the run should tell (configuration ...).
    pub notes: Map<String, Value>,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Epochs done.
    pub epoch: u64,
    /// Steps done.
    pub step: u64,
    /// Mean training cost of the epoch (Eq. 3, 4; without the penalty).
    pub cost: f64,
    /// Mean L2 penalty of the epoch.
    pub penalty: f64,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// 1 - mean error on the validation set; null without one.
    pub validation_accuracy: Option<f64>,
    /// 1 - mean error of the Hamiltonian's mode areas of an L2D's designs for the first 500 curves of that set; null unless the best epoch
    /// is told by it.
    #[serde(default)]
    pub validation_truth: Option<f64>,
    /// Share of units of the hidden fully connected layer that fire for some sample.
    pub live_units: f64,
    /// The same in the frozen D2L behind an L2D.
    pub frozen_live_units: Option<f64>,
    /// Mean over modes of std / mean of the predicted mode areas over samples.
    pub output_spread: f64,
}

impl Metrics {
    /// The number by which the best epoch is told.
    fn watched(&self, best: Best) -> Option<f64> {
        match best {
            Best::Accuracy => self.validation_accuracy,
            Best::Truth => self.validation_truth,
        }
    }
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The epochs.
    pub metrics: Vec<Metrics>,
    /// The best validation accuracy, or truth, where there was a validation set.
    pub best_value: Option<f64>,
}

/// Trains `job` to its last epoch, or until patience or the user ends it.
///
/// # Errors
/// Those of [`check`]; a cost, a parameter or a prediction that is no longer finite; [`Error::Interrupted`] after the state was saved.
pub fn train<D: Device>(device: &D, job: &Job<'_>, progress: &dyn Progress) -> Result<Outcome> {
    for line in check(job)? {
        progress.note(&line);
    }
    let mut run = Run::new(device, job, progress)?;
    progress.begin(&format!("train {}", job.architecture.kind), run.all_steps(), "step");
    while run.goes_on() {
        run.learn()?;
        let (model, line) = run.judge()?;
        run.keep(model, line)?;
    }
    progress.end();
    Ok(run.end())
}

/// The epochs in a `metrics.jsonl`; none where there is no such file.
///
/// # Errors
/// A file that cannot be read; a line that is no epoch.
pub fn read_metrics(path: &Path) -> Result<Vec<Metrics>> {
    let bytes = file::read_if_there(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| Error::file(path, format!("not a metrics line: {e}")))).collect()
}

fn write_metrics(path: &Path, metrics: &[Metrics]) -> Result<()> {
    let lines = metrics.iter().map(|m| serde_json::to_string(m).map(|line| line + "\n"));
    let text: String = lines.collect::<std::result::Result<_, _>>().map_err(|e| Error::Failed(e.to_string()))?;
    file::write_bytes(path, text.as_bytes())
}

/// Host numbers in the device's type.
fn to_real<R: Real>(values: &[f64]) -> Vec<R> {
    values.iter().map(|v| R::from_f64(*v)).collect()
}
