//! The convolution stage on the CPU: rows of taps are gathered once, then products run on all cores.

use super::{Conv3x3, Conv3x3Config};
use crate::Result;
use crate::device::{Cpu, Real, View};
use crate::ops::adam::{Emit, Tensor, WeightGradient, largest_block};
use crate::ops::product::{Into, Matrix, product};
use rayon::prelude::*;

/// The workspace, cut up: `columns` (pixels, taps), `z` (pixels, filters), and a block of the weight's gradient.
fn cut<'a, R>(config: &Conv3x3Config, workspace: &'a mut [R]) -> (&'a mut [R], &'a mut [R], &'a mut [R]) {
    let (columns, rest) = workspace.split_at_mut(config.pixels() * config.taps());
    let (z, rest) = rest.split_at_mut(config.pixels() * config.filters);
    (columns, z, rest)
}

impl<R: Real> Conv3x3 for Cpu<R> {
    fn conv3x3_workspace(&self, config: &Conv3x3Config) -> usize {
        let gradient = largest_block(config.filters, config.taps()).max(config.filters);
        config.pixels() * (config.taps() + config.filters) + gradient
    }

    fn conv3x3_forward(
        &self,
        config: &Conv3x3Config,
        x: &Vec<R>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        y: &mut Vec<R>,
        argmax: &mut Vec<u8>,
        workspace: &mut Vec<R>,
    ) -> Result<()> {
        let (columns, z, _) = cut(config, workspace);
        gather_taps(config, x, columns);
        let weight = Matrix::new(&weight.buffer[weight.span], config.filters, config.taps());
        product(z, Into::Replace, Matrix::new(columns, config.pixels(), config.taps()), weight.transposed());
        let bias = &bias.buffer[bias.span];
        let y = &mut y[..config.output_len()];
        if config.pool {
            relu_and_pool(config, z, bias, y, &mut argmax[..config.output_len()]);
        } else {
            y.par_chunks_mut(config.filters).zip(z.par_chunks(config.filters)).for_each(|(y, z)| {
                for ((y, z), b) in y.iter_mut().zip(z).zip(bias) {
                    *y = relu(*z + *b);
                }
            });
        }
        Ok(())
    }

    fn conv3x3_backward(
        &self,
        config: &Conv3x3Config,
        x: &Vec<R>,
        y: &Vec<R>,
        argmax: &Vec<u8>,
        dy: &Vec<R>,
        dx: Option<&mut Vec<R>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut Vec<R>,
    ) -> Result<()> {
        let (pixels, taps, filters) = (config.pixels(), config.taps(), config.filters);
        let (columns, dz, block) = cut(config, workspace);
        undo_relu_and_pool(config, y, argmax, dy, dz);
        if let Some(dx) = dx {
            let weight = Matrix::new(&target.parameters()[weight.span.clone()], filters, taps);
            product(columns, Into::Replace, Matrix::new(dz, pixels, filters), weight);
            scatter_taps(config, columns, &mut dx[..config.input_len()]);
        }
        if matches!(target, WeightGradient::Skip { .. }) {
            return Ok(());
        }
        gather_taps(config, x, columns);
        let mut emit = Emit { target, scratch: block };
        emit.products(weight, Matrix::new(dz, pixels, filters), Matrix::new(columns, pixels, taps), filters, taps);
        emit.column_sums(bias, &dz[..pixels * filters]);
        Ok(())
    }
}

fn relu<R: Real>(z: R) -> R {
    if z > R::ZERO { z } else { R::ZERO }
}

/// `columns[pixel, (r, s, c)] = x[pixel + (r-1, s-1), c]`, zero outside the image.
fn gather_taps<R: Real>(config: &Conv3x3Config, x: &[R], columns: &mut [R]) {
    let Conv3x3Config { height, width, channels, .. } = *config;
    let row_of_taps = width * config.taps();
    columns[..config.pixels() * config.taps()].par_chunks_mut(row_of_taps).enumerate().for_each(|(line, columns)| {
        let (image, i) = (line / height, line % height);
        for (j, taps) in columns.chunks_exact_mut(config.taps()).enumerate() {
            for (tap, out) in taps.chunks_exact_mut(channels).enumerate() {
                // The neighbour's coordinates plus one, so that they stay unsigned.
                let (row, column) = (i + tap / 3, j + tap % 3);
                if (1..=height).contains(&row) && (1..=width).contains(&column) {
                    let pixel = (image * height + row - 1) * width + column - 1;
                    out.copy_from_slice(&x[pixel * channels..][..channels]);
                } else {
                    out.fill(R::ZERO);
                }
            }
        }
    });
}

