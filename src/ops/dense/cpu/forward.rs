//! y = relu(W x + b): rows of W against samples, both contiguous, a vector of partial sums for each pair.

use super::DenseConfig;
use crate::device::{BLOCK, Kernel, Real, Vector};
use crate::ops::scratch::with_scratch;
use crate::ops::shared::Shared;
use rayon::prelude::*;

/// Rows of the weight in a task.
const ROWS: usize = 16;
/// Rows that meet a sample at once.
const TOGETHER: usize = 4;
/// Inputs of the rows and samples that are in the cache at once.
const INPUTS: usize = 512;

/// `y` (batch, outputs), without dropout.
pub(super) fn forward<R: Real>(config: &DenseConfig, x: &[R], weight: &[R], bias: &[R], y: &mut [R]) {
    let DenseConfig { batch, inputs, outputs, relu, .. } = *config;
    let y = Shared::new(y);
    weight.par_chunks(ROWS * inputs).enumerate().for_each(|(task, weight)| {
        with_scratch(batch * TOGETHER * BLOCK, |sums| {
            for (index, weight) in weight.chunks(TOGETHER * inputs).enumerate() {
                let rows = weight.len() / inputs;
                sums.fill(R::ZERO);
                R::vectorised(Sums { inputs, x: &x[..batch * inputs], weight, sums });
                let first = task * ROWS + index * TOGETHER;
                for (n, sums) in sums.chunks_exact(TOGETHER * BLOCK).enumerate() {
                    // SAFETY: these outputs are this task's.
                    let y = unsafe { y.run(n * outputs + first, rows) };
                    for ((y, sums), b) in y.iter_mut().zip(sums.chunks_exact(BLOCK)).zip(&bias[first..]) {
                        let z = total(sums.try_into().expect("a block")) + *b;
                        *y = if relu && z <= R::ZERO { R::ZERO } else { z };
                    }
                }
            }
        });
    });
}

/// The sum of a block, pairs of pairs.
fn total<R: Real>(mut block: [R; BLOCK]) -> R {
    let mut half = BLOCK / 2;
    while half > 0 {
        for i in 0..half {
            block[i] += block[half + i];
        }
        half /= 2;
    }
    block[0]
}

/// `sums[n, o, lane] += sum over the lane's inputs of w[o, i] x[n, i]`, at most [`TOGETHER`] rows.
struct Sums<'a, R> {
    inputs: usize,
    x: &'a [R],
    weight: &'a [R],
    sums: &'a mut [R],
}

impl<R: Real> Kernel<R> for Sums<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Sums { inputs, x, weight, sums } = self;
        let (rows, samples) = (weight.len() / inputs, x.len() / inputs);
        assert!(rows <= TOGETHER && sums.len() == samples * TOGETHER * BLOCK);
        let whole = inputs - inputs % V::LANES;
        for first in (0..whole).step_by(INPUTS) {
            let count = INPUTS.min(whole - first);
            let mut n = 0;
            while n < samples {
                // SAFETY: samples, rows and inputs that there are.
                unsafe {
                    let (x, sums) = (x.as_ptr().add(n * inputs + first), sums.as_mut_ptr().add(n * TOGETHER * BLOCK));
                    let weight = weight.as_ptr().add(first);
                    n += match samples - n {
                        5.. => some_rows::<V, 5>(rows, inputs, count, x, weight, sums),
                        4 => some_rows::<V, 4>(rows, inputs, count, x, weight, sums),
                        3 => some_rows::<V, 3>(rows, inputs, count, x, weight, sums),
                        2 => some_rows::<V, 2>(rows, inputs, count, x, weight, sums),
                        _ => some_rows::<V, 1>(rows, inputs, count, x, weight, sums),
                    };
                }
            }
        }
        for (x, sums) in x.chunks_exact(inputs).zip(sums.chunks_exact_mut(TOGETHER * BLOCK)) {
            for (weight, sums) in weight.chunks_exact(inputs).zip(sums.chunks_exact_mut(BLOCK)) {
                for i in whole..inputs {
                    sums[0] += weight[i] * x[i];
                }
            }
        }
    }
}

/// `N` samples against all rows: four at once where there are 32 registers, else two; `N`.
#[inline(always)]
unsafe fn some_rows<V: Vector, const N: usize>(
    rows: usize,
    inputs: usize,
    count: usize,
    x: *const V::Real,
    weight: *const V::Real,
    sums: *mut V::Real,
) -> usize {
    let mut row = 0;
    while row < rows {
        // SAFETY: the caller's.
        unsafe {
            let (weight, sums) = (weight.add(row * inputs), sums.add(row * BLOCK));
            row += match rows - row {
                4.. if V::LANES == BLOCK => pairs::<V, N, 4>(inputs, count, x, weight, sums),
                2.. => pairs::<V, N, 2>(inputs, count, x, weight, sums),
                _ => pairs::<V, N, 1>(inputs, count, x, weight, sums),
            };
        }
    }
    N
}

/// `N` samples against `M` rows, in registers; `M`.
#[inline(always)]
unsafe fn pairs<V: Vector, const N: usize, const M: usize>(
    inputs: usize,
    count: usize,
    x: *const V::Real,
    weight: *const V::Real,
    sums: *mut V::Real,
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let place = |n: usize, row: usize| sums.add((n * TOGETHER + row) * BLOCK);
        let mut sum = [[V::splat(V::Real::ZERO); M]; N];
        for (n, sum) in sum.iter_mut().enumerate() {
            for (row, sum) in sum.iter_mut().enumerate() {
                *sum = V::load(place(n, row));
            }
        }
        for i in (0..count).step_by(V::LANES) {
            let mut w = [V::splat(V::Real::ZERO); M];
            for (row, w) in w.iter_mut().enumerate() {
                *w = V::load(weight.add(row * inputs + i));
            }
            for (n, sum) in sum.iter_mut().enumerate() {
                let x = V::load(x.add(n * inputs + i));
                for (sum, w) in sum.iter_mut().zip(w) {
                    *sum = sum.add_product(x, w);
                }
            }
        }
        for (n, sum) in sum.into_iter().enumerate() {
            for (row, sum) in sum.into_iter().enumerate() {
                sum.store(place(n, row));
            }
        }
    }
    M
}
