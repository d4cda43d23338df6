//! The tight-binding Hamiltonian of a deformed lattice: displacement (2, L, L) -> H (N, N), N = L^2.
//!
//! Eq. 1 of the paper. Site n = nx L + ny sits at (nx + dx_n, ny + dy_n), lengths in lattice periods, and
//!
//! ```text
//! H_ij = t_ij = t0 exp(-alpha d_ij)   for every pair i != j, each once (H_ji = H_ij),      d_ij = |r_i - r_j|
//! H_ii = 0
//! ```
//!
//! The on-site energy epsilon is left out: it shifts every energy alike, and without it a small matrix element is not lost
//! beside it. With a periodic boundary d_ij is the shortest distance on a torus of side L.

mod cpu;
mod cuda;

pub use cpu::hamiltonian;

use crate::Result;
use crate::device::Memory;

/// The lattice as the computation sees it. Lengths are in lattice periods, energies in units of the on-site energy.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Hopping {
    /// Sites along one side, L.
    pub size: u32,
    /// 1 for a torus, 0 for an open, finite sample.
    pub periodic: u32,
    /// Hopping at distance zero.
    pub t0: f64,
    /// Decay of the hopping with distance.
    pub alpha: f64,
}

/// Building Hamiltonians on a device.
pub trait Hamiltonians: Memory {
    /// The matrices (count, N, N) of `displacement` (count, 2, L, L).
    fn hamiltonians(
        &self,
        config: &Hopping,
        count: usize,
        displacement: &Self::Buffer<f64>,
        matrices: &mut Self::Buffer<f64>,
    ) -> Result<()>;
}
