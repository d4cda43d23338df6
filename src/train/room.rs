//! The memory of a run, taken before its first step.

use super::predict::Predictor;
use super::step::Stepper;
use super::{Job, TrainConfig};
use crate::device::cuda::CudaFault;
use crate::nn::Model;
use crate::ops::Device;
use crate::{Error, Result};
use serde_json::Map;

/// The stepper of `job`. What the end of an epoch needs is tried too, so that a card is not found too small only there.
///
/// # Errors
/// [`CudaFault::Batch`], with the largest batch for which there is room: found by trying, not by counting.
pub(super) fn stepper<D: Device>(device: &D, job: &Job<'_>, model: &Model, inputs: &[f64], n: usize) -> Result<Stepper<D>> {
    match taken(device, job, model, inputs, n) {
        Err(Error::Cuda(CudaFault::OutOfMemory { total, .. })) => {
            let batch = job.config.batch;
            let fits = largest(batch, |batch| {
                let config = TrainConfig { batch, ..job.config.clone() };
                let smaller = Job { architecture: job.architecture.clone(), config: &config, notes: Map::new(), ..*job };
                taken(device, &smaller, model, inputs, n).is_ok()
            });
            Err(CudaFault::Batch { key: format!("{}.batch", job.architecture.kind.key()), batch, fits, total }.into())
        }
        other => other,
    }
}

fn taken<D: Device>(device: &D, job: &Job<'_>, model: &Model, inputs: &[f64], n: usize) -> Result<Stepper<D>> {
    let stepper = Stepper::new(device, job, model, inputs, n)?;
    Predictor::new(device, model, job.frozen)?;
    Ok(stepper)
}

/// The largest number below `most` that fits, 0 if none does.
fn largest(most: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut fitting, mut failing) = (0, most);
    while failing - fitting > 1 {
        let middle = fitting + (failing - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            failing = middle;
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::largest;

    #[test]
    fn the_largest_that_fits_is_found() {
        for (most, limit) in [(1, 0), (2, 1), (100, 0), (100, 1), (100, 37), (100, 99)] {
            assert_eq!(largest(most, |n| n <= limit), limit);
        }
    }
}
