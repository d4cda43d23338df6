//! May a run go on? Its state keeps the keys that it was begun with: continued with others it would be neither run.

use super::checkpoint::State;
use super::{Best, Job, Metrics, TrainConfig, read_metrics};
use crate::dataset::fingerprint;
use crate::manifest::differences;
use crate::nn::{Model, read_notes};
use crate::{Error, Result, file};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Keys on which no step depends.
const FREE: [&str; 2] = ["epochs", "patience"];

/// Everything beside its sets on which the numbers of a run depend, by the names that a user knows.
pub(super) fn origin(job: &Job<'_>) -> Value {
    let of = |model: Option<&Model>| model.map(|m| fingerprint(bytemuck::cast_slice(&m.values)));
    let mut origin = json!({ job.architecture.kind.key(): job.config, "seed": job.seed, "--init": of(job.init), "--d2l": of(job.frozen) });
    if job.config.best == Best::Truth {
        (origin["lattice"], origin["labels"]) = (json!(job.lattice), json!(job.labels));
    }
    origin
}

/// The file from which a run resumes.
pub(super) fn state_path(folder: &Path) -> PathBuf {
    folder.join("checkpoints/state.safetensors")
}

/// `origin` of a run, whose program may not have known all keys: those that came later are as if they were not.
fn completed(origin: &Value, job: &Job<'_>) -> Value {
    let mut origin = origin.clone();
    if let Ok(keys) = serde_json::from_value::<TrainConfig>(origin[job.architecture.kind.key()].clone()) {
        origin[job.architecture.kind.key()] = json!(keys);
    }
    origin
}

/// Has a training with these keys that has made these epochs come to its end?
pub fn has_ended(keys: &TrainConfig, metrics: &[Metrics]) -> bool {
    let mut state = State::default();
    metrics.iter().for_each(|line| _ = state.watch(keys, line));
    metrics.len() as u64 >= keys.epochs || state.stopped_early
}

/// A run does not begin over a trained model: somebody else's, or that of a run whose state was removed. Only a kill before a run's first
/// state leaves one without, with a single epoch, which is made again.
fn no_model(job: &Job<'_>) -> Result<()> {
    let models = ["best", "last"].map(|name| job.folder.join(format!("checkpoints/{name}.safetensors")));
    let Some(model) = models.into_iter().find(|path| path.exists()) else { return Ok(()) };
    if read_metrics(&job.folder.join("metrics.jsonl"))?.len() == 1 {
        let advice = "is of a run that was killed before its first state; add --resume to make its epoch again, or name another folder";
        return if job.resume { Ok(()) } else { Err(Error::file(model, advice)) };
    }
    Err(Error::file(
        model,
        "is a trained model without the state.safetensors from which its run would go on; name another folder with --out",
    ))
}

/// May `job` begin, or go on? How it differs from the run that it would resume, a line a key; nothing where it begins one. Nothing is
/// written.
///
/// # Errors
/// Bad configuration or data; a folder that holds a run already (without `resume`); [`Error::Value`] with the key and both values, where steps
/// depend on it: all but the number of epochs and the patience.
pub fn check(job: &Job<'_>) -> Result<Vec<String>> {
    let config = job.config;
    config.validate(&job.architecture)?;
    let n = job.training.targets.len() / job.architecture.sites();
    if config.batch > n {
        return Err(Error::value(
            format!("{}.batch", job.architecture.kind.key()),
            format!("{} is more than the {n} training samples", config.batch),
        ));
    }
    let path = state_path(job.folder);
    if !path.exists() {
        return no_model(job).map(|()| Vec::new());
    }
    if !job.resume {
        let fault = format!("{} holds a run already; add --resume to continue it, or name another folder", job.folder.display());
        return Err(Error::value("--out", fault));
    }
    let notes = read_notes(&path, &file::read_bytes(&path)?)?.unwrap_or_default();
    if notes["origin"].is_null() {
        return Ok(vec!["the run in the folder does not tell its keys; it goes on with those given".into()]);
    }
    let mut lines = Vec::new();
    for (name, before, now) in differences(&completed(&notes["origin"], job), &origin(job)) {
        let run = job.folder.display();
        if FREE.iter().any(|key| name == format!("{}.{key}", job.architecture.kind.key())) {
            lines.push(format!("{name}: {now} from here on, {before} before"));
        } else if name.starts_with("--") {
            return Err(Error::value(name, format!("is not what the run in {run} was begun with; resume with the same model")));
        } else {
            let fault = format!("{now}, but the run in {run} was begun with {before}; resume with that, or name another folder with --out");
            return Err(Error::value(name, fault));
        }
    }
    Ok(lines)
}
