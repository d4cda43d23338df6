//! dx, dw and what becomes of dw, in one pass over the weight: a few rows and inputs of it at a time are in the cache while they give
//! their part of `dx`, and while their gradient is made and consumed. The rows are in [`PARTS`] parts, whatever the threads; each sums
//! its own `dx`, and those are added in order.

use super::DenseConfig;
use crate::device::{Cpu, Kernel, Real, Vector};
use crate::ops::adam::{Piece, Tensor, WeightGradient, emit};
use crate::ops::scratch::with_scratch;
use crate::ops::shared::Shared;
use rayon::prelude::*;

/// Parts that the rows of the weight are in.
const PARTS: usize = 8;
/// Rows of the weight that are in registers at once.
const ROWS: usize = 16;
/// Inputs of them that are in the cache at once.
const INPUTS: usize = 512;

/// Rows of a part.
fn rows_of_part(outputs: usize) -> usize {
    outputs.div_ceil(PARTS).next_multiple_of(ROWS)
}

/// Elements of workspace.
pub(super) fn workspace(config: &DenseConfig) -> usize {
    config.batch * (config.outputs + PARTS * config.inputs)
}

/// `dx` (batch, inputs) where wanted, and the gradient of the weight to where `target` says, from `dz` (batch, outputs).
pub(super) fn weight<R: Real>(
    config: &DenseConfig,
    x: &[R],
    dz: &[R],
    dx: Option<&mut Vec<R>>,
    weight: &Tensor,
    target: &mut WeightGradient<'_, Cpu<R>>,
    workspace: &mut [R],
) {
    let DenseConfig { batch, inputs, outputs, .. } = *config;
    let rows = rows_of_part(outputs);
    let wanted = dx.is_some();
    let partial = &mut workspace[..if wanted { outputs.div_ceil(rows) * batch * inputs } else { 0 }];
    {
        let partial = Shared::new(&mut *partial);
        emit(target, weight, rows * inputs, |part, piece| {
            // SAFETY: each part has its own.
            let mut dx = wanted.then(|| unsafe { partial.run(part * batch * inputs, batch * inputs) });
            with_scratch(ROWS * (batch + INPUTS), |scratch| {
                let (factors, gradient) = scratch.split_at_mut(ROWS * batch);
                for first in (0..rows.min(outputs - part * rows)).step_by(ROWS) {
                    let count = ROWS.min(outputs - part * rows - first);
                    for (factors, dz) in factors.chunks_exact_mut(ROWS).zip(dz.chunks_exact(outputs)) {
                        factors.fill(R::ZERO);
                        factors[..count].copy_from_slice(&dz[part * rows + first..][..count]);
                    }
                    for input in (0..inputs).step_by(INPUTS) {
                        let width = INPUTS.min(inputs - input);
                        if let Some(dx) = &mut dx {
                            let weight = &piece.parameters()[first * inputs + input..];
                            R::vectorised(InputGradient { inputs, width, count, fresh: first == 0, factors, weight, dx: &mut dx[input..] });
                        }
                        if !matches!(piece, Piece::Skip(_)) {
                            R::vectorised(Gradient { inputs, width, factors, x: &x[input..], gradient });
                            for (row, gradient) in gradient.chunks_exact(INPUTS).take(count).enumerate() {
                                piece.take((first + row) * inputs + input, &gradient[..width]);
                            }
                        }
                    }
                }
            });
        });
    }
    if let Some(dx) = dx {
        let partial = &*partial;
        dx[..batch * inputs].par_chunks_mut(INPUTS).enumerate().for_each(|(chunk, dx)| {
            for (part, partial) in partial.chunks_exact(batch * inputs).enumerate() {
                let partial = &partial[chunk * INPUTS..][..dx.len()];
                if part == 0 {
                    dx.copy_from_slice(partial);
                } else {
                    for (dx, partial) in dx.iter_mut().zip(partial) {
                        *dx += *partial;
                    }
                }
            }
        });
    }
}

