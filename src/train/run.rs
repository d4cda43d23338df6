//! One training run: epochs of steps, each judged and kept.

use super::checkpoint::{Checkpoints, State};
use super::samples::Samples;
use super::step::Stepper;
use super::{Best, Health, Job, Metrics, Outcome, Predictor, accuracy, room, truth};
use crate::dataset::epoch_order;
use crate::nn::{Model, layout};
use crate::ops::Device;
use crate::progress::Progress;
use crate::{Error, Result};
use serde_json::json;

/// A run on its device, between two epochs or within one.
pub(super) struct Run<'a, D: Device> {
    device: &'a D,
    job: &'a Job<'a>,
    progress: &'a dyn Progress,
    stepper: Stepper<D>,
    samples: Samples<'a, D>,
    checkpoints: Checkpoints<'a>,
    state: State,
    /// The network's shape and scaling, without its numbers.
    shape: Model,
    /// What each epoch is judged by, scaled and NHWC: the inputs of the validation set, else of the training set.
    shown: Vec<f64>,
    /// Samples of the training set, and steps of an epoch.
    n: usize,
    steps: u64,
    /// Has the user been told that the run has collapsed?
    warned: bool,
}

impl<'a, D: Device> Run<'a, D> {
    /// Begins, or goes on where the files of the folder say.
    pub(super) fn new(device: &'a D, job: &'a Job<'a>, progress: &'a dyn Progress) -> Result<Self> {
        let config = job.config;
        let n = job.training.targets.len() / job.architecture.sites();
        let samples = Samples::new(device, job, n)?;
        let mut checkpoints = Checkpoints::new::<D>(job)?;
        let mut shape = start_model(job)?;
        let inputs = scaled_inputs(&shape, &job.training.inputs);
        let mut stepper = room::stepper(device, job, &shape, &inputs, n)?;
        // The stepper has the numbers now.
        shape.values = Vec::new();
        let shown = job.validation.map_or(inputs, |validation| scaled_inputs(&shape, &validation.inputs));
        let mut state = checkpoints.resume(device, &mut stepper)?.unwrap_or_default();
        // By the patience of today, which may be longer; a shorter one ends a run after its next stale epoch.
        state.stopped_early &= state.is_stale(config);
        let steps = (n / config.batch) as u64;
        Ok(Run { device, job, progress, stepper, samples, checkpoints, state, shape, shown, n, steps, warned: false })
    }

    pub(super) fn all_steps(&self) -> u64 {
        self.steps * self.job.config.epochs
    }

    pub(super) fn goes_on(&self) -> bool {
        self.state.epoch < self.job.config.epochs && !self.state.stopped_early
    }

