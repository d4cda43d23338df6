//! Gathering on a card: a thread an element.

use super::{Gather, GatherConfig};
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, kernels};

kernels! {
    fn gather(out: Out<f32>, source: In<f32>, order: In<u32>, step: In<u64>, config: GatherConfig);
}

impl Gather for Cuda {
    fn gather(
        &self,
        config: &GatherConfig,
        source: &CudaBuffer<f32>,
        order: &CudaBuffer<u32>,
        step: &CudaBuffer<u64>,
        out: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        const THREADS: u32 = 256;
        let launch = Launch { grid: [config.batch as u32, config.width.div_ceil(THREADS as usize) as u32, 1], block: THREADS, shared: 0 };
        gather(self, launch, out.at_mut(0), source.at(0), order.at(0), step.at(0), *config)
    }
}
