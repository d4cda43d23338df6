//! Every op, whole training steps and the labelling of lattices, timed on a device beside what the device does at most, with the error
//! against f64 next to each time; and two such reports compared.

mod compare;
mod measure;
mod prepare;
mod subject;

pub use compare::{Comparison, Verdict, compare};
pub use measure::{Roofs, Timed, Times};
pub use subject::{Lattices, Pass, SHAPES, Subject, Work, parse, subjects};

use crate::Result;
use crate::config::Config;
use crate::device::Cpu;
use prepare::{Ask, prepare};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// A run of the benchmarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The program and its version.
    pub program: String,
    /// When, in seconds since 1970 (UTC).
    pub time: u64,
    /// The device in words.
    pub device: String,
    /// The CUDA driver's version, where there is a driver.
    pub driver: Option<String>,
    /// The compiler of the kernels in the program; empty where there are none.
    pub toolkit: String,
    /// Threads of the processor.
    pub threads: usize,
    /// What the device reached at most, in this run.
    pub roofs: Roofs,
    /// A row a subject.
    pub rows: Vec<Row>,
}

/// What was measured of a subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The subject.
    pub name: String,
    /// After other runs of it.
    pub warm: Times,
    /// After a flush of the caches.
    pub cold: Times,
    /// Multiplications and additions of its products.
    pub flop: f64,
    /// Bytes that it cannot avoid moving.
    pub bytes: f64,
    /// Samples or lattices.
    pub items: f64,
    /// The part of the roof that the warm median reaches: the time that flop or bytes need at the roofs, the longer of both, by the time
    /// that was taken. Above 1 where the data stay in a cache. `None` where neither is counted.
    pub roof: Option<f64>,
    /// max |ours - f64| / max |f64|.
    pub error: f64,
}

impl Row {
    /// A count of the row by the second, at the warm median.
    pub fn rate(&self, count: f64) -> f64 {
        count / self.warm.median
    }
}

/// Facts of the device that the caller knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The device in words.
    pub device: String,
    /// The CUDA driver's version, where there is a driver.
    pub driver: Option<String>,
    /// The compiler of the kernels in the program.
    pub toolkit: String,
}

/// Times `subjects` on `device`. `listen` hears of the roofs, then of each row.
///
/// # Errors
/// What the device says: its memory may not do for a shape.
pub fn run<D: Timed>(
    device: &D,
    facts: Facts,
    config: &Config,
    subjects: &[Subject],
    listen: &mut dyn FnMut(&Roofs, Option<&Row>),
) -> Result<Report> {
    let (roofs, mut flush) = measure::roofs(device)?;
    listen(&roofs, None);
    let mut rows = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let mut piece = prepare(device, *subject, config)?;
        piece(device, Ask::Run)?;
        let ours = piece(device, Ask::Result)?;
        let error = apart(&ours, &reference(*subject, config)?);
        let (warm, cold) = measure::times(device, &mut piece, &mut flush)?;
        let Work { flop, bytes, items } = subject.work(config, size_of::<D::Real>());
        let needed = (flop / roofs.product).max(bytes / roofs.copy);
        let roof = (needed > 0.0).then_some(needed / warm.median);
        let row = Row { name: subject.to_string(), warm, cold, flop, bytes, items, roof, error };
        listen(&roofs, Some(&row));
        rows.push(row);
    }
    let Facts { device, driver, toolkit } = facts;
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let program = concat!("scalefree ", env!("CARGO_PKG_VERSION")).into();
    Ok(Report { program, time, device, driver, toolkit, threads: rayon::current_num_threads(), roofs, rows })
}

/// What the processor makes of a subject in f64.
fn reference(subject: Subject, config: &Config) -> Result<Vec<f64>> {
    let device = Cpu::<f64>::new();
    let mut piece = prepare(&device, subject, config)?;
    piece(&device, Ask::Run)?;
    piece(&device, Ask::Result)
}

fn apart(ours: &[f64], reference: &[f64]) -> f64 {
    let largest = reference.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let error =
        ours.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, |most: f64, e| if e > most || e.is_nan() { e } else { most });
    if error == 0.0 { 0.0 } else { error / largest }
}