/// The adjoint of [`gather_taps`]: `dx[pixel, c] = sum_{r,s} columns[pixel - (r-1, s-1), (r, s, c)]`.
fn scatter_taps<R: Real>(config: &Conv3x3Config, columns: &[R], dx: &mut [R]) {
    let Conv3x3Config { height, width, channels, .. } = *config;
    dx.par_chunks_mut(width * channels).enumerate().for_each(|(line, dx)| {
        let (image, i) = (line / height, line % height);
        for (j, dx) in dx.chunks_exact_mut(channels).enumerate() {
            dx.fill(R::ZERO);
            for tap in 0..9 {
                // The coordinates, plus one, of the pixel that saw this one through the tap.
                let (row, column) = (i + 2 - tap / 3, j + 2 - tap % 3);
                if (1..=height).contains(&row) && (1..=width).contains(&column) {
                    let pixel = (image * height + row - 1) * width + column - 1;
                    let seen = &columns[(pixel * 9 + tap) * channels..][..channels];
                    for (dx, seen) in dx.iter_mut().zip(seen) {
                        *dx += *seen;
                    }
                }
            }
        }
    });
}

/// The four pixels of the quad behind output pixel `pixel` of a pooled stage, row-major.
fn quad(config: &Conv3x3Config, pixel: usize) -> [usize; 4] {
    let half = config.width / 2;
    let first = 2 * (pixel / half) * config.width + 2 * (pixel % half);
    [first, first + 1, first + config.width, first + config.width + 1]
}

/// `y = max over the quad of max(z + b, 0)`; `argmax` is the first place of the maximum.
fn relu_and_pool<R: Real>(config: &Conv3x3Config, z: &[R], bias: &[R], y: &mut [R], argmax: &mut [u8]) {
    let filters = config.filters;
    let (y, argmax) = (y.par_chunks_mut(filters), argmax.par_chunks_mut(filters));
    y.zip(argmax).enumerate().for_each(|(pixel, (y, argmax))| {
        let [a, b, c, d] = quad(config, pixel).map(|p| &z[p * filters..][..filters]);
        for f in 0..filters {
            let (mut best, mut place) = (a[f], 0);
            for (candidate, k) in [(b[f], 1), (c[f], 2), (d[f], 3)] {
                if candidate > best {
                    (best, place) = (candidate, k);
                }
            }
            y[f] = relu(best + bias[f]);
            argmax[f] = place;
        }
    });
}

/// `dz` from `dy`: the gradient passes where the output is positive, and with a pool only to the argmax.
fn undo_relu_and_pool<R: Real>(config: &Conv3x3Config, y: &[R], argmax: &[u8], dy: &[R], dz: &mut [R]) {
    let filters = config.filters;
    let active = |at: usize| if y[at] > R::ZERO { dy[at] } else { R::ZERO };
    if !config.pool {
        dz.par_chunks_mut(filters).enumerate().for_each(|(pixel, dz)| {
            for (f, dz) in dz.iter_mut().enumerate() {
                *dz = active(pixel * filters + f);
            }
        });
        return;
    }
    let (width, half) = (config.width, config.width / 2);
    dz.par_chunks_mut(2 * width * filters).enumerate().for_each(|(line, dz)| {
        dz.fill(R::ZERO);
        for j in 0..half {
            for f in 0..filters {
                let at = (line * half + j) * filters + f;
                let (row, column) = (usize::from(argmax[at] / 2), 2 * j + usize::from(argmax[at] % 2));
                dz[(row * width + column) * filters + f] = active(at);
            }
        }
    });
}
