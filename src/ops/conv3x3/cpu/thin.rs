//! The forward pass where the channels fill no block, as at the network's input: four pixels, a quad of the pool, against two vectors of
//! filters at a time, in registers, from a strip of the image with a border of zeros.

use super::{Conv3x3Config, finish, pool};
use crate::device::{BLOCK, Kernel, Real, Vector};
use crate::ops::scratch::with_scratch;
use rayon::prelude::*;

/// Filters come in multiples of as many, zero beyond the last one.
const FILTERS: usize = 2 * BLOCK;
/// Pixels at once.
const PIXELS: usize = 4;

/// Numbers from one tap of the packed weights to the next.
fn pitch(config: &Conv3x3Config) -> usize {
    config.filters.next_multiple_of(FILTERS)
}

/// Elements of workspace: the weights as (tap, channel, filter).
pub(super) fn workspace(config: &Conv3x3Config) -> usize {
    config.taps() * pitch(config)
}

/// `y` and, with a pool, `argmax`.
pub(super) fn forward<R: Real>(
    config: &Conv3x3Config,
    x: &[R],
    weight: &[R],
    bias: &[R],
    y: &mut [R],
    argmax: Option<&mut [u8]>,
    workspace: &mut [R],
) {
    let Conv3x3Config { height, width, channels, filters, .. } = *config;
    let weights = &mut workspace[..self::workspace(config)];
    for (tap, weights) in weights.chunks_exact_mut(pitch(config)).enumerate() {
        for (f, out) in weights.iter_mut().enumerate() {
            *out = if f < filters { weight[f * config.taps() + tap] } else { R::ZERO };
        }
    }
    let weights = &*weights;
    // Outputs of one line, from one or two lines of the image.
    let (lines, of_line) = if config.pool { (2, width / 2 * filters) } else { (1, width * filters) };
    let strip = |task: usize, y: &mut [R], argmax: Option<&mut [u8]>| {
        let (image, first) = (task * lines / height, task * lines % height);
        let of_row = (width + 2) * channels;
        with_scratch((lines + 2) * of_row, |rows| {
            rows.fill(R::ZERO);
            for (i, row) in rows.chunks_exact_mut(of_row).enumerate() {
                // The line of the image, plus one.
                if (1..=height).contains(&(first + i)) {
                    let from = (image * height + first + i - 1) * width * channels;
                    row[channels..(width + 1) * channels].copy_from_slice(&x[from..from + width * channels]);
                }
            }
            R::vectorised(Strip { config, rows, weights, bias, y, argmax });
        });
    };
    let outputs = y.par_chunks_mut(of_line);
    match argmax {
        Some(argmax) => {
            outputs.zip(argmax.par_chunks_mut(of_line)).enumerate().for_each(|(task, (y, argmax))| strip(task, y, Some(argmax)));
        }
        None => outputs.enumerate().for_each(|(task, y)| strip(task, y, None)),
    }
}

/// One line of outputs from the rows that it sees.
struct Strip<'a, R> {
    config: &'a Conv3x3Config,
    rows: &'a [R],
    weights: &'a [R],
    bias: &'a [R],
    y: &'a mut [R],
    argmax: Option<&'a mut [u8]>,
}

impl<R: Real> Kernel<R> for Strip<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Strip { config, rows, weights, bias, y, mut argmax } = self;
        let Conv3x3Config { width, channels, filters, pool: pooled, .. } = *config;
        let of_row = (width + 2) * channels;
        assert!(!pooled || width.is_multiple_of(2), "a pool of quads on lines of {width}");
        assert!(rows.len() == if pooled { 4 } else { 3 } * of_row && weights.len() == config.taps() * pitch(config));
        let mut z = [[R::ZERO; FILTERS]; PIXELS];
        for first in (0..width).step_by(if pooled { 2 } else { PIXELS }) {
            // Of a quad, or of neighbours, the last one of the line again and again beyond it.
            let mut windows = [rows.as_ptr(); PIXELS];
            for (pixel, window) in windows.iter_mut().enumerate() {
                let (i, j) = if pooled { (pixel / 2, first + pixel % 2) } else { (0, (first + pixel).min(width - 1)) };
                *window = rows[i * of_row + j * channels..].as_ptr();
            }
            for f in (0..filters).step_by(2 * V::LANES) {
                // SAFETY: windows of the rows, and filters up to a whole pitch (checked).
                unsafe { products::<V>(channels, of_row, windows, weights.as_ptr().add(f), pitch(config), &mut z) };
                let count = filters.min(f + 2 * V::LANES) - f;
                let bias = &bias[f..f + count];
                if let Some(argmax) = &mut argmax {
                    let at = first / 2 * filters + f;
                    let [a, b, c, d] = &z;
                    pool([a, b, c, d], bias, &mut y[at..at + count], &mut argmax[at..at + count]);
                } else {
                    for (z, pixel) in z.iter().zip(first..width) {
                        finish(z, bias, &mut y[pixel * filters + f..][..count]);
                    }
                }
            }
        }
    }
}

/// `z[pixel, f] = sum over the window's taps and channels of x w` for two vectors of filters.
#[inline(always)]
unsafe fn products<V: Vector>(
    channels: usize,
    of_row: usize,
    windows: [*const V::Real; PIXELS],
    weights: *const V::Real,
    pitch: usize,
    z: &mut [[V::Real; FILTERS]; PIXELS],
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sum = [[V::splat(V::Real::ZERO); 2]; PIXELS];
        for row in 0..3 {
            // The three pixels of a row and their channels lie one after another.
            for k in 0..3 * channels {
                let weights = weights.add((row * 3 * channels + k) * pitch);
                let weight = [V::load(weights), V::load(weights.add(V::LANES))];
                for (window, sum) in windows.iter().zip(&mut sum) {
                    let x = V::splat(*window.add(row * of_row + k));
                    *sum = [sum[0].add_product(x, weight[0]), sum[1].add_product(x, weight[1])];
                }
            }
        }
        for (sum, z) in sum.into_iter().zip(z) {
            sum[0].store(z.as_mut_ptr());
            sum[1].store(z.as_mut_ptr().add(V::LANES));
        }
    }
}
