//! The cost on the CPU; sums over modes run in order, in f64.

use super::{Mape, MapeConfig, RECORD};
use crate::Result;
use crate::device::{Cpu, Real};
use crate::ops::adam::AdamState;
use rayon::prelude::*;

impl<R: Real> Mape for Cpu<R> {
    fn mape(&self, config: &MapeConfig, y: &Vec<R>, target: &Vec<R>, errors: &mut Vec<f64>, dy: Option<&mut Vec<R>>) -> Result<()> {
        let MapeConfig { batch, modes, scale } = *config;
        let samples = y.par_chunks(modes).zip(target.par_chunks(modes)).zip(&mut errors[..batch]);
        samples.for_each(|((y, t), error)| {
            let sum: f64 = y.iter().zip(t).map(|(y, t)| ((y.to_f64() - t.to_f64()) / t.to_f64()).abs()).sum();
            *error = sum / modes as f64;
        });
        if let Some(dy) = dy {
            let slope = scale / (modes * batch) as f64;
            let values = y.par_chunks(modes).zip(target.par_chunks(modes)).zip(dy[..batch * modes].par_chunks_mut(modes));
            values.for_each(|((y, t), dy)| {
                for ((y, t), dy) in y.iter().zip(t).zip(dy) {
                    *dy = match y.partial_cmp(t) {
                        Some(std::cmp::Ordering::Greater) => R::from_f64(slope / t.to_f64()),
                        Some(std::cmp::Ordering::Less) => R::from_f64(-slope / t.to_f64()),
                        _ => R::ZERO,
                    };
                }
            });
        }
        Ok(())
    }

    fn record_cost(&self, config: &MapeConfig, errors: &Vec<f64>, adam: &AdamState<Self>, slots: usize, ring: &mut Vec<f64>) -> Result<()> {
        let slot = (adam.step[0] - 1) as usize % slots;
        ring[slot * RECORD] = config.scale * errors[..config.batch].iter().sum::<f64>() / config.batch as f64;
        ring[slot * RECORD + 1] = adam.penalty.iter().sum();
        Ok(())
    }
}
