//! Timing: medians of many runs, after warm runs and after a flush of the caches, and the device's roofs.

use super::prepare::{Ask, Piece};
use crate::Result;
use crate::device::Real;
use crate::ops::Device;
use crate::ops::roof::Roof;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// A device that can be timed.
pub trait Timed: Device + Roof + 'static {}
impl<D: Device + Roof + 'static> Timed for D {}

/// Seconds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Median.
    pub median: f64,
    /// First quartile.
    pub low: f64,
    /// Third quartile.
    pub high: f64,
    /// Samples that they are of.
    pub samples: usize,
}

/// What the device reached at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Roofs {
    /// Bytes a second of a copy, read and written ones counted.
    pub copy: f64,
    /// Flop a second of multiply-adds in registers, where that is measured.
    pub multiply_add: Option<f64>,
    /// Flop a second of products in the device's precision.
    pub product: f64,
    /// Flop a second in f64: of multiply-adds on a card, of products on the processor.
    pub double: f64,
}

/// A sample is no shorter than this, by repeating the run: the clock's grain and the start of the first launch do not count then.
const SAMPLE: f64 = 0.01;
const SAMPLES: usize = 21;
/// Few samples will do where a run is slow.
const FEWEST: usize = 5;
const BUDGET: Duration = Duration::from_millis(500);
/// Bytes of each of the two copied buffers, at most: beyond every cache.
const LARGEST: usize = 256 << 20;

/// The median time of a run that follows others, and of one that finds the caches full of other data.
pub(super) fn times<D: Timed>(device: &D, piece: &mut Piece<D>, flush: &mut Flush<D>) -> Result<(Times, Times)> {
    let repeated = |piece: &mut Piece<D>, rounds: u32| {
        device.seconds(&mut || {
            for _ in 0..rounds {
                piece(device, Ask::Run)?;
            }
            Ok(())
        })
    };
    let first = repeated(piece, 1)?;
    let rounds = (SAMPLE / first.max(1e-9)).clamp(1.0, 1000.0) as u32;
    let warm = samples(|| Ok(repeated(piece, rounds)? / f64::from(rounds)))?;
    let cold = samples(|| {
        flush.run(device)?;
        repeated(piece, 1)
    })?;
    Ok((warm, cold))
}

/// Quartiles of as many samples as the budget allows.
fn samples(mut sample: impl FnMut() -> Result<f64>) -> Result<Times> {
    let (start, mut all) = (Instant::now(), Vec::with_capacity(SAMPLES));
    while all.len() < FEWEST || (all.len() < SAMPLES && start.elapsed() < BUDGET) {
        all.push(sample()?);
    }
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all[(share * (all.len() - 1) as f64).round() as usize];
    Ok(Times { median: at(0.5), low: at(0.25), high: at(0.75), samples: all.len() })
}

/// Two buffers that are copied to empty the caches, and to measure the memory.
pub(super) struct Flush<D: Timed> {
    from: D::Buffer<D::Real>,
    to: D::Buffer<D::Real>,
    len: usize,
}

impl<D: Timed> Flush<D> {
    /// As large as every cache, or as a slow device copies in some milliseconds (an emulated one).
    fn new(device: &D) -> Result<Self> {
        let most = LARGEST / size_of::<D::Real>();
        let mut len = most >> 10;
        loop {
            let mut flush = Flush { from: device.zeros(len)?, to: device.zeros(len)?, len };
            if len == most || device.seconds(&mut || flush.run(device))? > 0.05 {
                // The first touch of memory is slow.
                flush.run(device)?;
                return Ok(flush);
            }
            len = (4 * len).min(most);
        }
    }

    fn run(&mut self, device: &D) -> Result<()> {
        device.copy(self.len, &self.from, &mut self.to)
    }
}

/// The roofs, each the median of its samples, and what flushes the caches.
pub(super) fn roofs<D: Timed>(device: &D) -> Result<(Roofs, Flush<D>)> {
    let mut flush = Flush::new(device)?;
    let bytes = (2 * flush.len * size_of::<D::Real>()) as f64;
    let copy = samples(|| device.seconds(&mut || flush.run(device)))?.median;
    let mut out = device.zeros(device.roof_len())?;
    // Denormal or zero factors may be faster than others.
    device.upload(&vec![D::Real::from_f64(0.7); device.roof_len()], &mut out)?;
    let multiply_add = rate(device, |rounds| device.multiply_add(rounds, &mut out))?;
    let product = rate(device, |rounds| device.product(rounds, &mut out).map(Some))?.unwrap_or_default();
    let mut out = device.zeros(device.roof_len())?;
    device.upload(&vec![0.7; device.roof_len()], &mut out)?;
    let double = rate(device, |rounds| device.double(rounds, &mut out).map(Some))?.unwrap_or_default();
    Ok((Roofs { copy: bytes / copy, multiply_add, product, double }, flush))
}

/// Flop a second, with as many rounds as make a sample long enough.
fn rate<D: Timed>(device: &D, mut work: impl FnMut(u32) -> Result<Option<f64>>) -> Result<Option<f64>> {
    let mut flop = None;
    let mut seconds = |rounds: u32| {
        device.seconds(&mut || {
            flop = work(rounds)?;
            Ok(())
        })
    };
    let mut rounds = 1;
    while rounds < 1 << 20 && seconds(rounds)? < SAMPLE {
        rounds *= 2;
    }
    let median = samples(|| seconds(rounds))?.median;
    Ok(flop.map(|flop| flop / median))
}
