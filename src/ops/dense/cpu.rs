//! The dense layer on the CPU: products on all cores.

use super::{Dense, DenseConfig};
use crate::Result;
use crate::device::{Cpu, Real, View};
use crate::ops::adam::{Tensor, WeightGradient, emit};
use crate::ops::dropout;
use crate::ops::product::{Into, Matrix, product, product_of_one};
use crate::ops::scratch::with_scratch;
use rayon::prelude::*;

/// Rows of the weight whose gradient is made at once.
const ROWS: usize = 16;

impl<R: Real> Dense for Cpu<R> {
    fn dense_workspace(&self, config: &DenseConfig) -> usize {
        config.batch * config.outputs
    }

    fn dense_forward(
        &self,
        config: &DenseConfig,
        x: &Vec<R>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        step: Option<&Vec<u64>>,
        y: &mut Vec<R>,
        _workspace: &mut Vec<R>,
    ) -> Result<()> {
        let DenseConfig { batch, inputs, outputs, relu, keep, seed } = *config;
        let y = &mut y[..batch * outputs];
        let weight = Matrix::new(&weight.buffer[weight.span], outputs, inputs);
        product(y, Into::Replace, Matrix::new(x, batch, inputs), weight.transposed());
        let bias = &bias.buffer[bias.span];
        y.par_chunks_mut(outputs).for_each(|y| {
            for (y, b) in y.iter_mut().zip(bias) {
                *y += *b;
                if relu && *y <= R::ZERO {
                    *y = R::ZERO;
                }
            }
        });
        if let Some(step) = step.filter(|_| keep < 1.0) {
            let (threshold, scale) = (dropout::threshold(keep), R::from_f64(1.0 / keep));
            y.par_chunks_mut(1024).enumerate().for_each(|(chunk, y)| {
                for (four, y) in y.chunks_mut(4).enumerate() {
                    let stay = dropout::stay(seed, step[0], (chunk * 256 + four) as u32, threshold);
                    for (y, stays) in y.iter_mut().zip(stay) {
                        *y = if stays { *y * scale } else { R::ZERO };
                    }
                }
            });
        }
        Ok(())
    }

    fn dense_backward(
        &self,
        config: &DenseConfig,
        x: &Vec<R>,
        y: &Vec<R>,
        dy: &Vec<R>,
        dx: Option<&mut Vec<R>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut Vec<R>,
    ) -> Result<()> {
        let DenseConfig { batch, inputs, outputs, relu, keep, .. } = *config;
        let dz = &mut workspace[..batch * outputs];
        let scale = R::from_f64(1.0 / keep);
        for ((dz, dy), y) in dz.iter_mut().zip(dy).zip(y) {
            *dz = if !relu {
                *dy
            } else if *y > R::ZERO {
                *dy * scale
            } else {
                R::ZERO
            };
        }
        let rows = Matrix::new(dz, batch, outputs);
        if let Some(dx) = dx {
            let weight = Matrix::new(&target.parameters()[weight.span.clone()], outputs, inputs);
            product(&mut dx[..batch * inputs], Into::Replace, rows, weight);
        }
        let (columns, x) = (rows.transposed(), Matrix::new(x, batch, inputs));
        emit(target, weight, ROWS * inputs, |index, piece| {
            let count = ROWS.min(outputs - index * ROWS);
            with_scratch(count * inputs, |gradient| {
                product_of_one(gradient, columns.rows(index * ROWS, count), x);
                piece.take(0, gradient);
            });
        });
        emit(target, bias, outputs, |_, piece| {
            with_scratch(outputs, |sums| {
                sums.fill(R::ZERO);
                for dz in dz.chunks_exact(outputs) {
                    for (sum, dz) in sums.iter_mut().zip(dz) {
                        *sum += *dz;
                    }
                }
                piece.take(0, sums);
            });
        });
        Ok(())
    }
}
