//! Trained networks as safetensors files with PyTorch's names, so that `load_state_dict(strict=True)` takes them.
//!
//! The header's `__metadata__` has `format` "pt" and `scalefree`, a JSON object with the architecture, the input scaling and
//! whatever the run adds. A file without it is accepted: its shapes tell the architecture.

use super::Architecture;
use crate::{Error, Result, file};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// The number type that a file keeps parameters in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DType {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

/// Standardisation of a network's input, per mode: `(w - mean) / std` over the training set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Mean of each mode area, N numbers.
    pub mean: Vec<f64>,
    /// Standard deviation of each mode area, N numbers, all positive.
    pub std: Vec<f64>,
}

impl Scaling {
    /// The statistics of `mode_area` (n, modes).
    pub fn standard(mode_area: &[f64], modes: usize) -> Self {
        let n = (mode_area.len() / modes) as f64;
        let (mut mean, mut std) = (vec![0.0; modes], vec![0.0; modes]);
        for row in mode_area.chunks_exact(modes) {
            mean.iter_mut().zip(row).for_each(|(mean, w)| *mean += w / n);
        }
        for row in mode_area.chunks_exact(modes) {
            std.iter_mut().zip(row).zip(&mean).for_each(|((s, w), mean)| *s += (w - mean).powi(2) / n);
        }
        // A mode that never varies carries nothing; it becomes 0.
        std.iter_mut().for_each(|s| *s = if *s > 0.0 { s.sqrt() } else { 1.0 });
        Scaling { mean, std }
    }

    /// `mode_area` (n, N), standardised.
    pub fn apply(&self, mode_area: &[f64]) -> Vec<f64> {
        let rows = mode_area.chunks_exact(self.mean.len());
        rows.flat_map(|row| row.iter().zip(&self.mean).zip(&self.std).map(|((w, mean), std)| (w - mean) / std)).collect()
    }
}

/// A network with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its shape.
    pub architecture: Architecture,
    /// Weights and biases one after another, in the architecture's order and PyTorch's layout.
    pub values: Vec<f64>,
    /// How the input is scaled before it enters; `None` for raw input.
    pub scaling: Option<Scaling>,
    /// What the run that made it wrote beside it (configuration, accuracy ...).
    pub notes: Map<String, Value>,
}

impl Model {
    /// Reads a model, ours or a foreign one.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = file::read_bytes(path)?;
        let (tensors, metadata) = read_tensors(path, &bytes)?;
        let shapes: Vec<_> = tensors.iter().map(|(name, shape, _)| (name.clone(), shape.clone())).collect();
        let architecture = Architecture::from_shapes(&shapes).map_err(|fault| Error::file(path, fault))?;
        let mut values = Vec::with_capacity(architecture.parameter_count());
        for parameter in architecture.parameters() {
            for (name, _, data) in tensors.iter().filter(|(name, ..)| *name == parameter.name) {
                if let Some(at) = data.iter().position(|v| !v.is_finite()) {
                    return Err(Error::file(path, format!("tensor {name} holds {} at place {at}; weights must be finite", data[at])));
                }
                values.extend_from_slice(data);
            }
        }
        let mut notes = match metadata {
            Some(Value::Object(notes)) => notes,
            _ => Map::new(),
        };
        if let Some(told) = notes.remove("architecture") {
            let told: Architecture = serde_json::from_value(told).map_err(|e| Error::file(path, format!("metadata architecture: {e}")))?;
            if told != architecture {
                return Err(Error::file(path, format!("metadata tells {told:?}, but the tensors are {architecture:?}")));
            }
        }
        let scaling: Option<Scaling> = match notes.remove("scaling") {
            None | Some(Value::Null) => None,
            Some(value) => Some(serde_json::from_value(value).map_err(|e| Error::file(path, format!("metadata scaling: {e}")))?),
        };
        if let Some(s) = &scaling {
            let modes = architecture.sites();
            let positive = s.std.iter().all(|v| v.is_finite() && *v > 0.0);
            if s.mean.len() != modes || s.std.len() != modes || !positive || !s.mean.iter().all(|v| v.is_finite()) {
                return Err(Error::file(path, format!("metadata scaling needs {modes} finite means and {modes} positive deviations")));
            }
        }
        Ok(Model { architecture, values, scaling, notes })
    }

    /// Writes the model, atomically; the same model gives the same bytes.
    pub fn write(&self, path: &Path, dtype: DType) -> Result<()> {
        let mut notes = self.notes.clone();
        notes.insert("architecture".into(), json!(self.architecture));
        notes.insert("scaling".into(), json!(self.scaling));
        let mut first = 0;
        let tensors = self.architecture.parameters().into_iter().map(|p| {
            let values = &self.values[first..first + p.span.len()];
            first += values.len();
            (p.name, p.shape, values)
        });
        write_tensors(path, dtype, &Value::Object(notes), &tensors.collect::<Vec<_>>())
    }
}

/// Name, shape and values of every tensor, with our metadata where the file has it.
pub type Tensors = Vec<(String, Vec<usize>, Vec<f64>)>;

/// Our metadata in a safetensors file, where it has them.
pub fn read_notes(path: &Path, bytes: &[u8]) -> Result<Option<Value>> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| unsound(path, &e))?;
    let notes = header.metadata().as_ref().and_then(|m| m.get("scalefree"));
    notes.map(|text| serde_json::from_str(text).map_err(|e| Error::file(path, format!("metadata scalefree: {e}")))).transpose()
}

fn unsound(path: &Path, fault: &safetensors::SafeTensorError) -> Error {
    Error::file(path, format!("not a sound safetensors file: {fault}"))
}

/// Reads a safetensors file of floating-point tensors (F64, F32, F16 or BF16).
pub fn read_tensors(path: &Path, bytes: &[u8]) -> Result<(Tensors, Option<Value>)> {
    let notes = read_notes(path, bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| unsound(path, &e))?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F64 => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())).collect(),
            Dtype::F32 => data.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap_or_default()))).collect(),
            Dtype::F16 => data.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f64()).collect(),
            Dtype::BF16 => data.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f64()).collect(),
            other => return Err(Error::file(path, format!("tensor {name} is {other:?}; F64, F32, F16 and BF16 are read"))),
        };
        tensors.push((name.to_string(), view.shape().to_vec(), values));
    }
    Ok((tensors, notes))
}

/// Writes a safetensors file. The header is written here and not by the crate, whose hash map would order the
/// metadata differently in each run.
pub fn write_tensors(path: &Path, dtype: DType, notes: &Value, tensors: &[(String, Vec<usize>, &[f64])]) -> Result<()> {
    let (name, width) = match dtype {
        DType::F32 => ("F32", 4),
        DType::F64 => ("F64", 8),
    };
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!({"format": "pt", "scalefree": notes.to_string()}));
    let mut offset = 0;
    for (tensor, shape, values) in tensors {
        let end = offset + values.len() * width;
        header.insert(tensor.clone(), json!({"dtype": name, "shape": shape, "data_offsets": [offset, end]}));
        offset = end;
    }
    let mut header = Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    file::write_atomic(path, |writer| {
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(header.as_bytes())?;
        for value in tensors.iter().flat_map(|(_, _, values)| *values) {
            match dtype {
                DType::F32 => writer.write_all(&(*value as f32).to_le_bytes())?,
                DType::F64 => writer.write_all(&value.to_le_bytes())?,
            }
        }
        Ok(())
    })
}
