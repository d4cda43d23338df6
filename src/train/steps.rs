//! Training steps without files, epochs or a listener: what a benchmark times.

use super::Job;
use super::run::{scaled_inputs, start_model};
use super::step::Stepper;
use crate::Result;
use crate::device::Real;
use crate::ops::Device;

/// A job on its device, ready to step. The data are taken in their order, over and over.
pub struct Steps<D: Device> {
    stepper: Stepper<D>,
}

impl<D: Device> Steps<D> {
    /// Uploads networks and data.
    ///
    /// # Errors
    /// What [`super::train`] says of the start model, and the device of its memory.
    pub fn new(device: &D, job: &Job<'_>) -> Result<Self> {
        let n = job.training.targets.len() / job.architecture.sites();
        let model = start_model(job)?;
        let inputs = scaled_inputs(&model, &job.training.inputs);
        let mut stepper = Stepper::new(device, job, &model, &inputs, n)?;
        let order: Vec<u32> = (0..n as u32).collect();
        stepper.set_order(device, &order)?;
        Ok(Steps { stepper })
    }

    /// Enqueues one step. Where the device has graphs, the first call records what later ones replay.
    pub fn step(&mut self, device: &D) -> Result<()> {
        self.stepper.advance(device, 1).map(drop)
    }

    /// Adam's first moments, tensor by tensor in the network's order: after one step proportional to the gradient.
    pub fn first_moments(&self, device: &D) -> Result<Vec<Vec<f64>>> {
        let Stepper { tape, adam, arena_len, .. } = &self.stepper;
        let arena = device.first(&adam.first, *arena_len)?;
        Ok(tape.tensors().into_iter().map(|tensor| arena[tensor.span].iter().map(|v| v.to_f64()).collect()).collect())
    }
}
