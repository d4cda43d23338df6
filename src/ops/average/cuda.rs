//! The running average on a card: a thread four elements.

use super::Average;
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, kernels};

kernels! {
    fn average(averaged: Out<f32>, parameters: In<f32>, step: In<u64>, decay: f64, count: u64);
}

impl Average for Cuda {
    fn average(
        &self,
        decay: f64,
        count: usize,
        parameters: &CudaBuffer<f32>,
        step: &CudaBuffer<u64>,
        averaged: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        const THREADS: u32 = 256;
        let launch = Launch::over(count.div_ceil(4), THREADS);
        average(self, launch, averaged.at_mut(0), parameters.at(0), step.at(0), decay, count as u64)
    }
}
