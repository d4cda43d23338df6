//! Mode areas: modes (N, N) -> w (N) ascending, order (N).
//!
//! Eq. 2 of the paper, for a mode psi over N sites s:
//!
//! ```text
//! w = (sum_s psi_s^2)^2 / (N sum_s psi_s^4),     1/N (one site) <= w <= 1 (every site alike)
//! ```
//!
//! A realisation's mode areas are kept ascending, the most localised first; `order` says whose energy each one is. Equal areas
//! keep the order of their energies.

mod cpu;
mod cuda;

pub use cpu::{mode_area, sort};
pub(crate) use cuda::order_areas;

use crate::Result;
use crate::device::Memory;

/// The most sites a lattice may have, so that `order` fits 16 bits.
pub const MAX_SITES: usize = 1 << 16;

/// Mode areas on a device.
pub trait ModeAreas: Memory {
    /// From `modes` (count, N, N), one mode after another in the order of their energies: their mode areas in that order, `areas`
    /// (count, N), and ascending, `sorted` (count, N), with their places in the order of the energies, `order` (count, N).
    fn mode_areas(
        &self,
        sites: usize,
        count: usize,
        modes: &Self::Buffer<f64>,
        areas: &mut Self::Buffer<f64>,
        sorted: &mut Self::Buffer<f64>,
        order: &mut Self::Buffer<u16>,
    ) -> Result<()>;
}
