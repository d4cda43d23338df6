//! How long each stage took, over all calls that worked on a run: `timings.json`, a list of [stage, seconds].

use super::Run;
use crate::report::Stage;
use crate::{Error, Result, file};
use std::path::PathBuf;
use std::time::Instant;

pub(super) struct Clock {
    path: PathBuf,
    seconds: Vec<(String, f64)>,
}

impl Clock {
    pub(super) fn open(run: &Run) -> Result<Self> {
        let path = run.path("timings.json");
        let seconds = match file::read_if_there(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::file(&path, e))?,
            None => Vec::new(),
        };
        Ok(Clock { path, seconds })
    }

    /// Runs `stage` and adds its time, also where it fails.
    pub(super) fn time<T>(&mut self, name: &str, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let result = stage();
        let elapsed = start.elapsed().as_secs_f64();
        match self.seconds.iter_mut().find(|(known, _)| known == name) {
            Some((_, seconds)) => *seconds += elapsed,
            None => self.seconds.push((name.into(), elapsed)),
        }
        let text = serde_json::to_string(&self.seconds).map_err(|e| Error::Failed(e.to_string()))?;
        file::write_bytes(&self.path, text.as_bytes())?;
        result
    }

    /// The stages in the order in which they were first met, `place` before each name.
    pub(super) fn stages(&self, place: &str) -> Vec<Stage> {
        self.seconds.iter().map(|(name, seconds)| Stage { name: format!("{place}{name}"), seconds: *seconds }).collect()
    }
}
