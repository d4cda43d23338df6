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
mod samples;
mod step;
mod steps;
mod truth;

pub use config::{Best, CostReduction, InputScaling, L2Scope, TrainConfig};
#[cfg(feature = "cli")]
pub(crate) use config::{check_epochs, check_keep, check_l2_scale};
pub use health::Health;
pub use predict::{Predictor, accuracy};
pub use resume::check;
pub use steps::Steps;

use crate::dataset::{Labelled, Spec, epoch_order, fingerprint};
use crate::device::Real;
use crate::nn::{Init, Kind, Model, Scaling, initialise, layout};
use crate::ops::Device;
use crate::ops::eigh::Labels;
use crate::physics::{Lattice, Symmetry};
use crate::progress::Progress;
use crate::{Error, Result, file};
use checkpoint::{Checkpoints, State};
use rayon::prelude::*;
use samples::Samples;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
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
    let (config, modes) = (job.config, job.architecture.sites());
    let n = job.training.targets.len() / modes;
    let mut samples = Samples::new(device, job, n)?;
    let mut checkpoints = Checkpoints::new::<D>(job)?;

    let mut start = start_model(job, modes)?;
    let inputs = scaled_inputs(&start, &job.training.inputs);
    let mut stepper = room::stepper(device, job, &start, &inputs, n)?;
    // The stepper has the numbers now; shape and scaling stay.
    start.values = Vec::new();
    let validation = job.validation.map(|v| (scaled_inputs(&start, &v.inputs), &v.targets));
    let probe = validation.as_ref().map_or((&inputs, &job.training.targets), |(inputs, targets)| (inputs, *targets));

    let mut state = checkpoints.resume(device, &mut stepper)?.unwrap_or_default();
    // By the patience of today.
    state.stopped_early = state.stopped_early && config.patience > 0 && state.stale_epochs >= config.patience;

    let steps = (n / config.batch) as u64;
    let mut warned = false;
    let stage = format!("train {}", job.architecture.kind);
    progress.begin(&stage, steps * config.epochs, "step");
    while state.epoch < config.epochs && !state.stopped_early {
        let order: Vec<u32> = if config.shuffle { epoch_order(job.seed, state.epoch, n) } else { (0..n as u32).collect() };
        stepper.set_order(device, &order)?;
        if !samples.load(device, &start, state.epoch, &mut stepper, progress)? {
            checkpoints.save(device, &state, &mut stepper)?;
            return Err(interrupted(&state, job.folder));
        }
        let mut done = state.step - state.epoch * steps;
        while done < steps {
            let stride = stepper.advance(device, steps - done)?;
            stepper.add_costs(device, stride as usize, &mut state)?;
            done += stride;
            state.step += stride;
            if !(state.cost + state.penalty).is_finite() {
                return Err(Error::Failed(format!("the cost is no longer finite at step {}; a lower lr may help", state.step)));
            }
            progress.advance(state.step, &format!("epoch {}/{} cost {:.4}", state.epoch + 1, config.epochs, state.cost / done as f64));
            let stop = progress.stop();
            if done < steps && (stop || checkpoints.is_due()) {
                checkpoints.save(device, &state, &mut stepper)?;
            }
            if stop && done < steps {
                return Err(interrupted(&state, job.folder));
            }
        }

        let mut model = Model { values: layout::from_arena(&job.architecture, &stepper.shown(device)?), ..start.clone() };
        let mut predictor = Predictor::new(device, &model, job.frozen)?;
        let accuracy = match &validation {
            Some((inputs, targets)) => Some(accuracy(&predictor.run(device, inputs)?, targets)),
            None => None,
        };
        let health = Health::probe(device, &mut predictor, probe.0)?;
        // The last steps of an epoch may have spoiled what its costs do not show any more.
        let finite = model.values.iter().chain(&accuracy).all(|v| v.is_finite()) && health.output_spread.is_finite();
        if !finite {
            return Err(Error::Failed(format!("the network is no longer finite at step {}; a lower lr may help", state.step)));
        }
        // Truth is told by a network of its own, and there may be room for one.
        drop(predictor);
        let truth = match &validation {
            Some((inputs, targets)) if config.best == Best::Truth => {
                match truth::truth(device, job, &model, inputs, targets, progress) {
                    // The epoch's steps are kept; only its end is made again.
                    Err(Error::Interrupted(_)) => {
                        checkpoints.save(device, &state, &mut stepper)?;
                        return Err(interrupted(&state, job.folder));
                    }
                    told => Some(told?),
                }
            }
            _ => None,
        };
        state.epoch += 1;
        let line = Metrics {
            epoch: state.epoch,
            step: state.step,
            cost: state.cost / steps as f64,
            penalty: state.penalty / steps as f64,
            lr: config.adam_config().lr_at(state.step),
            validation_accuracy: accuracy,
            validation_truth: truth,
            live_units: health.live_units,
            frozen_live_units: health.frozen_live_units,
            output_spread: health.output_spread,
        };
        if let Some(warning) = health.warning(job.architecture.kind).filter(|_| !warned) {
            progress.note(&format!("epoch {}: {warning}", state.epoch));
            warned = true;
        }
        model.notes = job.notes.clone();
        model.notes.insert("metrics".into(), json!(line));
        let watched = match config.best {
            Best::Accuracy => accuracy,
            Best::Truth => truth,
        };
        let better = match (watched, state.best_value) {
            (Some(now), Some(best)) => now > best,
            _ => true,
        };
        if better {
            (state.best_value, state.stale_epochs) = (watched, 0);
        } else {
            state.stale_epochs += 1;
            state.stopped_early = config.patience > 0 && state.stale_epochs >= config.patience;
        }
        checkpoints.keep(model, better, line);
        (state.cost, state.penalty) = (0.0, 0.0);
        let ends = state.epoch == config.epochs || state.stopped_early;
        let stop = progress.stop() && !ends;
        // From its first epoch on a folder holds a run, which another one does not replace.
        if state.epoch == 1 || ends || stop || checkpoints.is_due() {
            checkpoints.save(device, &state, &mut stepper)?;
        }
        if stop {
            return Err(interrupted(&state, job.folder));
        }
    }
    progress.end();
    if state.stopped_early {
        progress.note(&format!("stopped after epoch {}: no better {} for {} epochs", state.epoch, config.best.name(), config.patience));
    }
    Ok(Outcome { metrics: checkpoints.into_metrics(), best_value: state.best_value })
}

fn interrupted(state: &State, folder: &Path) -> Error {
    Error::Interrupted(format!("step {} is saved in {}; --resume continues there", state.step, folder.display()))
}

/// The network before its first step.
fn start_model(job: &Job<'_>, modes: usize) -> Result<Model> {
    if let Some(init) = job.init {
        if init.architecture != job.architecture {
            return Err(Error::value("--init", format!("holds {:?}; the configuration wants {:?}", init.architecture, job.architecture)));
        }
        return Ok(init.clone());
    }
    let rule: Init = job.config.init;
    let scaling = match job.config.input_scaling {
        InputScaling::None => None,
        InputScaling::Standard => Some(Scaling::standard(&job.training.inputs, modes)),
    };
    let values = initialise(&job.architecture, rule, job.config.output_scale, job.seed);
    Ok(Model { architecture: job.architecture.clone(), values, scaling, notes: Map::new() })
}

/// Inputs as the network's device wants them: scaled, NHWC.
fn scaled_inputs(model: &Model, inputs: &[f64]) -> Vec<f64> {
    match &model.scaling {
        Some(scaling) => scaling.apply(inputs),
        None => layout::to_nhwc(model.architecture.input(), inputs),
    }
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
