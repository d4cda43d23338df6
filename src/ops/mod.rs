//! The computations, one folder an operation: `mod.rs` has the maths, the shapes and the trait, `cpu.rs` the CPU's code, `cuda.rs` the
//! launches of kernels/*.cu.
//!
//! Activations are NHWC. A convolution's weight is (filter, row, column, channel), a dense layer's (output, input): the
//! inner dimension of every product is contiguous. [`crate::nn::layout`] converts from and to PyTorch's order.

pub mod adam;
pub mod average;
pub mod conv3x3;
pub mod deformation;
pub mod dense;
mod dropout;
pub mod eigh;
pub mod gather;
pub mod hamiltonian;
pub mod mape;
pub mod mode_area;
pub mod philox;
pub mod roof;
mod scratch;
mod shared;
pub mod spectrum;
pub(crate) mod tiles;

use crate::device::cuda::Cuda;
use crate::device::{Cpu, Real, Replay};

/// Everything that a device must know how to do, so that a tape can run on it.
pub trait Device:
    Replay
    + gather::Gather
    + conv3x3::Conv3x3
    + dense::Dense
    + mape::Mape
    + adam::Adam
    + average::Average
    + deformation::Deform
    + hamiltonian::Hamiltonians
    + mode_area::ModeAreas
    + spectrum::Spectra
    + 'static
{
}

impl<R: Real> Device for Cpu<R> {}
impl Device for Cuda {}
