//! The forward pass by Winograd's F(2x2, 3x3): 16 products for the 36 of a 2x2 tile of outputs.
//!
//! For the tile whose first output is (i, j), with d = x[i-1 .. i+3, j-1 .. j+3, c] (zero outside the image) and g = w[f, :, :, c]:
//! ```text
//! V[t, tile, c] = (B' d B)[t]      B' = 1  0 -1  0      U[t, c, f] = (G g G')[t]      G = 1    0    0      A' = 1 1  1  0
//!                                       0  1  1  0                                        1/2  1/2  1/2         0 1 -1 -1
//!                                       0 -1  1  0                                        1/2 -1/2  1/2
//!                                       0  1  0 -1                                        0    0    1
//! z[tile] = A' (sum_c V[., tile, c] U[., c, f]) A
//! ```
//! (Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, CVPR 2016.) A task transforms the weights of some filters into
//! its own cache, and takes all tiles through them; a tile is a quad of the pool.

use super::{Conv3x3Config, finish, pool};
use crate::device::{BLOCK, Kernel, Real, Vector, prefetch};
use crate::ops::scratch::with_scratch;
use crate::ops::shared::Shared;
use rayon::prelude::*;
use std::array::from_fn;

/// Filters of a task.
const FILTERS: usize = 2 * BLOCK;
/// Tiles whose products a task has at once.
const TILES: usize = 48;
/// Tiles of a task, at most.
const MOST: usize = 20 * TILES;

/// Tiles along a row, and of an image.
fn tiles(config: &Conv3x3Config) -> (usize, usize) {
    let row = config.width.div_ceil(2);
    (row, row * config.height.div_ceil(2))
}

/// Numbers from one row of `V` to the next: rows at powers of two would meet in the same sets of the cache.
fn pitch(config: &Conv3x3Config) -> usize {
    config.channels + BLOCK
}

/// Numbers from one t of a task's `U` to the next, for the same reason.
fn weights_pitch(channels: usize) -> usize {
    channels * FILTERS + BLOCK
}

/// Elements of workspace: V as (group of [`TILES`], t, tile, channel).
pub(super) fn workspace(config: &Conv3x3Config) -> usize {
    16 * (config.batch * tiles(config).1).next_multiple_of(TILES) * pitch(config)
}

/// `y` and, with a pool, `argmax`. The channels come in whole blocks.
#[allow(clippy::too_many_arguments)]
pub(super) fn forward<R: Real>(
    config: &Conv3x3Config,
    x: &[R],
    weight: &[R],
    bias: &[R],
    y: &mut [R],
    argmax: Option<&mut [u8]>,
    workspace: &mut [R],
) {
    let (channels, filters) = (config.channels, config.filters);
    let tiles = config.batch * tiles(config).1;
    let pitch = pitch(config);
    let of_group = 16 * TILES * pitch;
    let inputs = &mut workspace[..tiles.div_ceil(TILES) * of_group];
    {
        let inputs = Shared::new(&mut *inputs);
        (0..tiles).into_par_iter().with_min_len(4).for_each(|tile| R::vectorised(TransformInput { config, tile, x, inputs: &inputs }));
    }
    let inputs = &*inputs;
    let outputs = Outputs { config, bias, y: Shared::new(y), argmax: argmax.map(Shared::new) };
    // Every tile's sums are its own: how many a task has changes no bit.
    let groups = filters.div_ceil(FILTERS);
    let together = MOST.min(tiles.div_ceil(rayon::current_num_threads().div_ceil(groups)).next_multiple_of(TILES));
    (0..groups * tiles.div_ceil(together)).into_par_iter().for_each(|task| {
        let (first_filter, first_tile) = (task % groups * FILTERS, task / groups * together);
        let last_tile = tiles.min(first_tile + together);
        with_scratch(9 * BLOCK * FILTERS + 16 * (weights_pitch(channels) + TILES * FILTERS), |scratch| {
            let (raw, rest) = scratch.split_at_mut(9 * BLOCK * FILTERS);
            let (weights, sums) = rest.split_at_mut(16 * weights_pitch(channels));
            let weight = &weight[first_filter * 9 * channels..filters.min(first_filter + FILTERS) * 9 * channels];
            R::vectorised(TransformWeights { channels, weight, raw, weights });
            for first in (first_tile..last_tile).step_by(TILES) {
                let count = TILES.min(last_tile - first);
                let inputs = &inputs[first / TILES * of_group..][..of_group];
                R::vectorised(Products { channels, pitch, count, inputs, weights, sums });
                R::vectorised(TransformOutputs { outputs: &outputs, first, count, first_filter, sums });
            }
        });
    });
}

/// B' d B of one tile, all channels.
struct TransformInput<'a, R> {
    config: &'a Conv3x3Config,
    tile: usize,
    x: &'a [R],
    inputs: &'a Shared<'a, R>,
}

