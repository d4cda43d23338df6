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

pub use cpu::{mode_area, sort};

/// The most sites a lattice may have, so that `order` fits 16 bits.
pub const MAX_SITES: usize = 1 << 16;
