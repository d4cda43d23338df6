//! The CPU's roofs: a copy by all threads, and a square product by the `gemm` crate.

use super::Roof;
use crate::Result;
use crate::device::{Cpu, Real};
use crate::ops::product::{Matrix, product};
use rayon::prelude::*;
use std::time::Instant;

/// Rows of the square product: large enough that its three passes over memory do not count.
const SIDE: usize = 2048;
/// Numbers that a thread copies at once.
const PIECE: usize = 1 << 16;

impl<R: Real> Roof for Cpu<R> {
    fn seconds(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
        let start = Instant::now();
        work()?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// The two factors (one matrix) and the product.
    fn roof_len(&self) -> usize {
        2 * SIDE * SIDE
    }

    fn copy(&self, len: usize, from: &Vec<R>, to: &mut Vec<R>) -> Result<()> {
        to[..len].par_chunks_mut(PIECE).zip(from[..len].par_chunks(PIECE)).for_each(|(to, from)| to.copy_from_slice(from));
        Ok(())
    }

    fn multiply_add(&self, _rounds: u32, _out: &mut Vec<R>) -> Result<Option<f64>> {
        Ok(None)
    }

    fn product(&self, rounds: u32, out: &mut Vec<R>) -> Result<f64> {
        Ok(squares(rounds, out))
    }

    fn double(&self, rounds: u32, out: &mut Vec<f64>) -> Result<f64> {
        Ok(squares(rounds, out))
    }
}

/// The product of the first matrix with itself transposed into the second one; the flop done.
fn squares<R: Real>(rounds: u32, matrices: &mut [R]) -> f64 {
    let (factor, out) = matrices.split_at_mut(SIDE * SIDE);
    let factor = Matrix::new(factor, SIDE, SIDE);
    for _ in 0..rounds {
        product(out, factor, factor.transposed());
    }
    f64::from(rounds) * 2.0 * (SIDE as f64).powi(3)
}
