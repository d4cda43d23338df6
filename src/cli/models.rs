//! `models`.

use super::common::Common;
use crate::Result;
use crate::config::Preset;
use crate::models::{Told, list};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of .safetensors files
    #[arg(value_name = "DIR", default_value = "models")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    common.load(Preset::Paper)?;
    let models = list(&args.folder)?;
    if common.json {
        out!("{}", Value::from_iter(models.iter().map(|(path, told)| object(path, told))));
        return Ok(());
    }
    if models.is_empty() && !common.quiet {
        note!("{} holds no .safetensors file", args.folder.display());
    }
    let width = models.iter().map(|(path, _)| path.display().to_string().len()).max().unwrap_or(0);
    for (path, told) in &models {
        match told {
            Ok(told) => out!("{:width$}  {}", path.display(), line(told)),
            Err(fault) => out!("{fault}"),
        }
    }
    Ok(())
}

fn line(told: &Told) -> String {
    let size = told.architecture.size;
    let shape = format!("{}  {size} x {size}  {:.2} MB", told.architecture.kind, told.bytes as f64 / 1e6);
    match (&told.record, told.validation_accuracy) {
        (Some(record), _) => {
            let population = json!(record.population);
            let (population, amplitudes) = (population.as_str().unwrap_or_default(), record.amplitudes);
            let drawn = format!("{population} (rho_max {}, sigma_max {})", amplitudes.rho_max, amplitudes.sigma_max);
            format!("{shape}  {drawn}  {} over {} samples  made by {}", record.accuracy, record.test, record.program)
        }
        (None, Some(accuracy)) => {
            let truth = told.validation_truth.map(|truth| format!(", truth {:.2} %", 100.0 * truth));
            format!("{shape}  validation {:.2} %{}", 100.0 * accuracy, truth.unwrap_or_default())
        }
        (None, None) => format!("{shape}  accuracy not told"),
    }
}

fn object(path: &Path, told: &Result<Told>) -> Value {
    let path = path.display().to_string();
    match told {
        Ok(told) => json!({
            "file": path, "kind": told.architecture.kind, "size": told.architecture.size, "bytes": told.bytes,
            "record": told.record, "validation_accuracy": told.validation_accuracy, "validation_truth": told.validation_truth,
        }),
        Err(fault) => json!({ "file": path, "fault": fault.to_string() }),
    }
}
