//! The running average on the CPU: element by element, all cores.

use super::{Average, share};
use crate::Result;
use crate::device::{Cpu, Real};
use rayon::prelude::*;

/// Elements that a thread takes at once.
const CHUNK: usize = 1 << 15;

impl<R: Real> Average for Cpu<R> {
    fn average(&self, decay: f64, count: usize, parameters: &Vec<R>, step: &Vec<u64>, averaged: &mut Vec<R>) -> Result<()> {
        let share = R::from_f64(share(decay, step[0]));
        averaged[..count].par_chunks_mut(CHUNK).zip(parameters[..count].par_chunks(CHUNK)).for_each(|(averaged, parameters)| {
            for (a, p) in averaged.iter_mut().zip(parameters) {
                *a = *a + share * (*p - *a);
            }
        });
        Ok(())
    }
}