    /// The steps that the epoch still lacks.
    pub(super) fn learn(&mut self) -> Result<()> {
        let Run { device, job, progress, steps, .. } = *self;
        let (epoch, epochs) = (self.state.epoch, job.config.epochs);
        let order: Vec<u32> = if job.config.shuffle { epoch_order(job.seed, epoch, self.n) } else { (0..self.n as u32).collect() };
        self.stepper.set_order(device, &order)?;
        if !self.samples.load(device, &self.shape, epoch, &mut self.stepper, progress)? {
            return Err(self.stopped());
        }
        let mut done = self.state.step - epoch * steps;
        while done < steps {
            let stride = self.stepper.advance(device, steps - done)?;
            self.stepper.add_costs(device, stride as usize, &mut self.state)?;
            done += stride;
            self.state.step += stride;
            let State { step, cost, penalty, .. } = self.state;
            if !(cost + penalty).is_finite() {
                return Err(Error::Failed(format!("the cost is no longer finite at step {step}; a lower lr may help")));
            }
            progress.advance(step, &format!("epoch {}/{epochs} cost {:.4}", epoch + 1, cost / done as f64));
            let stop = progress.stop();
            match done < steps {
                true if stop => return Err(self.stopped()),
                true if self.checkpoints.is_due() => self.save()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The network after the epoch, and what it is worth.
    pub(super) fn judge(&mut self) -> Result<(Model, Metrics)> {
        let Run { device, job, steps, .. } = *self;
        let values = layout::from_arena(&job.architecture, &self.stepper.shown(device)?);
        let model = Model { values, ..self.shape.clone() };
        let targets = job.validation.map(|validation| &validation.targets);
        let mut predictor = Predictor::new(device, &model, job.frozen)?;
        let accuracy = match targets {
            Some(targets) => Some(accuracy(&predictor.run(device, &self.shown)?, targets)),
            None => None,
        };
        let health = Health::probe(device, &mut predictor, &self.shown)?;
        // The last steps of an epoch may have spoiled what its costs do not show any more.
        let finite = model.values.iter().chain(&accuracy).all(|v| v.is_finite()) && health.output_spread.is_finite();
        if !finite {
            return Err(Error::Failed(format!("the network is no longer finite at step {}; a lower lr may help", self.state.step)));
        }
        // Truth is told by a network of its own, and there may be room for one.
        drop(predictor);
        let truth = match targets {
            Some(targets) if job.config.best == Best::Truth => match truth::truth(device, job, &model, &self.shown, targets, self.progress)
            {
                // The epoch's steps are kept; only its end is made again.
                Err(Error::Interrupted(_)) => return Err(self.stopped()),
                told => Some(told?),
            },
            _ => None,
        };
        let State { epoch, step, cost, penalty, .. } = self.state;
        let line = Metrics {
            epoch: epoch + 1,
            step,
            cost: cost / steps as f64,
            penalty: penalty / steps as f64,
            lr: job.config.adam_config().lr_at(step),
            validation_accuracy: accuracy,
            validation_truth: truth,
            live_units: health.live_units,
            frozen_live_units: health.frozen_live_units,
            output_spread: health.output_spread,
        };
        if let Some(warning) = health.warning(job.architecture.kind).filter(|_| !self.warned) {
            self.progress.note(&format!("epoch {}: {warning}", line.epoch));
            self.warned = true;
        }
        Ok((model, line))
    }

    /// Ends the epoch: is it the best, and is it time to write?
    pub(super) fn keep(&mut self, mut model: Model, line: Metrics) -> Result<()> {
        let config = self.job.config;
        model.notes = self.job.notes.clone();
        model.notes.insert("metrics".into(), json!(line));
        let state = &mut self.state;
        let better = state.watch(config, &line);
        state.epoch = line.epoch;
        (state.cost, state.penalty) = (0.0, 0.0);
        self.checkpoints.keep(model, better, line);
        let ends = !self.goes_on();
        if self.progress.stop() && !ends {
            return Err(self.stopped());
        }
        // From its first epoch on a folder holds a run, which another one does not replace.
        if self.state.epoch == 1 || ends || self.checkpoints.is_due() { self.save() } else { Ok(()) }
    }

    pub(super) fn end(self) -> Outcome {
        let (state, config) = (self.state, self.job.config);
        if state.stopped_early {
            let what = config.best.name();
            self.progress.note(&format!("stopped after epoch {}: no better {what} for {} epochs", state.epoch, config.patience));
        }
        Outcome { metrics: self.checkpoints.into_metrics(), best_value: state.best_value }
    }

    fn save(&mut self) -> Result<()> {
        self.checkpoints.save(self.device, &self.state, &mut self.stepper)
    }

    /// Saves where the run stands; how it goes on from there, or why it could not be saved.
    fn stopped(&mut self) -> Error {
        match self.save() {
            Ok(()) => {
                let (step, folder) = (self.state.step, self.job.folder.display());
                Error::Interrupted(format!("step {step} is saved in {folder}; --resume continues there"))
            }
            Err(fault) => fault,
        }
    }
}

/// The network before its first step.
pub(super) fn start_model(job: &Job<'_>) -> Result<Model> {
    match job.init {
        Some(init) if init.architecture != job.architecture => {
            Err(Error::value("--init", format!("holds {:?}; the configuration wants {:?}", init.architecture, job.architecture)))
        }
        Some(init) => Ok(init.clone()),
        None => Ok(job.config.start(job.architecture.clone(), &job.training.inputs, job.seed)),
    }
}

/// Inputs as the network's device wants them: scaled, NHWC.
pub(super) fn scaled_inputs(model: &Model, inputs: &[f64]) -> Vec<f64> {
    match &model.scaling {
        Some(scaling) => scaling.apply(inputs),
        None => layout::to_nhwc(model.architecture.input(), inputs),
    }
}
