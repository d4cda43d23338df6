//! The forward pass where the channels fill no block, as at the network's input: two rows of an image at a time, the taps gathered and
//! multiplied in the cache.

use super::{Conv3x3Config, finish, pool};
use crate::device::Real;
use crate::ops::product::{Matrix, product_of_one};
use crate::ops::scratch::with_scratch;
use rayon::prelude::*;

/// `y` and, with a pool, `argmax`.
pub(super) fn forward<R: Real>(config: &Conv3x3Config, x: &[R], weight: &[R], bias: &[R], y: &mut [R], argmax: Option<&mut [u8]>) {
    let Conv3x3Config { height, width, filters, .. } = *config;
    let taps = config.taps();
    let weight = Matrix::new(weight, filters, taps).transposed();
    let rows = if config.pool { 2 } else { 1 };
    let strip = |task: usize, take: &mut dyn FnMut(&[R])| {
        let (image, first) = (task * rows / height, task * rows % height);
        with_scratch(rows * width * (taps + filters), |scratch| {
            let (columns, z) = scratch.split_at_mut(rows * width * taps);
            for (i, columns) in columns.chunks_exact_mut(width * taps).enumerate() {
                gather_taps(config, x, image, first + i, columns);
            }
            product_of_one(z, Matrix::new(columns, rows * width, taps), weight);
            take(z);
        });
    };
    if let Some(argmax) = argmax {
        let of_strip = width / 2 * filters;
        y.par_chunks_mut(of_strip).zip(argmax.par_chunks_mut(of_strip)).enumerate().for_each(|(task, (y, argmax))| {
            strip(task, &mut |z| {
                for (j, (y, argmax)) in y.chunks_exact_mut(filters).zip(argmax.chunks_exact_mut(filters)).enumerate() {
                    let quad = [2 * j, 2 * j + 1, width + 2 * j, width + 2 * j + 1].map(|pixel| &z[pixel * filters..][..filters]);
                    pool(quad, bias, y, argmax);
                }
            });
        });
    } else {
        y.par_chunks_mut(width * filters).enumerate().for_each(|(task, y)| {
            strip(task, &mut |z| {
                for (y, z) in y.chunks_exact_mut(filters).zip(z.chunks_exact(filters)) {
                    finish(z, bias, y);
                }
            });
        });
    }
}

/// `columns[j, (r, s, c)] = x[image, i+r-1, j+s-1, c]`, zero outside the image.
fn gather_taps<R: Real>(config: &Conv3x3Config, x: &[R], image: usize, i: usize, columns: &mut [R]) {
    let Conv3x3Config { height, width, channels, .. } = *config;
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
}
