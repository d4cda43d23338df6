//! The deformation on a card: a thread a site.

use super::{Deform, Deformation};
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, Launch, Out, kernels};

kernels! {
    fn deformation(displacement: Out<f32>, rho: Out<f32>, sigma: Out<f32>, config: Deformation, first: u64);
}

impl Deform for Cuda {
    fn deform(
        &self,
        config: &Deformation,
        first: u64,
        count: usize,
        displacement: &mut CudaBuffer<f32>,
        rho: &mut CudaBuffer<f32>,
        sigma: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        const THREADS: u32 = 256;
        let blocks = (config.size * config.size).div_ceil(u64::from(THREADS)) as u32;
        let launch = Launch { grid: [count as u32, blocks, 1], block: THREADS, shared: 0 };
        deformation(self, launch, displacement.at_mut(0), rho.at_mut(0), sigma.at_mut(0), *config, first)
    }
}
