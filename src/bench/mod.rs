//! Every op, whole training steps and the labelling of lattices, timed on a device beside what the device does at most, with the error
//! against f64 next to each time; and two such reports compared.

mod compare;
mod measure;
mod prepare;
pub mod roofline;
mod subject;

pub use compare::{Comparison, Verdict, compare};
pub use measure::{Roofs, Timed, Times};
pub use subject::{Lattices, Pass, SHAPES, Subject, Work, check, parse, subjects};

use crate::config::Config;
use crate::device::Cpu;
use crate::device::cuda::CudaFault;
use crate::ops::eigh::{LabelPrecision, Labels, Solver};
use crate::{Error, Result};
use measure::Flush;
use prepare::{Arrays, Ask, prepare};
use serde::{Deserialize, Deserializer, Serialize};
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
    /// What could not be timed.
    pub left_out: Vec<LeftOut>,
}

/// A subject that the device has no room or no solver for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The subject.
    pub name: String,
    /// Why.
    pub fault: String,
}

/// What a listener is told, in this order: the roofs, then of each subject one of the others.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// The roofs are measured.
    Roofs(&'a Roofs),
    /// A subject is.
    Row(&'a Row),
    /// A subject is not.
    LeftOut(&'a LeftOut),
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
    /// max |ours - f64| / max |f64|; of a step the gradient's, |ours - f64| / |f64| in the 2-norm of the tensor where it is largest: by its
    /// largest number, one relu or absolute value on the other side of its kink would drown all else. NaN, which JSON has as null, where ours
    /// holds one.
    #[serde(deserialize_with = "null_is_nan")]
    pub error: f64,
}

fn null_is_nan<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<f64, D::Error> {
    Option::<f64>::deserialize(from).map(|error| error.unwrap_or(f64::NAN))
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

/// Times `subjects` on `device`. One that its memory does not do for, or whose solver is missing or gives up, is left out.
///
/// # Errors
/// Whatever else the device says.
pub fn run<D: Timed>(device: &D, facts: Facts, config: &Config, subjects: &[Subject], listen: &mut dyn FnMut(Heard<'_>)) -> Result<Report> {
    let (roofs, mut flush) = measure::roofs(device)?;
    listen(Heard::Roofs(&roofs));
    let (mut rows, mut left_out) = (Vec::with_capacity(subjects.len()), Vec::new());
    for subject in subjects {
        match time(device, *subject, config, &roofs, &mut flush) {
            Ok(row) => {
                listen(Heard::Row(&row));
                rows.push(row);
            }
            Err(fault @ (Error::Cuda(CudaFault::OutOfMemory { .. }) | Error::Failed(_))) => {
                let out = LeftOut { name: subject.to_string(), fault: fault.to_string() };
                listen(Heard::LeftOut(&out));
                left_out.push(out);
            }
            Err(fault) => return Err(fault),
        }
    }
    let Facts { device, driver, toolkit } = facts;
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let program = concat!("scalefree ", env!("CARGO_PKG_VERSION")).into();
    Ok(Report { program, time, device, driver, toolkit, threads: rayon::current_num_threads(), roofs, rows, left_out })
}

/// One subject.
fn time<D: Timed>(device: &D, subject: Subject, config: &Config, roofs: &Roofs, flush: &mut Flush<D>) -> Result<Row> {
    let mut piece = prepare(device, subject, config)?;
    piece(device, Ask::Run)?;
    let ours = piece(device, Ask::Result)?;
    let error = apart(subject, &ours, &reference(subject, config)?);
    let (warm, cold) = measure::times(device, &mut piece, flush)?;
    let Work { flop, bytes, items } = subject.work(config, size_of::<D::Real>());
    let needed = flop_roof(subject, roofs).map(|most| (flop / most).max(bytes / roofs.copy)).filter(|needed| *needed > 0.0);
    Ok(Row { name: subject.to_string(), warm, cold, flop, bytes, items, roof: needed.map(|needed| needed / warm.median), error })
}

/// The flop a second that bound a subject: labels are solved in a precision of their own. faer's on a machine whose card is timed have
/// no roof here.
fn flop_roof(subject: Subject, roofs: &Roofs) -> Option<f64> {
    match subject {
        Subject::Labels(_, Labels { solver: Solver::Faer, .. }) if roofs.multiply_add.is_some() => None,
        Subject::Labels(_, Labels { precision: LabelPrecision::F64, .. }) => Some(roofs.double),
        Subject::Labels(..) => roofs.multiply_add,
        _ => Some(roofs.product),
    }
}

/// What the processor makes of a subject in f64; of labels, what faer makes.
fn reference(subject: Subject, config: &Config) -> Result<Arrays> {
    let device = Cpu::<f64>::new();
    let subject = match subject {
        Subject::Labels(lattices, _) => Subject::Labels(lattices, Labels { solver: Solver::Faer, ..Labels::default() }),
        other => other,
    };
    let mut piece = prepare(&device, subject, config)?;
    piece(&device, Ask::Run)?;
    piece(&device, Ask::Result)
}

/// [`Row::error`]; NaN where ours holds one.
fn apart(subject: Subject, ours: &Arrays, reference: &Arrays) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| match subject {
        Subject::Step(..) => values.map(|v| v * v).sum::<f64>().sqrt(),
        _ => values.map(f64::abs).fold(0.0, worse),
    };
    let of_array = |(ours, reference): (&Vec<f64>, &Vec<f64>)| {
        let error = norm(&mut ours.iter().zip(reference).map(|(a, b)| a - b));
        if error == 0.0 { 0.0 } else { error / norm(&mut reference.iter().copied()) }
    };
    ours.iter().zip(reference).map(of_array).fold(0.0, worse)
}

/// The larger error; NaN is the largest.
fn worse(most: f64, error: f64) -> f64 {
    if error > most || error.is_nan() { error } else { most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Kind;

    #[test]
    fn the_error_is_that_of_the_worst_array() {
        let (op, step) = (Subject::Adam { parameters: 2 }, Subject::Step(Kind::D2l, 1));
        let reference = vec![vec![300.0, -400.0], vec![0.03, 0.04]];
        let off = |array: usize, by: f64| {
            let mut ours = reference.clone();
            ours[array][1] += by;
            ours
        };
        for (subject, ours, error) in [
            (op, reference.clone(), 0.0),
            (step, reference.clone(), 0.0),
            (op, off(0, 4.0), 4.0 / 400.0),
            (step, off(0, 4.0), 4.0 / 500.0),
            // A tensor of small numbers counts as one of large ones does.
            (step, off(1, 0.04), 0.8),
            (op, off(1, f64::NAN), f64::NAN),
            (step, off(1, f64::NAN), f64::NAN),
        ] {
            let told = apart(subject, &ours, &reference);
            assert!((told - error).abs() < 1e-12 || (told.is_nan() && error.is_nan()), "{subject}: {told}, not {error}");
        }
    }
}