impl<R: Real> Kernel<R> for TransformInput<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let TransformInput { config, tile, x, inputs } = self;
        let Conv3x3Config { height, width, channels, .. } = *config;
        let (row, of_image) = tiles(config);
        let (image, i, j) = (tile / of_image, tile % of_image / row * 2, tile % row * 2);
        // Pixels of the tile, where inside the image; coordinates plus one stay unsigned.
        let pixel: [[Option<usize>; 4]; 4] = from_fn(|r| {
            from_fn(|s| {
                let inside = (1..=height).contains(&(i + r)) && (1..=width).contains(&(j + s));
                inside.then(|| ((image * height + i + r - 1) * width + j + s - 1) * channels)
            })
        });
        // SAFETY (below): this row of every t is this tile's.
        let place = |t| (tile / TILES * 16 + t) * TILES + tile % TILES;
        let rows: [&mut [R]; 16] = from_fn(|t| unsafe { inputs.run(place(t) * pitch(config), channels) });
        for c in (0..channels / V::LANES).map(|block| block * V::LANES) {
            // SAFETY: whole vectors of channels, of pixels in the image, into rows of as many.
            unsafe {
                let mut half = [[V::splat(R::ZERO); 4]; 4];
                for s in 0..4 {
                    let mut d = [V::splat(R::ZERO); 4];
                    for (d, pixels) in d.iter_mut().zip(&pixel) {
                        if let Some(at) = pixels[s] {
                            *d = V::load(x[at + c..][..V::LANES].as_ptr());
                        }
                    }
                    let column = combine(d);
                    for r in 0..4 {
                        half[r][s] = column[r];
                    }
                }
                for r in 0..4 {
                    for (s, value) in combine(half[r]).into_iter().enumerate() {
                        value.store(rows[4 * r + s][c..][..V::LANES].as_mut_ptr());
                    }
                }
            }
        }
    }
}

/// B' d.
#[inline(always)]
unsafe fn combine<V: Vector>(d: [V; 4]) -> [V; 4] {
    // SAFETY: the caller's.
    unsafe { [d[0].sub(d[2]), d[1].add(d[2]), d[2].sub(d[1]), d[1].sub(d[3])] }
}

/// G g G' of some filters: `weights[t, channel, filter]` from `weight[filter, tap, channel]`, zero beyond its filters.
struct TransformWeights<'a, R> {
    channels: usize,
    weight: &'a [R],
    raw: &'a mut [R],
    weights: &'a mut [R],
}

impl<R: Real> Kernel<R> for TransformWeights<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let TransformWeights { channels, weight, raw, weights } = self;
        let count = weight.len() / (9 * channels);
        if count < FILTERS {
            raw.fill(R::ZERO);
        }
        let pitch = weights_pitch(channels);
        assert!(weights.len() == 16 * pitch && raw.len() == 9 * BLOCK * FILTERS);
        for first in (0..channels).step_by(BLOCK) {
            // raw[tap, channel, filter]
            for (f, weight) in weight.chunks_exact(9 * channels).enumerate() {
                for tap in 0..9 {
                    let weight = &weight[tap * channels + first..];
                    prefetch(weight.as_ptr().wrapping_add(2 * BLOCK));
                    let weight = &weight[..BLOCK];
                    for (c, &value) in weight.iter().enumerate() {
                        raw[(tap * BLOCK + c) * FILTERS + f] = value;
                    }
                }
            }
            for c in 0..BLOCK {
                for f in (0..FILTERS).step_by(V::LANES) {
                    // SAFETY: inside `raw` and `weights` (checked).
                    unsafe {
                        let half = V::splat(R::from_f64(0.5));
                        let mut columns = [[half; 4]; 3];
                        for (s, column) in columns.iter_mut().enumerate() {
                            let mut g = [half; 3];
                            for (r, g) in g.iter_mut().enumerate() {
                                *g = V::load(raw.as_ptr().add(((3 * r + s) * BLOCK + c) * FILTERS + f));
                            }
                            *column = widen(g, half);
                        }
                        let [left, middle, right] = columns;
                        for r in 0..4 {
                            let wide = widen([left[r], middle[r], right[r]], half);
                            for (s, value) in wide.into_iter().enumerate() {
                                value.store(weights.as_mut_ptr().add((4 * r + s) * pitch + (first + c) * FILTERS + f));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// G g.
#[inline(always)]
unsafe fn widen<V: Vector>(g: [V; 3], half: V) -> [V; 4] {
    // SAFETY: the caller's.
    unsafe {
        let (outer, inner) = (g[0].add(g[2]).mul(half), g[1].mul(half));
        [g[0], outer.add(inner), outer.sub(inner), g[2]]
    }
}

/// `sums[t, tile, filter] = sum_c inputs[t, tile, c] weights[t, c, filter]` for `count` tiles.
struct Products<'a, R> {
    channels: usize,
    pitch: usize,
    count: usize,
    inputs: &'a [R],
    weights: &'a [R],
    sums: &'a mut [R],
}

impl<R: Real> Kernel<R> for Products<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Products { channels, pitch, count, inputs, weights, sums } = self;
        assert!(inputs.len() == 16 * TILES * pitch && channels <= pitch && count <= TILES);
        for t in 0..16 {
            let weights = &weights[t * weights_pitch(channels)..][..channels * FILTERS];
            for f in (0..FILTERS).step_by(2 * V::LANES) {
                let mut tile = 0;
                while tile < count {
                    // SAFETY: rows `tile ..` of `inputs` and `sums` (checked), as many as there are.
                    unsafe {
                        let input = inputs.as_ptr().add((t * TILES + tile) * pitch);
                        let sum = sums.as_mut_ptr().add((t * TILES + tile) * FILTERS + f);
                        let weights = weights.as_ptr().add(f);
                        tile += match count - tile {
                            12.. if V::LANES == BLOCK => rows::<V, 12>(channels, pitch, input, weights, sum),
                            8.. if V::LANES == BLOCK => rows::<V, 8>(channels, pitch, input, weights, sum),
                            6.. if V::LANES < BLOCK => rows::<V, 6>(channels, pitch, input, weights, sum),
                            4.. => rows::<V, 4>(channels, pitch, input, weights, sum),
                            2.. => rows::<V, 2>(channels, pitch, input, weights, sum),
                            _ => rows::<V, 1>(channels, pitch, input, weights, sum),
                        };
                    }
                }
            }
        }
    }
}

/// [`Products`] of `N` tiles and two vectors of filters, in registers; `N`.
#[inline(always)]
unsafe fn rows<V: Vector, const N: usize>(
    channels: usize,
    pitch: usize,
    input: *const V::Real,
    weights: *const V::Real,
    sums: *mut V::Real,
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut sum = [[V::splat(V::Real::ZERO); 2]; N];
        for c in 0..channels {
            if c % BLOCK == 0 {
                for tile in 0..N {
                    prefetch(input.wrapping_add((N + tile) * pitch + c));
                }
            }
            let weights = weights.add(c * FILTERS);
            let weight = [V::load(weights), V::load(weights.add(V::LANES))];
            for (tile, sum) in sum.iter_mut().enumerate() {
                let input = V::splat(*input.add(tile * pitch + c));
                *sum = [sum[0].add_product(input, weight[0]), sum[1].add_product(input, weight[1])];
            }
        }
        for (tile, sum) in sum.into_iter().enumerate() {
            sum[0].store(sums.add(tile * FILTERS));
            sum[1].store(sums.add(tile * FILTERS + V::LANES));
        }
    }
    N
}

/// Where outputs go.
struct Outputs<'a, R> {
    config: &'a Conv3x3Config,
    bias: &'a [R],
    y: Shared<'a, R>,
    argmax: Option<Shared<'a, u8>>,
}

/// A' m A of some tiles, with bias, ReLU and pool.
struct TransformOutputs<'a, R> {
    outputs: &'a Outputs<'a, R>,
    first: usize,
    count: usize,
    first_filter: usize,
    sums: &'a [R],
}

