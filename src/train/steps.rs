//! Training steps without files, epochs or a listener: what a benchmark times.

use super::checkpoint::State;
use super::step::Stepper;
use super::{Job, scaled_inputs, start_model};
use crate::Result;
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
        let modes = job.architecture.sites();
        let n = job.training.targets.len() / modes;
        let model = start_model(job, modes)?;
        let inputs = scaled_inputs(&model, job.training);
        let mut stepper = Stepper::new(device, job, &model, &inputs, n)?;
        let order: Vec<u32> = (0..n as u32).collect();
        stepper.set_order(device, &order)?;
        Ok(Steps { stepper })
    }

    /// Enqueues one step. Where the device has graphs, the first call records what later ones replay.
    pub fn step(&mut self, device: &D) -> Result<()> {
        self.stepper.advance(device, 1).map(drop)
    }

    /// The cost of the first step, as long as the ring still holds it.
    pub fn first_cost(&self, device: &D) -> Result<f64> {
        let mut state = State::default();
        self.stepper.add_costs(device, 1, &mut state)?;
        Ok(state.cost)
    }
}
