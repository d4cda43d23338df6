//! The CPU's roofs: a copy by all threads, and a square product by the `gemm` crate.

use super::Roof;
use crate::Result;
use crate::device::{Cpu, Real};
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

/// The product of the first matrix with its transpose into the second one; the flop done.
fn squares<R: Real>(rounds: u32, matrices: &mut [R]) -> f64 {
    let (factor, out) = matrices.split_at_mut(SIDE * SIDE);
    for _ in 0..rounds {
        square(SIDE, factor, out);
    }
    f64::from(rounds) * 2.0 * (SIDE as f64).powi(3)
}

/// `out = factor factor'`, matrices of `side` rows.
fn square<R: Real>(side: usize, factor: &[R], out: &mut [R]) {
    assert!(factor.len() >= side * side && out.len() >= side * side, "matrices of {side} rows");
    let (near, far) = (1, side as isize);
    // SAFETY: the matrices lie inside their slices (checked), and `out` is borrowed alone.
    unsafe {
        gemm::gemm(
            side,
            side,
            side,
            out.as_mut_ptr(),
            near,
            far,
            false,
            factor.as_ptr(),
            near,
            far,
            factor.as_ptr(),
            far,
            near,
            R::ONE,
            R::ONE,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_that_is_timed_is_a_product() {
        const ROWS: usize = 11;
        let factor: Vec<f64> = (0..ROWS * ROWS).map(|i| (i as f64 * 0.7).sin()).collect();
        let mut out = vec![f64::NAN; factor.len()];
        square(ROWS, &factor, &mut out);
        for (at, found) in out.iter().enumerate() {
            let [left, right] = [at / ROWS, at % ROWS].map(|row| &factor[row * ROWS..][..ROWS]);
            let sum: f64 = left.iter().zip(right).map(|(a, b)| a * b).sum();
            assert!((found - sum).abs() < 1e-13);
        }
    }
}