/// The gradient of the bias: the column sums of `dz`.
pub(super) fn bias<R: Real>(dz: &[R], bias: &Tensor, target: &mut WeightGradient<'_, Cpu<R>>, workspace: &mut [R]) {
    let sums = &mut workspace[..bias.span.len()];
    sums.fill(R::ZERO);
    for dz in dz.chunks_exact(sums.len()) {
        for (sum, dz) in sums.iter_mut().zip(dz) {
            *sum += *dz;
        }
    }
    emit(target, bias, sums.len(), |_, piece| piece.take(0, sums));
}

/// `dx[n, i] += sum_o factors[n, o] weight[o, i]` over `count` rows and `width` inputs; `fresh`: `=`.
struct InputGradient<'a, R> {
    inputs: usize,
    width: usize,
    count: usize,
    fresh: bool,
    factors: &'a [R],
    weight: &'a [R],
    dx: &'a mut [R],
}

impl<R: Real> Kernel<R> for InputGradient<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let InputGradient { inputs, width, count, fresh, factors, weight, dx } = self;
        let samples = factors.len() / ROWS;
        assert!(weight.len() >= (count - 1) * inputs + width && dx.len() >= (samples - 1) * inputs + width);
        let whole = if count == ROWS { width - width % V::LANES } else { 0 };
        for i in (0..whole).step_by(V::LANES) {
            // SAFETY: whole vectors of the inputs, of rows and samples that there are (checked).
            unsafe {
                let mut w = [V::splat(R::ZERO); ROWS];
                for (row, w) in w.iter_mut().enumerate() {
                    *w = V::load(weight.as_ptr().add(row * inputs + i));
                }
                for (n, factors) in factors.chunks_exact(ROWS).enumerate() {
                    let dx = dx.as_mut_ptr().add(n * inputs + i);
                    let mut sum = if fresh { V::splat(R::ZERO) } else { V::load(dx) };
                    for (factor, w) in factors.iter().zip(w) {
                        sum = sum.add_product(V::splat(*factor), w);
                    }
                    sum.store(dx);
                }
            }
        }
        for (n, factors) in factors.chunks_exact(ROWS).enumerate() {
            for i in whole..width {
                let sum = &mut dx[n * inputs + i];
                if fresh {
                    *sum = R::ZERO;
                }
                for (row, factor) in factors[..count].iter().enumerate() {
                    *sum += *factor * weight[row * inputs + i];
                }
            }
        }
    }
}

/// `gradient[o, i] = sum_n factors[n, o] x[n, i]` over `width` inputs.
struct Gradient<'a, R> {
    inputs: usize,
    width: usize,
    factors: &'a [R],
    x: &'a [R],
    gradient: &'a mut [R],
}

impl<R: Real> Kernel<R> for Gradient<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Gradient { inputs, width, factors, x, gradient } = self;
        let samples = factors.len() / ROWS;
        assert!(gradient.len() == ROWS * INPUTS && width <= INPUTS && x.len() >= (samples - 1) * inputs + width);
        let whole = width - width % V::LANES;
        for i in (0..whole).step_by(V::LANES) {
            // SAFETY: whole vectors of the inputs, of samples that there are (checked).
            unsafe {
                let mut sum = [V::splat(R::ZERO); ROWS];
                for (n, factors) in factors.chunks_exact(ROWS).enumerate() {
                    let x = V::load(x.as_ptr().add(n * inputs + i));
                    for (sum, factor) in sum.iter_mut().zip(factors) {
                        *sum = sum.add_product(V::splat(*factor), x);
                    }
                }
                for (row, sum) in sum.into_iter().enumerate() {
                    sum.store(gradient.as_mut_ptr().add(row * INPUTS + i));
                }
            }
        }
        for i in whole..width {
            for row in 0..ROWS {
                gradient[row * INPUTS + i] = R::ZERO;
                for (n, factors) in factors.chunks_exact(ROWS).enumerate() {
                    gradient[row * INPUTS + i] += factors[row] * x[n * inputs + i];
                }
            }
        }
    }
}
