//! Networks at work: a D2L, an L2D, or an L2D with its frozen D2L behind it, over any number of samples.

use super::to_real;
use crate::Result;
use crate::device::Real;
use crate::nn::{Mode, Model, Tape, layout};
use crate::ops::Device;
use std::slice::Chunks;

/// Samples of one pass.
const BATCH: usize = 100;

/// A network with its numbers on the device.
struct Link<D: Device> {
    tape: Tape<D>,
    parameters: D::Buffer<D::Real>,
    hidden: usize,
    output: usize,
}

/// One or two networks, ready to run.
pub struct Predictor<D: Device> {
    chain: Vec<Link<D>>,
    input: D::Buffer<D::Real>,
}

impl<D: Device> Predictor<D> {
    /// `model`, and behind an L2D the D2L that judges it.
    pub fn new(device: &D, model: &Model, behind: Option<&Model>) -> Result<Self> {
        let mut chain = Vec::new();
        for model in std::iter::once(model).chain(behind) {
            let architecture = &model.architecture;
            let tape = Tape::record(device, architecture, BATCH, &[])?;
            let parameters = device.holding(&layout::to_arena(architecture, &model.values))?;
            chain.push(Link { tape, parameters, hidden: architecture.hidden, output: architecture.output().len() });
        }
        Ok(Predictor { chain, input: device.zeros(BATCH * model.architecture.input().len())? })
    }

    /// The last network's outputs (n, ...), NHWC, for `inputs` (n, ...), scaled and NHWC.
    pub fn run(&mut self, device: &D, inputs: &[f64]) -> Result<Vec<f64>> {
        let mut outputs = Vec::with_capacity(inputs.len() / self.input_len() * self.output_len());
        for inputs in self.passes(inputs) {
            self.forward(device, inputs)?;
            outputs.extend(self.output(device, inputs)?);
        }
        Ok(outputs)
    }

    /// `inputs`, as many at a time as one pass takes.
    pub(super) fn passes<'i>(&self, inputs: &'i [f64]) -> Chunks<'i, f64> {
        inputs.chunks(BATCH * self.input_len())
    }

    /// One pass of the whole chain.
    pub(super) fn forward(&mut self, device: &D, inputs: &[f64]) -> Result<()> {
        device.upload(&to_real::<D::Real>(inputs), &mut self.input)?;
        let batch = inputs.len() / self.input_len();
        for index in 0..self.chain.len() {
            let (before, rest) = self.chain.split_at_mut(index);
            let input = before.last().map_or(&self.input, |link| link.tape.output());
            rest[0].tape.forward(device, batch, input, &rest[0].parameters, Mode::Evaluate)?;
        }
        Ok(())
    }

    /// What the last network gave for `inputs` in the last pass.
    pub(super) fn output(&self, device: &D, inputs: &[f64]) -> Result<Vec<f64>> {
        let batch = inputs.len() / self.input_len();
        let last = &self.chain[self.chain.len() - 1];
        Ok(device.first(last.tape.output(), batch * last.output)?.into_iter().map(Real::to_f64).collect())
    }

    /// The hidden units of every network in the chain in that pass.
    pub(super) fn hidden(&self, device: &D, inputs: &[f64]) -> Result<Vec<Vec<D::Real>>> {
        let batch = inputs.len() / self.input_len();
        self.chain.iter().map(|link| device.first(link.tape.hidden(), batch * link.hidden)).collect()
    }

    /// Hidden units of each network in the chain.
    pub(super) fn hidden_units(&self) -> Vec<usize> {
        self.chain.iter().map(|link| link.hidden).collect()
    }

    /// Numbers that the last network gives for a sample.
    pub(super) fn output_len(&self) -> usize {
        self.chain[self.chain.len() - 1].output
    }

    /// Numbers that the first network takes for a sample.
    pub(super) fn input_len(&self) -> usize {
        self.chain[0].tape.input_len()
    }
}

/// 1 - mean |y - t| / t over all samples and modes (Eq. 3, 4).
pub fn accuracy(predicted: &[f64], target: &[f64]) -> f64 {
    let sum: f64 = predicted.iter().zip(target).map(|(y, t)| (y - t).abs() / t).sum();
    1.0 - sum / target.len() as f64
}
