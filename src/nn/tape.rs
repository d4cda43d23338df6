//! The tape: a network recorded for one batch size. Recording allocates every buffer; steps then run over fixed
//! memory, forward layer by layer and backward in the opposite order. This is the whole of the automatic
//! differentiation: each op brings its own backward pass, the tape brings the order.

use super::{Architecture, Layer};
use crate::Result;
use crate::device::{Real, View};
use crate::ops::Device;
use crate::ops::adam::{Tensor, WeightGradient};
use crate::ops::conv3x3::Conv3x3Config;
use crate::ops::dense::DenseConfig;

/// How a forward pass treats dropout.
pub enum Mode<'a, D: Device> {
    /// All units stay.
    Evaluate,
    /// Units of the hidden fully connected layer stay with probability `keep`.
    Train {
        /// Probability that a unit stays.
        keep: f64,
        /// Seed of the masks.
        seed: u64,
        /// The step that the masks are drawn for.
        step: &'a D::Buffer<u64>,
    },
}

/// A layer with its place in the arena and the buffers that its passes fill.
struct Stage<D: Device> {
    layer: Layer,
    weight: Tensor,
    bias: Tensor,
    output: D::Buffer<D::Real>,
    argmax: D::Buffer<u8>,
}

/// A network recorded for a batch of up to `batch` samples.
pub struct Tape<D: Device> {
    stages: Vec<Stage<D>>,
    batch: usize,
    keep: f64,
    gradients: [D::Buffer<D::Real>; 2],
    /// One, or one a layer where passes run side by side.
    workspaces: Vec<D::Buffer<D::Real>>,
}

impl<D: Device> Tape<D> {
    /// Allocates everything that passes over `batch` samples need. `l2_scale` tells the regulariser's scale for each
    /// parameter of the architecture (in order); an empty slice means no regulariser.
    pub fn record(device: &D, architecture: &Architecture, batch: usize, l2_scale: &[f64]) -> Result<Self> {
        let layers = architecture.layers();
        let parameters = architecture.parameters();
        let tensor = |index: usize| parameters[index].tensor(index, l2_scale.get(index).copied().unwrap_or(0.0));
        let mut stages = Vec::with_capacity(layers.len());
        let (mut workspaces, mut largest) = (vec![0; if D::OVERLAPS { layers.len() } else { 1 }], architecture.input().len());
        for (index, &layer) in layers.iter().enumerate() {
            let output = layer.output().len();
            let needed = match layer {
                Layer::Conv3x3 { .. } => device.conv3x3_workspace(&conv_config(layer, batch)),
                Layer::Dense { .. } => device.dense_workspace(&dense_config(layer, batch, 1.0, 0)),
            };
            let place = index % workspaces.len();
            workspaces[place] = needed.max(workspaces[place]);
            largest = largest.max(output);
            let pooled = matches!(layer, Layer::Conv3x3 { pool: true, .. });
            stages.push(Stage {
                layer,
                weight: tensor(2 * index),
                bias: tensor(2 * index + 1),
                output: device.zeros(batch * output)?,
                argmax: device.zeros(if pooled { batch * output } else { 0 })?,
            });
        }
        let gradients = [device.zeros(batch * largest)?, device.zeros(batch * largest)?];
        let workspaces = workspaces.into_iter().map(|len| device.zeros(len)).collect::<Result<_>>()?;
        Ok(Tape { stages, batch, keep: 1.0, gradients, workspaces })
    }

    /// Numbers that the network takes for a sample.
    pub fn input_len(&self) -> usize {
        match self.stages[0].layer {
            Layer::Conv3x3 { input, .. } | Layer::Dense { input, .. } => input.len(),
        }
    }

    /// Every tensor of the network as the optimiser sees it.
    pub fn tensors(&self) -> Vec<Tensor> {
        self.stages.iter().flat_map(|s| [s.weight.clone(), s.bias.clone()]).collect()
    }

    /// The network's output of the last forward pass.
    pub fn output(&self) -> &D::Buffer<D::Real> {
        &self.stages[self.stages.len() - 1].output
    }

    /// Units of the hidden fully connected layer after the last forward pass.
    pub fn hidden(&self) -> &D::Buffer<D::Real> {
        &self.stages[self.stages.len() - 2].output
    }