impl<R: Real> Kernel<R> for TransformOutputs<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let TransformOutputs { outputs: Outputs { config, bias, y, argmax }, first, count, first_filter, sums } = self;
        let Conv3x3Config { height, width, filters, .. } = **config;
        let (row, of_image) = tiles(config);
        let lanes = FILTERS.min(filters - first_filter);
        let bias = &bias[first_filter..][..lanes];
        assert!(sums.len() == 16 * TILES * FILTERS && count <= TILES);
        for tile in 0..count {
            let mut z = [[R::ZERO; FILTERS]; 4];
            for f in (0..FILTERS).step_by(V::LANES) {
                // SAFETY: inside `sums` (checked) and the arrays.
                unsafe {
                    let mut columns = [[V::splat(R::ZERO); 2]; 4];
                    for (s, column) in columns.iter_mut().enumerate() {
                        let mut m = [V::splat(R::ZERO); 4];
                        for (r, m) in m.iter_mut().enumerate() {
                            *m = V::load(sums.as_ptr().add(((4 * r + s) * TILES + tile) * FILTERS + f));
                        }
                        *column = narrow(m);
                    }
                    for r in 0..2 {
                        let pair = narrow([columns[0][r], columns[1][r], columns[2][r], columns[3][r]]);
                        for s in 0..2 {
                            pair[s].store(z[2 * r + s].as_mut_ptr().add(f));
                        }
                    }
                }
            }
            let (image, i, j) = ((first + tile) / of_image, (first + tile) % of_image / row * 2, (first + tile) % row * 2);
            if let Some(argmax) = argmax {
                let at = (first + tile) * filters + first_filter;
                // SAFETY: these filters of this tile are this task's.
                let (y, argmax) = unsafe { (y.run(at, lanes), argmax.run(at, lanes)) };
                let [a, b, c, d] = &z;
                pool([a, b, c, d], bias, y, argmax);
            } else {
                for (place, z) in z.iter().enumerate() {
                    let (i, j) = (i + place / 2, j + place % 2);
                    if i < height && j < width {
                        let pixel = (image * height + i) * width + j;
                        // SAFETY: as above.
                        let y = unsafe { y.run(pixel * filters + first_filter, lanes) };
                        finish(z, bias, y);
                    }
                }
            }
        }
    }
}

/// A' m.
#[inline(always)]
unsafe fn narrow<V: Vector>(m: [V; 4]) -> [V; 2] {
    // SAFETY: the caller's.
    unsafe { [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3])] }
}
