//! Adam on the CPU: element by element, all cores. Sums are taken over fixed chunks in a fixed order.

use super::{Adam, AdamState, Tensor, WeightGradient};
use crate::Result;
use crate::device::{Cpu, Real};
use crate::ops::product::{Into, Matrix, product};
use rayon::prelude::*;
use std::ops::Range;

/// The gradient of a weight is made and applied in blocks of rows of at most this many elements (or one row): they
/// stay in the cache between the product and the update.
const BLOCK: usize = 1 << 18;

/// Elements of scratch that [`Emit::products`] needs for a weight of `rows` x `columns`.
pub(crate) fn largest_block(rows: usize, columns: usize) -> usize {
    rows_in_block(rows, columns) * columns
}

fn rows_in_block(rows: usize, columns: usize) -> usize {
    (BLOCK / columns).clamp(1, rows)
}

impl<R: Real> Adam for Cpu<R> {
    fn adam_advance(&self, adam: &mut AdamState<Self>) -> Result<()> {
        adam.step[0] += 1;
        adam.rate[0] = adam.config.rate_at(adam.step[0]);
        adam.rate[1] = adam.config.epsilon_at(adam.step[0]);
        adam.penalty.fill(0.0);
        Ok(())
    }

    fn adam_apply(&self, tensors: &[Tensor], parameters: &mut Vec<R>, gradient: &Vec<R>, adam: &mut AdamState<Self>) -> Result<()> {
        for tensor in tensors {
            for start in tensor.span.clone().step_by(BLOCK) {
                let span = start..(start + BLOCK).min(tensor.span.end);
                update(tensor, span.clone(), parameters, &gradient[span], adam);
            }
        }
        Ok(())
    }
}

/// `parameters[span]` and its moments by the rule of [`super`]; the penalty of the old values goes to the tensor's slot.
fn update<R: Real>(tensor: &Tensor, span: Range<usize>, parameters: &mut [R], gradient: &[R], adam: &mut AdamState<Cpu<R>>) {
    const CHUNKS: usize = 64;
    let config = adam.config;
    let r = R::from_f64;
    let (beta1, rest1, beta2, rest2) = (r(config.beta1), r(1.0 - config.beta1), r(config.beta2), r(1.0 - config.beta2));
    let (epsilon, rate, l2_scale) = (r(adam.rate[1]), r(adam.rate[0]), r(tensor.l2_scale));
    let chunk = span.len().div_ceil(CHUNKS).max(1024);
    let mut squares = [0.0; CHUNKS];
    (
        parameters[span.clone()].par_chunks_mut(chunk),
        adam.first[span.clone()].par_chunks_mut(chunk),
        adam.second[span].par_chunks_mut(chunk),
        gradient.par_chunks(chunk),
        squares.par_iter_mut(),
    )
        .into_par_iter()
        .for_each(|(p, m, v, g, square)| {
            for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
                let g = *g + l2_scale * *p;
                *m = beta1 * *m + rest1 * g;
                *v = beta2 * *v + rest2 * g * g;
                if tensor.l2_scale != 0.0 {
                    *square += (*p * *p).to_f64();
                }
                *p = *p - rate * *m / (v.sqrt() + epsilon);
            }
        });
    adam.penalty[tensor.index] += 0.5 * tensor.l2_scale * squares.iter().sum::<f64>();
}

/// Takes a layer's gradients to where [`WeightGradient`] wants them.
pub(crate) struct Emit<'a, 'b, R: Real> {
    pub(crate) target: &'a mut WeightGradient<'b, Cpu<R>>,
    pub(crate) scratch: &'a mut [R],
}

impl<R: Real> Emit<'_, '_, R> {
    /// The weight's gradient `dz' x`, for `dz` (samples, rows) and `x` (samples, columns); `weight` is (rows, columns).
    pub(crate) fn products(&mut self, weight: &Tensor, dz: Matrix<'_, R>, x: Matrix<'_, R>, rows: usize, columns: usize) {
        let dz = dz.transposed();
        match self.target {
            WeightGradient::Skip { .. } => {}
            WeightGradient::Store { gradient, .. } => product(&mut gradient[weight.span.clone()], Into::Replace, dz, x),
            WeightGradient::Accumulate { gradient, .. } => product(&mut gradient[weight.span.clone()], Into::Add, dz, x),
            WeightGradient::Apply { parameters, adam } => {
                let block = rows_in_block(rows, columns);
                for first in (0..rows).step_by(block) {
                    let count = block.min(rows - first);
                    let gradient = &mut self.scratch[..count * columns];
                    product(gradient, Into::Replace, dz.rows(first, count), x);
                    let start = weight.span.start + first * columns;
                    update(weight, start..start + count * columns, parameters, gradient, adam);
                }
            }
        }
    }

    /// The bias's gradient: the column sums of `dz` (samples, len of `bias`).
    pub(crate) fn column_sums(&mut self, bias: &Tensor, dz: &[R]) {
        let columns = bias.span.len();
        let sums = |out: &mut [R]| {
            out.par_chunks_mut(64).enumerate().for_each(|(chunk, out)| {
                for row in dz.chunks_exact(columns) {
                    for (sum, value) in out.iter_mut().zip(&row[chunk * 64..]) {
                        *sum += *value;
                    }
                }
            });
        };
        match self.target {
            WeightGradient::Skip { .. } => {}
            WeightGradient::Store { gradient, .. } => {
                let out = &mut gradient[bias.span.clone()];
                out.fill(R::ZERO);
                sums(out);
            }
            WeightGradient::Accumulate { gradient, .. } => sums(&mut gradient[bias.span.clone()]),
            WeightGradient::Apply { parameters, adam } => {
                let out = &mut self.scratch[..columns];
                out.fill(R::ZERO);
                sums(out);
                update(bias, bias.span.clone(), parameters, out, adam);
            }
        }
    }
}
