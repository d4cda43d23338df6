//! The cost on a card: a block a sample, then one block for the batch.

use super::{Mape, MapeConfig};
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, kernels};
use crate::ops::adam::AdamState;

/// Threads of a block of both kernels.
const THREADS: u32 = 256;

kernels! {
    fn mape(errors: Out<f64>, dy: Option<Out<f32>>, y: In<f32>, target: In<f32>, config: MapeConfig);
    fn record_cost(ring: Out<f64>,
        errors: In<f64>, step: In<u64>, penalty: In<f64>, config: MapeConfig, tensors: u64, slots: u64);
}

impl Mape for Cuda {
    fn mape(
        &self,
        config: &MapeConfig,
        y: &CudaBuffer<f32>,
        target: &CudaBuffer<f32>,
        errors: &mut CudaBuffer<f64>,
        dy: Option<&mut CudaBuffer<f32>>,
    ) -> Result<()> {
        let dy = dy.map(|dy| dy.at_mut(0));
        mape(self, Launch::new(config.batch, THREADS), errors.at_mut(0), dy, y.at(0), target.at(0), *config)
    }

    fn record_cost(
        &self,
        config: &MapeConfig,
        errors: &CudaBuffer<f64>,
        adam: &AdamState<Self>,
        slots: usize,
        ring: &mut CudaBuffer<f64>,
    ) -> Result<()> {
        let (step, penalty, tensors) = (adam.step.at(0), adam.penalty.at(0), adam.penalty.len() as u64);
        record_cost(self, Launch::new(1, THREADS), ring.at_mut(0), errors.at(0), step, penalty, *config, tensors, slots as u64)
    }
}
