//! Adam on a card: the step's rate, the update of stored gradients, and what weight-gradient kernels need to update in place.

use super::{Adam, AdamConfig, AdamState, SQUARES, Tensor, WeightGradient};
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, kernels};

/// Threads of a block of the kernels in `kernels/adam.cu`.
const THREADS: u32 = 256;

/// How a gradient is used, as `kernels/include/adam.cuh` has it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Update {
    mode: Use,
    l2_scale: f32,
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
}

#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    Store = 0,
    Accumulate = 1,
    Apply = 2,
}

impl Update {
    /// The gradient is kept.
    fn keep(mode: Use) -> Self {
        Update { mode, l2_scale: 0.0, beta1: 0.0, rest1: 0.0, beta2: 0.0, rest2: 0.0 }
    }

    /// The gradient of `tensor` is consumed.
    fn apply(config: &AdamConfig, tensor: &Tensor) -> Self {
        let (rest1, rest2) = ((1.0 - config.beta1) as f32, (1.0 - config.beta2) as f32);
        let (beta1, beta2) = (config.beta1 as f32, config.beta2 as f32);
        Update { mode: Use::Apply, l2_scale: tensor.l2_scale as f32, beta1, rest1, beta2, rest2 }
    }
}

kernels! {
    fn adam_advance(step: Out<u64>, rate: Out<f64>, penalty: Out<f64>, config: AdamConfig, tensors: u64);
    fn adam_apply(parameters: Out<f32>, first: Out<f32>, second: Out<f32>, squares: Out<f64>,
        gradient: In<f32>, rate: In<f64>, update: Update, count: u64);
    fn add_penalty(penalty: Out<f64>, squares: In<f64>, count: u64, scale: f64);
    fn bias_gradient(destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: In<f32>, rate: Option<In<f64>>, update: Update, columns: u64, chunks: u64);
}

impl Adam for Cuda {
    fn adam_advance(&self, adam: &mut AdamState<Self>) -> Result<()> {
        let tensors = adam.penalty.len() as u64;
        let launch = Launch::new(1, THREADS);
        adam_advance(self, launch, adam.step.at_mut(0), adam.rate.at_mut(0), adam.penalty.at_mut(0), adam.config, tensors)
    }

    fn adam_apply(
        &self,
        tensors: &[Tensor],
        parameters: &mut CudaBuffer<f32>,
        gradient: &CudaBuffer<f32>,
        adam: &mut AdamState<Self>,
    ) -> Result<()> {
        for tensor in tensors {
            let (start, count) = (tensor.span.start, tensor.span.len());
            let blocks = count.div_ceil(4 * THREADS as usize).min(SQUARES);
            adam_apply(
                self,
                Launch::new(blocks, THREADS),
                parameters.at_mut(start),
                adam.first.at_mut(start),
                adam.second.at_mut(start),
                adam.squares.at_mut(0),
                gradient.at(start),
                adam.rate.at(0),
                Update::apply(&adam.config, tensor),
                count as u64,
            )?;
            if tensor.l2_scale != 0.0 {
                let (penalty, squares) = (adam.penalty.at_mut(tensor.index), adam.squares.at(0));
                add_penalty(self, Launch::new(1, THREADS), penalty, squares, blocks as u64, 0.5 * tensor.l2_scale)?;
            }
        }
        Ok(())
    }
}

/// Where the gradient of one tensor goes, as kernels take it.
#[derive(Clone, Copy)]
pub(crate) struct Sink<'a> {
    pub(crate) destination: Out<'a, f32>,
    /// The tensor's parameters, where `destination` is not that.
    pub(crate) parameters: Option<In<'a, f32>>,
    pub(crate) first: Option<Out<'a, f32>>,
    pub(crate) second: Option<Out<'a, f32>>,
    pub(crate) rate: Option<In<'a, f64>>,
    pub(crate) update: Update,
    /// The tensor's penalty and half its L2 scale, where it has one that is wanted.
    penalty: Option<(Out<'a, f64>, f64)>,
}

impl<'a> Sink<'a> {
    /// The sink of `tensor`; `None` for a frozen layer.
    pub(crate) fn new(target: &'a mut WeightGradient<'_, Cuda>, tensor: &Tensor) -> Option<Self> {
        let start = tensor.span.start;
        let kept = |parameters: &'a CudaBuffer<f32>, gradient: &'a mut CudaBuffer<f32>, mode| {
            let (destination, parameters) = (gradient.at_mut(start), Some(parameters.at(start)));
            Some(Sink { destination, parameters, first: None, second: None, rate: None, update: Update::keep(mode), penalty: None })
        };
        match target {
            WeightGradient::Skip { .. } => None,
            WeightGradient::Store { parameters, gradient } => kept(parameters, gradient, Use::Store),
            WeightGradient::Accumulate { parameters, gradient } => kept(parameters, gradient, Use::Accumulate),
            WeightGradient::Apply { parameters, adam } => {
                let update = Update::apply(&adam.config, tensor);
                let penalty = adam.penalty.at_mut(tensor.index);
                Some(Sink {
                    destination: parameters.at_mut(start),
                    parameters: None,
                    first: Some(adam.first.at_mut(start)),
                    second: Some(adam.second.at_mut(start)),
                    rate: Some(adam.rate.at(0)),
                    update,
                    penalty: (tensor.l2_scale != 0.0).then_some((penalty, 0.5 * tensor.l2_scale)),
                })
            }
        }
    }

    /// `squares` where a penalty is wanted.
    pub(crate) fn squares<'b>(&self, squares: Out<'b, f64>) -> Option<Out<'b, f64>> {
        self.penalty.map(|_| squares)
    }

    /// Adds the penalty of the first `count` sums in `squares`, where it is wanted.
    pub(crate) fn add_penalty(&self, device: &Cuda, squares: In<'_, f64>, count: usize) -> Result<()> {
        let Some((penalty, scale)) = self.penalty else { return Ok(()) };
        add_penalty(device, Launch::new(1, THREADS), penalty, squares, count as u64, scale)
    }

    /// Adds the chunks of a bias's gradient, (chunks, columns) in `partials`, and uses it.
    pub(crate) fn bias(&self, device: &Cuda, squares: Out<'_, f64>, partials: In<'_, f32>, columns: usize, chunks: usize) -> Result<()> {
        let Sink { destination, first, second, rate, update, .. } = *self;
        let launch = Launch::over(columns, THREADS);
        let wanted = self.squares(squares);
        bias_gradient(device, launch, destination, first, second, wanted, partials, rate, update, columns as u64, chunks as u64)?;
        self.add_penalty(device, squares.read(), launch.grid[0] as usize)
    }
}

/// Most chunks of a bias's first pass.
pub(crate) const CHUNKS: usize = 64;

/// The first pass of a bias's gradient (`kernels/include/bias.cuh`) over `outputs` rows of `columns`: its launch, chunks and rows of a chunk.
pub(crate) fn bias_launch(outputs: usize, columns: usize) -> (Launch, usize, u32) {
    const COLUMNS: usize = 32;
    const SHORTEST: usize = 8;
    let rows = outputs.div_ceil(CHUNKS).max(SHORTEST);
    let chunks = outputs.div_ceil(rows);
    (Launch { grid: [columns.div_ceil(COLUMNS) as u32, chunks as u32, 1], block: THREADS, shared: 0 }, chunks, rows as u32)
}