    /// Which units fired in the last forward pass over `batch` samples, and which element won each pool that fired: the linear
    /// piece of the network that the samples are on.
    pub fn pattern(&self, device: &D, batch: usize) -> Result<Vec<u8>> {
        let mut pattern = Vec::new();
        for stage in &self.stages[..self.stages.len() - 1] {
            let len = batch * stage.layer.output().len();
            let output = device.first(&stage.output, len)?;
            let mut place = vec![0_u8; len];
            if matches!(stage.layer, Layer::Conv3x3 { pool: true, .. }) {
                device.download(&stage.argmax, &mut place)?;
            }
            pattern.extend(output.iter().zip(&place).map(|(y, place)| if *y > D::Real::ZERO { 1 + place } else { 0 }));
        }
        Ok(pattern)
    }

    /// Runs `batch` samples (no more than it was recorded for) of `input`, NHWC, through the network.
    pub fn forward(
        &mut self,
        device: &D,
        batch: usize,
        input: &D::Buffer<D::Real>,
        parameters: &D::Buffer<D::Real>,
        mode: Mode<'_, D>,
    ) -> Result<()> {
        assert!(batch <= self.batch, "{batch} samples on a tape for {}", self.batch);
        let (keep, seed, step) = match mode {
            Mode::Evaluate => (1.0, 0, None),
            Mode::Train { keep, seed, step } => (keep, seed, Some(step)),
        };
        self.keep = keep;
        for index in 0..self.stages.len() {
            let (before, rest) = self.stages.split_at_mut(index);
            let Stage { layer, weight, bias, output, argmax } = &mut rest[0];
            let x = before.last().map_or(input, |stage| &stage.output);
            let place = index % self.workspaces.len();
            let workspace = &mut self.workspaces[place];
            let weight = View::new(parameters, weight.span.clone());
            let bias = View::new(parameters, bias.span.clone());
            match layer {
                Layer::Conv3x3 { .. } => {
                    device.conv3x3_forward(&conv_config(*layer, batch), x, weight, bias, output, argmax, workspace)?;
                }
                Layer::Dense { .. } => {
                    let config = dense_config(*layer, batch, keep, seed);
                    device.dense_forward(&config, x, weight, bias, step, output, workspace)?;
                }
            }
        }
        Ok(())
    }

    /// From `dy`, the cost's gradient at the output of the last forward pass over `batch` samples of `input`: the gradient
    /// of every weight and bias as `target` says. With `to_input`, returns the gradient at the input. Each layer's
    /// input gradient is computed before its weight changes.
    pub fn backward(
        &mut self,
        device: &D,
        batch: usize,
        input: &D::Buffer<D::Real>,
        dy: &D::Buffer<D::Real>,
        mut target: WeightGradient<'_, D>,
        to_input: bool,
    ) -> Result<&D::Buffer<D::Real>> {
        let last = self.stages.len() - 1;
        device.overlap(&mut |device| {
            for index in (0..=last).rev() {
                let [even, odd] = &mut self.gradients;
                let (dx, from) = if index % 2 == 0 { (even, odd) } else { (odd, even) };
                let dy = if index == last { dy } else { &*from };
                let dx = (index > 0 || to_input).then_some(dx);
                let (before, rest) = self.stages.split_at_mut(index);
                let Stage { layer, weight, bias, output, argmax } = &rest[0];
                let x = before.last().map_or(input, |stage| &stage.output);
                let place = index % self.workspaces.len();
                let workspace = &mut self.workspaces[place];
                match layer {
                    Layer::Conv3x3 { .. } => {
                        let config = conv_config(*layer, batch);
                        device.conv3x3_backward(&config, x, output, argmax, dy, dx, weight, bias, &mut target, workspace)?;
                    }
                    Layer::Dense { .. } => {
                        let config = dense_config(*layer, batch, self.keep, 0);
                        device.dense_backward(&config, x, output, dy, dx, weight, bias, &mut target, workspace)?;
                    }
                }
            }
            Ok(())
        })?;
        Ok(&self.gradients[0])
    }
}

pub(crate) fn conv_config(layer: Layer, batch: usize) -> Conv3x3Config {
    let Layer::Conv3x3 { input, filters, pool } = layer else { unreachable!("a convolution's configuration") };
    Conv3x3Config { batch, height: input.height, width: input.width, channels: input.channels, filters, pool }
}

pub(crate) fn dense_config(layer: Layer, batch: usize, keep: f64, seed: u64) -> DenseConfig {
    let Layer::Dense { input, output, relu } = layer else { unreachable!("a dense layer's configuration") };
    let keep = if relu { keep } else { 1.0 };
    DenseConfig { batch, inputs: input.len(), outputs: output.len(), relu, keep, seed }
}
