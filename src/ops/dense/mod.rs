//! A fully connected layer, with ReLU and dropout where wanted.
//!
//! ```text
//! z[n,o] = b[o] + sum_i w[o,i] x[n,i]
//! y = z                              without ReLU
//! y = max(z, 0)                      with ReLU
//! y = max(z, 0) mask / keep          with ReLU and dropout (inverted scaling; mask from [`super::dropout`])
//! ```
//! ```text
//! dz = dy | dy where y > 0 | dy / keep where y > 0        (y > 0 exactly where the unit is active and stays)
//! dx[n,i] = sum_o w[o,i] dz[n,o]       dw[o,i] = sum_n dz[n,o] x[n,i]       db[o] = sum_n dz[n,o]
//! ```

mod cpu;
mod cuda;

use super::adam::{Tensor, WeightGradient};
use crate::Result;
use crate::device::{Memory, View};

/// Shapes and switches of one dense layer.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenseConfig {
    /// Samples.
    pub batch: usize,
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Is there a ReLU behind it?
    pub relu: bool,
    /// Probability that a unit stays; 1 = no dropout. Below 1 only with a ReLU.
    pub keep: f64,
    /// Seed of the dropout masks.
    pub seed: u64,
}

/// The dense layer on a device. `workspace` has at least [`Dense::dense_workspace`] elements and holds nothing between calls.
pub trait Dense: Memory {
    /// Elements of scratch that both passes need.
    fn dense_workspace(&self, config: &DenseConfig) -> usize;

    /// `x` (batch, inputs) to `y` (batch, outputs). `step` holds the step that dropout draws for; needed where
    /// `keep` is below 1.
    #[allow(clippy::too_many_arguments)]
    fn dense_forward(
        &self,
        config: &DenseConfig,
        x: &Self::Buffer<Self::Real>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        step: Option<&Self::Buffer<u64>>,
        y: &mut Self::Buffer<Self::Real>,
        workspace: &mut Self::Buffer<Self::Real>,
    ) -> Result<()>;

    /// From `dy` (batch, outputs): `dx` (batch, inputs) where wanted, then the gradients of weight and bias as `target` says.
    #[allow(clippy::too_many_arguments)]
    fn dense_backward(
        &self,
        config: &DenseConfig,
        x: &Self::Buffer<Self::Real>,
        y: &Self::Buffer<Self::Real>,
        dy: &Self::Buffer<Self::Real>,
        dx: Option<&mut Self::Buffer<Self::Real>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut Self::Buffer<Self::Real>,
    ) -> Result<()>;
}
