//! A sweep: reproductions at many settings, a folder each in `runs/`, and one table over all of them.
//!
//! Runs come one after another in the order of their [`Plan`]. Each first takes, as hard links, what an earlier one has made of the same
//! keys: data sets, the trained D2L, the trained L2D. A finished run has its `results.json` and is not looked into again; one that was cut
//! goes on. The table is written anew after each run.

mod plan;
mod share;
mod table;

pub use plan::{Plan, Point};
pub use table::Table;

use crate::config::Preset;
use crate::ops::Device;
use crate::progress::Progress;
use crate::reproduce::{Run, numbers};
use crate::{Error, Result, file};
use std::fs;
use std::path::Path;

/// Makes every run of `plan` that is not made yet in `folder`; the table over all. A run that fails as a run may (a cost that is no longer
/// finite, numbers that a statistic refuses), or whose results cannot be read, is told in the table, and the others go on; a second call
/// tries it again.
///
/// # Errors
/// A folder with runs of the same names and other configurations; what the device or the file system refuses; Ctrl-C, after saving.
pub fn sweep<D: Device>(
    device: &D,
    computed_on: &str,
    preset: Preset,
    plan: &Plan,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Table> {
    file::create_folder(&folder.join("runs"))?;
    file::remove_leftovers(folder);
    let runs: Vec<Run> = plan.points.iter().map(|point| Run::new(&folder.join("runs").join(point.folder()))).collect();
    // Before the first is begun.
    let mut finished = Vec::new();
    for (point, run) in plan.points.iter().zip(&runs) {
        finished.push(run.exists(&point.config)? && run.path("results.json").exists());
    }
    file::write_bytes(&folder.join("sweep.toml"), &plan.text)?;
    let mut table = Table::new(plan);
    for (at, (point, run)) in plan.points.iter().zip(&runs).enumerate() {
        if !finished[at] {
            progress.note(&format!("run {} of {}: {}", at + 1, runs.len(), point.folder()));
            for (other, from) in plan.points.iter().zip(&runs).take(at) {
                share::share((&other.config, from), (&point.config, run))?;
            }
            match numbers(device, computed_on, preset, &point.config, run, progress) {
                Err(fault @ (Error::Failed(_) | Error::Value { .. })) => {
                    progress.note(&fault.to_string());
                    table.failed(at, fault.to_string());
                    continue;
                }
                made => made?,
            }
        }
        let results = run.path("results.json");
        if let Err(fault) = table.read(at, &results) {
            progress.note(&fault.to_string());
            table.failed(at, fault.to_string());
            // So that the next call makes it again; what cannot be removed is told again.
            let _ = fs::remove_file(&results);
        }
        table.write(folder)?;
    }
    table.write(folder)?;
    Ok(table)
}
