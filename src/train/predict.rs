//! Networks at work: a D2L, an L2D, or an L2D with its frozen D2L behind it, over any number of samples.

use super::step::{downloaded, uploaded};
use super::to_real;
use crate::Result;
use crate::device::Real;
use crate::nn::{Mode, Model, Tape, layout};
use crate::ops::Device;

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
            let parameters = uploaded(device, &layout::to_arena(architecture, &model.values))?;
            chain.push(Link { tape, parameters, hidden: architecture.hidden, output: architecture.output().len() });
        }
        Ok(Predictor { chain, input: device.zeros(BATCH * model.architecture.input().len())? })
    }

    /// The last network's outputs (n, ...), NHWC, for `inputs` (n, ...), scaled and NHWC.
    pub fn run(&mut self, device: &D, inputs: &[f64]) -> Result<Vec<f64>> {
        let mut outputs = Vec::new();
        self.for_each_batch(device, inputs, |_, output| outputs.extend(output.iter().map(|v| v.to_f64())))?;
        Ok(outputs)
    }

    /// Runs batch by batch; `visit` sees the hidden units of every network in the chain, and the last one's output.
    pub(super) fn for_each_batch(&mut self, device: &D, inputs: &[f64], mut visit: impl FnMut(&[Vec<D::Real>], &[D::Real])) -> Result<()> {
        let width = self.input_len();
        for rows in inputs.chunks(BATCH * width) {
            let batch = rows.len() / width;
            device.upload(&to_real::<D::Real>(rows), &mut self.input)?;
            let mut hidden = Vec::with_capacity(self.chain.len());
            let mut output = Vec::new();
            for index in 0..self.chain.len() {
                let (before, rest) = self.chain.split_at_mut(index);
                let input = before.last().map_or(&self.input, |link| link.tape.output());
                let link = &mut rest[0];
                link.tape.forward(device, batch, input, &link.parameters, Mode::Evaluate)?;
                hidden.push(downloaded(device, link.tape.hidden(), batch * link.hidden)?);
                output = downloaded(device, link.tape.output(), batch * link.output)?;
            }
            visit(&hidden, &output);
        }
        Ok(())
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
