//! The files of a run: its metrics, its best and its latest model, and what it needs to continue with the same bits, parameters and moments
//! in one file, so that a kill between two writes cannot part them.

use super::step::Stepper;
use super::{Job, Metrics, TrainConfig, read_metrics, resume, write_metrics};
use crate::nn::{Architecture, DType, Model, layout, read_tensors, write_tensors};
use crate::ops::Device;
use crate::{Error, Result, file};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A run that is killed loses at most about this much work. More often would cost a card more than its training: an epoch may take it less
/// than a second, and the files of the paper's D2L have 300 MB. Unit tests save each time, the tests of whole runs, which are short, as
/// seldom as can be.
const SAVE_EVERY: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 60 });

/// The files of a run, written now and then; what an error leaves unwritten of models and metrics, when it is dropped.
pub(super) struct Checkpoints<'a> {
    job: &'a Job<'a>,
    folder: PathBuf,
    dtype: DType,
    origin: Value,
    metrics: Vec<Metrics>,
    /// Models that are newer than their files.
    best: Option<Rc<Model>>,
    last: Option<Rc<Model>>,
    saved: Instant,
}

impl<'a> Checkpoints<'a> {
    /// Those of `job`, whose folder is made.
    pub(super) fn new<D: Device>(job: &'a Job<'a>) -> Result<Self> {
        let folder = job.folder.join("checkpoints");
        file::create_folder(&folder)?;
        file::remove_leftovers(&folder, "");
        let dtype = if size_of::<D::Real>() == 8 { DType::F64 } else { DType::F32 };
        let origin = resume::origin(job);
        Ok(Checkpoints { job, folder, dtype, origin, metrics: Vec::new(), best: None, last: None, saved: Instant::now() })
    }

    /// Where the run stands by its files; nothing where it begins.
    pub(super) fn resume<D: Device>(&mut self, device: &D, stepper: &mut Stepper<D>) -> Result<Option<State>> {
        let path = resume::state_path(self.job.folder);
        if !path.exists() {
            return Ok(None);
        }
        let state = State::read(&path, device, &self.job.architecture, stepper)?;
        let steps = (self.job.training.targets.len() / self.job.architecture.sites() / self.job.config.batch) as u64;
        if !(state.epoch * steps..=(state.epoch + 1) * steps).contains(&state.step) {
            return Err(Error::file(path, format!("is at step {} of epoch {}, which no run comes to", state.step, state.epoch + 1)));
        }
        self.metrics = read_metrics(&self.metrics_path())?;
        if (self.metrics.len() as u64) < state.epoch {
            let fault =
                format!("tells of {} epochs, the run has made {}; put back the file that is missing", self.metrics.len(), state.epoch);
            return Err(Error::file(self.metrics_path(), fault));
        }
        let best = self.folder.join("best.safetensors");
        if state.epoch > 0 && !best.exists() {
            return Err(Error::file(best, "is gone, and the run would not make it again; put it back, or begin anew in another folder"));
        }
        // A kill before the state was written leaves epochs that are still to come.
        if self.metrics.len() as u64 > state.epoch {
            self.metrics.truncate(state.epoch as usize);
            write_metrics(&self.metrics_path(), &self.metrics)?;
        }
        Ok(Some(state))
    }

    /// An epoch's end: its model, which may be the best so far, and its line.
    pub(super) fn keep(&mut self, model: Model, best: bool, line: Metrics) {
        let model = Rc::new(model);
        if best {
            self.best = Some(model.clone());
        }
        self.last = Some(model);
        self.metrics.push(line);
    }

    /// Is the last save long ago?
    pub(super) fn is_due(&self) -> bool {
        self.saved.elapsed() > SAVE_EVERY
    }

