//! Gathering on the CPU: a copy a row.

use super::{Gather, GatherConfig};
use crate::Result;
use crate::device::{Cpu, Real};

impl<R: Real> Gather for Cpu<R> {
    fn gather(&self, config: &GatherConfig, source: &Vec<R>, order: &Vec<u32>, step: &Vec<u64>, out: &mut Vec<R>) -> Result<()> {
        let GatherConfig { batch, width, steps } = *config;
        let first = (step[0] - 1) as usize % steps * batch;
        for (out, &row) in out.chunks_exact_mut(width).zip(&order[first..first + batch]) {
            out.copy_from_slice(&source[row as usize * width..][..width]);
        }
        Ok(())
    }
}
