//! A card's roofs: kernels/roof.cu. Its clock is the card's own, between two events.

use super::Roof;
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, Precision, kernels};

/// Threads of a block of every kernel.
const THREADS: u32 = 256;
/// Blocks for each multiprocessor: as many as fit on the smallest.
const BLOCKS: usize = 4;
/// Independent sums of a thread.
const CHAINS: usize = 8;

kernels! {
    fn roof_copy(to: Out<f32>, from: In<f32>, count: u64);
    fn roof_fma(out: Out<f32>, factor: f32, term: f32, rounds: u32);
    fn roof_fma_f64(out: Out<f64>, factor: f64, term: f64, rounds: u32);
    fn roof_product[tf32|bf16|f16](out: Out<f32>, rounds: u32);
}

impl Cuda {
    fn roof_blocks(&self) -> usize {
        BLOCKS * self.chip().processors as usize
    }
}

impl Roof for Cuda {
    fn seconds(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
        self.timed(work)
    }

    fn roof_len(&self) -> usize {
        self.roof_blocks() * THREADS as usize
    }

    fn copy(&self, len: usize, from: &CudaBuffer<f32>, to: &mut CudaBuffer<f32>) -> Result<()> {
        roof_copy(self, Launch::over(len / 4, THREADS), to.at_mut(0), from.at(0), (len / 4) as u64)
    }

    fn multiply_add(&self, rounds: u32, out: &mut CudaBuffer<f32>) -> Result<Option<f64>> {
        roof_fma(self, Launch::new(self.roof_blocks(), THREADS), out.at_mut(0), 0.5, 1.0, rounds)?;
        Ok(Some(f64::from(rounds) * (2 * CHAINS * self.roof_len()) as f64))
    }

    fn double(&self, rounds: u32, out: &mut CudaBuffer<f64>) -> Result<f64> {
        roof_fma_f64(self, Launch::new(self.roof_blocks(), THREADS), out.at_mut(0), 0.5, 1.0, rounds)?;
        Ok(f64::from(rounds) * (2 * CHAINS * self.roof_len()) as f64)
    }

    fn product(&self, rounds: u32, out: &mut CudaBuffer<f32>) -> Result<f64> {
        let inner = match self.precision() {
            Precision::F32 => {
                return Ok(self.multiply_add(rounds, out)?.unwrap_or_default());
            }
            Precision::Bf16 => 16,
            Precision::Tf32 | Precision::F16 => 8,
        };
        roof_product(self, Launch::new(self.roof_blocks(), THREADS), out.at_mut(0), rounds)?;
        Ok(f64::from(rounds) * (2 * 16 * 8 * inner * CHAINS * self.roof_len() / 32) as f64)
    }
}