    /// Writes all that is newer than its file, the state last: a kill before it leaves models and epochs that the run makes again.
    pub(super) fn save<D: Device>(&mut self, device: &D, state: &State, stepper: &mut Stepper<D>) -> Result<()> {
        self.save_epochs()?;
        state.write(&resume::state_path(self.job.folder), device, &self.job.architecture, &self.origin, stepper, self.dtype)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// The epochs of a run that is at its end.
    pub(super) fn into_metrics(mut self) -> Vec<Metrics> {
        std::mem::take(&mut self.metrics)
    }

    fn metrics_path(&self) -> PathBuf {
        self.job.folder.join("metrics.jsonl")
    }

    fn save_epochs(&mut self) -> Result<()> {
        if self.last.is_some() {
            write_metrics(&self.metrics_path(), &self.metrics)?;
        }
        for (name, model) in [("best", self.best.take()), ("last", self.last.take())] {
            if let Some(model) = model {
                model.write(&self.folder.join(format!("{name}.safetensors")), self.dtype)?;
            }
        }
        Ok(())
    }
}

impl Drop for Checkpoints<'_> {
    fn drop(&mut self) {
        // The error that ends the run is the one to tell.
        let _ = self.save_epochs();
    }
}

/// Where a run stands.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Epochs done.
    pub(super) epoch: u64,
    /// Steps done.
    pub(super) step: u64,
    /// Sum of the costs of the epoch in hand.
    pub(super) cost: f64,
    /// Sum of the penalties of the epoch in hand.
    pub(super) penalty: f64,
    /// The best validation accuracy, or truth, so far.
    #[serde(alias = "best_accuracy")]
    pub(super) best_value: Option<f64>,
    /// Epochs since then.
    pub(super) stale_epochs: u64,
    /// Has patience ended the run?
    pub(super) stopped_early: bool,
}

impl State {
    /// Heeds the end of an epoch: is it the best so far?
    pub(super) fn watch(&mut self, keys: &TrainConfig, line: &Metrics) -> bool {
        let watched = line.watched(keys.best);
        let better = watched.zip(self.best_value).is_none_or(|(now, best)| now > best);
        if better {
            (self.best_value, self.stale_epochs) = (watched, 0);
        } else {
            self.stale_epochs += 1;
        }
        self.stopped_early = self.is_stale(keys);
        better
    }

    /// Has it been as many epochs since the best as patience allows?
    pub(super) fn is_stale(&self, keys: &TrainConfig) -> bool {
        keys.patience > 0 && self.stale_epochs >= keys.patience
    }

    /// Writes the state, what the run was begun with, and the stepper's arenas, atomically.
    fn write<D: Device>(
        &self,
        path: &Path,
        device: &D,
        architecture: &Architecture,
        origin: &Value,
        stepper: &mut Stepper<D>,
        dtype: DType,
    ) -> Result<()> {
        let mut arenas = Vec::new();
        for (name, buffer) in stepper.arenas() {
            arenas.push((name, layout::from_arena(architecture, &device.first(buffer, architecture.arena_len())?)));
        }
        let tensors: Vec<_> = arenas.iter().map(|(name, a)| ((*name).to_string(), vec![a.len()], a.as_slice())).collect();
        write_tensors(path, dtype, &json!({ "architecture": architecture, "origin": origin, "state": self }), &tensors)
    }

    /// Reads what [`State::write`] wrote for the same architecture.
    fn read<D: Device>(path: &Path, device: &D, architecture: &Architecture, stepper: &mut Stepper<D>) -> Result<Self> {
        let bytes = file::read_bytes(path)?;
        let (tensors, notes) = read_tensors(path, &bytes)?;
        let mut notes = notes.ok_or_else(|| Error::file(path, "not a training state of scalefree"))?;
        let mut note = |key: &str| notes.get_mut(key).map(Value::take).unwrap_or_default();
        let told: Option<Architecture> = serde_json::from_value(note("architecture")).ok();
        if told.as_ref() != Some(architecture) {
            return Err(Error::file(path, "belongs to a network of another shape; resume with the run's own configuration"));
        }
        let state: State = serde_json::from_value(note("state")).map_err(|e| Error::file(path, e))?;
        for (name, buffer) in stepper.arenas() {
            let found = tensors.iter().find(|(n, _, v)| n == name && v.len() == architecture.parameter_count());
            let (_, _, values) = found.ok_or_else(|| Error::file(path, format!("has no tensor {name} of the network's size")))?;
            device.upload(&layout::to_arena(architecture, values), buffer)?;
        }
        device.upload(&[state.step], &mut stepper.adam.step)?;
        Ok(state)
    }
}
