//! What model files tell of themselves: the networks that come with the program, and those of any folder.

use crate::nn::{Architecture, Model};
use crate::physics::{Amplitudes, Population};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Where a network comes from and what it measured: `record` in its metadata, beside the configuration of its training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What its lattices are drawn from.
    pub population: Population,
    /// The amplitudes of that, in lattice periods.
    pub amplitudes: Amplitudes,
    /// Samples of its training set, those of rounds among them.
    pub train: u64,
    /// Epochs that its numbers have seen, in all rounds.
    pub epochs: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Samples that `accuracy` is over; none of them was trained on.
    pub test: u64,
    /// Mean of 1 - mean over m of abs(w_m - t_m)/t_m (Eq. 3, 4).
    pub accuracy: Accuracy,
    /// The program and its version.
    pub program: String,
    /// What makes the run.
    pub command: String,
}

/// How well a network does on the test set of its run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Accuracy {
    /// Of a D2L.
    D2l {
        /// Predicted against true mode areas.
        test: f64,
    },
    /// Of an L2D, against its targets.
    L2d {
        /// What the D2L behind it sees in its structures.
        chain: f64,
        /// What the Hamiltonian says of its structures.
        truth: f64,
    },
}

impl std::fmt::Display for Accuracy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Accuracy::D2l { test } => write!(f, "test {:.2} %", 100.0 * test),
            Accuracy::L2d { chain, truth } => write!(f, "truth {:.2} %, chain {:.2} %", 100.0 * truth, 100.0 * chain),
        }
    }
}

impl Record {
    /// The record among a model's notes; `None` where a run wrote none. `path` is for the message.
    ///
    /// # Errors
    /// A record that is none.
    pub fn of(notes: &Map<String, Value>, path: &Path) -> Result<Option<Self>> {
        let record = notes.get("record").map(|record| serde_json::from_value(record.clone()));
        record.transpose().map_err(|e| Error::file(path, format!("metadata record: {e}")))
    }

    /// Puts the record among a model's notes.
    pub fn note(&self, notes: &mut Map<String, Value>) {
        notes.insert("record".into(), json!(self));
    }
}

/// A sound model file.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its shape.
    pub architecture: Architecture,
    /// Bytes of the file.
    pub bytes: u64,
    /// Where it comes from, where it says so.
    pub record: Option<Record>,
    /// What its training measured on a validation set, where there was one.
    pub validation_accuracy: Option<f64>,
    /// What the Hamiltonian said of its designs there, where its best epoch was told by that.
    pub validation_truth: Option<f64>,
}

/// What the model file `path` tells.
///
/// # Errors
/// Whatever keeps it from being used, named.
pub fn tell(path: &Path) -> Result<Told> {
    let model = Model::read(path)?;
    let bytes = std::fs::metadata(path).map_err(|e| Error::file(path, e))?.len();
    let measured = |key: &str| model.notes.get("metrics").and_then(|metrics| metrics[key].as_f64());
    let (validation_accuracy, validation_truth) = (measured("validation_accuracy"), measured("validation_truth"));
    let record = Record::of(&model.notes, path)?;
    Ok(Told { architecture: model.architecture, bytes, record, validation_accuracy, validation_truth })
}

/// The safetensors files of a folder, by name, each with what it tells or what is wrong with it.
///
/// # Errors
/// A folder that cannot be read.
pub fn list(folder: &Path) -> Result<Vec<(PathBuf, Result<Told>)>> {
    let unreadable = |e| Error::file(folder, e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "safetensors") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(|path| (path.clone(), tell(&path))).collect())
}
