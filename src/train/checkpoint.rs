//! What a run needs to continue with the same bits: parameters and moments in one file, so that a kill between two
//! writes cannot part them.

use super::step::{Stepper, downloaded};
use crate::nn::{Architecture, DType, layout, read_tensors, write_tensors};
use crate::ops::Device;
use crate::{Error, Result, file};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

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
    /// The best validation accuracy so far.
    pub(super) best_accuracy: Option<f64>,
    /// Epochs since then.
    pub(super) stale_epochs: u64,
    /// Has patience ended the run?
    pub(super) stopped_early: bool,
}

impl State {
    /// Writes the state, what the run was begun with, and the stepper's arenas, atomically.
    pub(super) fn write<D: Device>(
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
            arenas.push((name, layout::from_arena(architecture, &downloaded(device, buffer, architecture.arena_len())?)));
        }
        let tensors: Vec<_> = arenas.iter().map(|(name, a)| ((*name).to_string(), vec![a.len()], a.as_slice())).collect();
        write_tensors(path, dtype, &json!({ "architecture": architecture, "origin": origin, "state": self }), &tensors)
    }

    /// Reads what [`State::write`] wrote for the same architecture.
    pub(super) fn read<D: Device>(path: &Path, device: &D, architecture: &Architecture, stepper: &mut Stepper<D>) -> Result<Self> {
        let bytes = file::read_bytes(path)?;
        let (tensors, notes) = read_tensors(path, &bytes)?;
        let mut notes = notes.ok_or_else(|| Error::file(path, "not a training state of scalefree"))?;
        let told: Option<Architecture> = serde_json::from_value(notes["architecture"].take()).ok();
        if told.as_ref() != Some(architecture) {
            return Err(Error::file(path, "belongs to a network of another shape; resume with the run's own configuration"));
        }
        let state: State = serde_json::from_value(notes["state"].take()).map_err(|e| Error::file(path, e))?;
        for (name, buffer) in stepper.arenas() {
            let found = tensors.iter().find(|(n, _, v)| n == name && v.len() == architecture.parameter_count());
            let (_, _, values) = found.ok_or_else(|| Error::file(path, format!("has no tensor {name} of the network's size")))?;
            device.upload(&layout::to_arena(architecture, values), buffer)?;
        }
        device.upload(&[state.step], &mut stepper.adam.step)?;
        Ok(state)
    }
}
