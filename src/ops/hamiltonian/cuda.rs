//! Hamiltonians on a card, in f64: a block a tile of a matrix.

use super::{Hamiltonians, Hopping};
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, kernels};

kernels! {
    fn hamiltonian(matrices: Out<f64>, displacement: In<f64>, config: Hopping);
}

impl Hamiltonians for Cuda {
    fn hamiltonians(&self, config: &Hopping, count: usize, displacement: &CudaBuffer<f64>, matrices: &mut CudaBuffer<f64>) -> Result<()> {
        const SIDE: usize = 16;
        /// The most blocks of a launch's second dimension.
        const MOST: usize = 65_535;
        let sites = (config.size * config.size) as usize;
        let tiles = sites.div_ceil(SIDE);
        for first in (0..count).step_by(MOST) {
            let grid = [(tiles * (tiles + 1) / 2) as u32, (count - first).min(MOST) as u32, 1];
            let launch = Launch { grid, block: (SIDE * SIDE) as u32, shared: 0 };
            let (matrices, displacement) = (matrices.at_mut(first * sites * sites), displacement.at(first * 2 * sites));
            hamiltonian(self, launch, matrices, displacement, *config)?;
        }
        Ok(())
    }
}
