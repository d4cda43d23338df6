//! A network in f64 on a linear piece that is given: which units fire, and which element wins each pool. Where an arithmetic puts a
//! unit on the other side of its kink the gradient jumps, whatever computed it; on its own piece it must be right.

use super::Fault;
use scalefree::device::{Cpu, View};
use scalefree::nn::{Architecture, Layer, layout};
use scalefree::ops::adam::WeightGradient;
use scalefree::ops::conv3x3::{Conv3x3, Conv3x3Config};
use scalefree::ops::dense::{Dense, DenseConfig};

/// A network after its forward pass.
pub struct Piece<'a> {
    architecture: &'a Architecture,
    batch: usize,
    parameters: Vec<f64>,
    stages: Vec<Stage>,
    pub output: Vec<f64>,
}

/// A layer with its input and its piece: 1 where a unit fires, and the place of the winner in its quad.
struct Stage {
    layer: Layer,
    x: Vec<f64>,
    fires: Vec<f64>,
    place: Vec<u8>,
}

impl<'a> Piece<'a> {
    /// Runs `input`, NHWC, through the network. `pattern` as `Tape::pattern` gives it.
    pub fn forward(architecture: &'a Architecture, values: &[f64], batch: usize, input: Vec<f64>, pattern: &[u8]) -> Result<Self, Fault> {
        let parameters = layout::to_arena::<f64>(architecture, values);
        let mut piece = Piece { architecture, batch, parameters, stages: Vec::new(), output: Vec::new() };
        let (mut x, mut rest) = (input, pattern);
        for (index, layer) in architecture.layers().into_iter().enumerate() {
            let z = piece.linear(index, layer, &x)?;
            let hidden = !matches!(layer, Layer::Dense { relu: false, .. });
            let (of_layer, behind) = rest.split_at(if hidden { batch * layer.output().len() } else { 0 });
            rest = behind;
            let fires = of_layer.iter().map(|p| if *p > 0 { 1.0 } else { 0.0 }).collect();
            let place: Vec<u8> = of_layer.iter().map(|p| p.saturating_sub(1)).collect();
            let mut y = match layer {
                Layer::Conv3x3 { input, filters, pool: true } => {
                    let won = |(at, place): (usize, &u8)| z[behind_pool(input.width, filters, at, usize::from(*place))];
                    place.iter().enumerate().map(won).collect()
                }
                _ => z,
            };
            y.iter_mut().zip(of_layer).filter(|(_, p)| **p == 0).for_each(|(y, _)| *y = 0.0);
            piece.stages.push(Stage { layer, x: std::mem::replace(&mut x, y), fires, place });
        }
        piece.output = x;
        Ok(piece)
    }

    /// z = w x + b of a layer, before ReLU and pool.
    fn linear(&self, index: usize, layer: Layer, x: &Vec<f64>) -> Result<Vec<f64>, Fault> {
        let device = Cpu::<f64>::new();
        let tensors = self.architecture.parameters();
        let span = |tensor: usize| tensors[tensor].span.clone();
        let run = |parameters: &Vec<f64>| -> Result<Vec<f64>, Fault> {
            let (weight, bias) = (View::new(parameters, span(2 * index)), View::new(parameters, span(2 * index + 1)));
            match layer {
                Layer::Conv3x3 { .. } => {
                    let config = Conv3x3Config { pool: false, ..self.convolution(layer) };
                    let mut workspace = vec![0.0; device.conv3x3_workspace(&config)];
                    let mut y = vec![0.0; config.output_len()];
                    device.conv3x3_forward(&config, x, weight, bias, &mut y, &mut Vec::new(), &mut workspace)?;
                    Ok(y)
                }
                Layer::Dense { .. } => {
                    let config = self.dense(layer);
                    let mut workspace = vec![0.0; device.dense_workspace(&config)];
                    let mut y = vec![0.0; self.batch * config.outputs];
                    device.dense_forward(&config, x, weight, bias, None, &mut y, &mut workspace)?;
                    Ok(y)
                }
            }
        };
        let z = run(&self.parameters)?;
        if matches!(layer, Layer::Dense { .. }) {
            return Ok(z);
        }
        // The convolution has its ReLU always: z = relu(z) - relu(-z).
        let negative = run(&self.parameters.iter().map(|p| -p).collect())?;
        Ok(z.iter().zip(negative).map(|(z, n)| z - n).collect())
    }

    /// The gradient at the input, and the parameters' in PyTorch's order.
    pub fn backward(&self, dy: Vec<f64>) -> Result<(Vec<f64>, Vec<f64>), Fault> {
        let device = Cpu::<f64>::new();
        let parameters = self.architecture.parameters();
        let mut gradient = vec![0.0; self.architecture.arena_len()];
        let mut dy = dy;
        for (index, Stage { layer, x, fires, place }) in self.stages.iter().enumerate().rev() {
            let [weight, bias] = [2 * index, 2 * index + 1].map(|tensor| parameters[tensor].tensor(tensor, 0.0));
            let mut target = WeightGradient::Store { parameters: &self.parameters, gradient: &mut gradient };
            let mut dx = vec![0.0; x.len()];
            match layer {
                Layer::Conv3x3 { .. } => {
                    let config = self.convolution(*layer);
                    let mut workspace = vec![0.0; device.conv3x3_workspace(&config)];
                    device.conv3x3_backward(&config, x, fires, place, &dy, Some(&mut dx), &weight, &bias, &mut target, &mut workspace)?;
                }
                Layer::Dense { relu, .. } => {
                    let config = DenseConfig { relu: *relu, ..self.dense(*layer) };
                    let mut workspace = vec![0.0; device.dense_workspace(&config)];
                    // A layer without a ReLU passes everything on.
                    let y = if *relu { fires } else { &dy.clone() };
                    device.dense_backward(&config, x, y, &dy, Some(&mut dx), &weight, &bias, &mut target, &mut workspace)?;
                }
            }
            dy = dx;
        }
        Ok((dy, layout::from_arena(self.architecture, &gradient)))
    }

    fn convolution(&self, layer: Layer) -> Conv3x3Config {
        let Layer::Conv3x3 { input, filters, pool } = layer else { unreachable!("a convolution's configuration") };
        Conv3x3Config { batch: self.batch, height: input.height, width: input.width, channels: input.channels, filters, pool }
    }

    /// The layer without its ReLU.
    fn dense(&self, layer: Layer) -> DenseConfig {
        let Layer::Dense { input, output, .. } = layer else { unreachable!("a dense layer's configuration") };
        DenseConfig { batch: self.batch, inputs: input.len(), outputs: output.len(), relu: false, keep: 1.0, seed: 0 }
    }
}

/// The element of an image of `filters` channels and `width` columns that stands at `place` of the quad behind element `at` of its pool.
pub fn behind_pool(width: usize, filters: usize, at: usize, place: usize) -> usize {
    let (pixel, filter) = (at / filters, at % filters);
    let (row, column) = (pixel / (width / 2), pixel % (width / 2));
    ((2 * row + place / 2) * width + 2 * column + place % 2) * filters + filter
}
