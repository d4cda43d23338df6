//! 3x3 convolution with zero padding, bias and ReLU, optionally followed by a 2x2 max-pool of stride 2.
//!
//! ```text
//! z[n,i,j,f] = b[f] + sum_{r,s,c} w[f,r,s,c] x[n,i+r-1,j+s-1,c]         (x is zero outside the image)
//! y = max(z, 0)                                                        without pool
//! y[n,i,j,f] = max over the 2x2 quad of max(z, 0)                      with pool
//! ```
//! With `relu'(0) = 0`, and ties in a quad to its first element in row-major order:
//! ```text
//! dz = dy where y > 0 (with pool: at the argmax of the quad), else 0
//! dx[n,i,j,c] = sum_{r,s,f} w[f,r,s,c] dz[n,i-r+1,j-s+1,f]
//! dw[f,r,s,c] = sum_{n,i,j} dz[n,i,j,f] x[n,i+r-1,j+s-1,c]             db[f] = sum_{n,i,j} dz[n,i,j,f]
//! ```
//! Each is a matrix product over the rows of `columns` (pixels, 9 channels): an implicit GEMM on a GPU.

mod cpu;
mod cuda;

use super::adam::{Tensor, WeightGradient};
use crate::Result;
use crate::device::{Memory, View};

/// Shapes of one convolution stage.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv3x3Config {
    /// Images.
    pub batch: usize,
    /// Rows of the input image.
    pub height: usize,
    /// Columns of the input image.
    pub width: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Is there a 2x2 max-pool behind it? Then height and width are even.
    pub pool: bool,
}

impl Conv3x3Config {
    /// Pixels of the input in the whole batch: the rows of the product.
    pub fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Input numbers that one output number depends on: the inner dimension of the product.
    pub fn taps(&self) -> usize {
        9 * self.channels
    }

    /// Elements of the input batch.
    pub fn input_len(&self) -> usize {
        self.pixels() * self.channels
    }

    /// Elements of the output batch.
    pub fn output_len(&self) -> usize {
        self.pixels() * self.filters / if self.pool { 4 } else { 1 }
    }
}

/// The convolution stage on a device. `workspace` has at least [`Conv3x3::conv3x3_workspace`] elements and holds nothing between calls.
pub trait Conv3x3: Memory {
    /// Elements of scratch that both passes need.
    fn conv3x3_workspace(&self, config: &Conv3x3Config) -> usize;

    /// `x` (batch, height, width, channels) to `y` (batch, height', width', filters); with a pool, `argmax` gets the place (0 to 3) in
    /// each quad.
    #[allow(clippy::too_many_arguments)]
    fn conv3x3_forward(
        &self,
        config: &Conv3x3Config,
        x: &Self::Buffer<Self::Real>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        y: &mut Self::Buffer<Self::Real>,
        argmax: &mut Self::Buffer<u8>,
        workspace: &mut Self::Buffer<Self::Real>,
    ) -> Result<()>;

    /// From `dy` (shaped as `y`): `dx` (shaped as `x`) where wanted, then the gradients of weight and bias as `target` says.
    #[allow(clippy::too_many_arguments)]
    fn conv3x3_backward(
        &self,
        config: &Conv3x3Config,
        x: &Self::Buffer<Self::Real>,
        y: &Self::Buffer<Self::Real>,
        argmax: &Self::Buffer<u8>,
        dy: &Self::Buffer<Self::Real>,
        dx: Option<&mut Self::Buffer<Self::Real>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut Self::Buffer<Self::Real>,
    ) -> Result<()>;
}
