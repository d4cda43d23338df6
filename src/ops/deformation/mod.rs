//! Random deformation of the lattice: (seed, k) -> rho, sigma, displacement.
//!
//! Eq. 5 of the paper, for realisation k and site i:
//!
//! ```text
//! rho = rho_max u(0, 1)        sigma = sigma_max u(0, 1)                           one draw each a realisation
//! dx_i = rho cos(theta_i) + u_i(-sigma, sigma)
//! dy_i = rho sin(theta_i) + u_i(-sigma, sigma),     theta_i = u_i(0, 2 pi)         three draws a site
//! ```
//!
//! rho and sigma are rounded to f32 first; each displacement is computed from them in f64 by fused multiply-adds alone, then
//! rounded to f32. So its bits depend on (seed, k) and on nothing else: not on the device, the threads or the batch.

mod cpu;
mod cuda;

pub use cpu::{deform, sin_cos_turn};

use crate::Result;
use crate::device::Memory;

/// What a realisation is drawn from. Lengths are in lattice periods.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Deformation {
    /// Sites along one side, L.
    pub size: u64,
    /// Largest collective amplitude rho.
    pub rho_max: f64,
    /// Largest individual amplitude sigma.
    pub sigma_max: f64,
    /// Key of the generator.
    pub seed: u64,
}

/// The amplitudes of one realisation, as they are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// Collective amplitude.
    pub rho: f32,
    /// Individual amplitude.
    pub sigma: f32,
}

/// Drawing realisations on a device.
pub trait Deform: Memory {
    /// Realisations `first .. first + count`: their displacements (count, 2, L, L), and rho and sigma (count).
    fn deform(
        &self,
        config: &Deformation,
        first: u64,
        count: usize,
        displacement: &mut Self::Buffer<f32>,
        rho: &mut Self::Buffer<f32>,
        sigma: &mut Self::Buffer<f32>,
    ) -> Result<()>;
}
