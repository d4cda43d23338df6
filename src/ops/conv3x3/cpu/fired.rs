//! The backward pass over the pixels that fired.
//!
//! `dz` is zero wherever the ReLU was off and, with a pool, at three pixels of each quad: at most a quarter of the terms of `dx` and `dw`
//! are not zero. What is left is listed, and each entry adds a 3x3 patch, a block of channels at a time:
//! ```text
//! dx[patch at q, channels] += dz[q,f] w[f, taps, channels]      for the list of each q: w's block in the cache, the patch in registers
//! dw[f, taps, channels] += dz[q,f] x[patch at q, channels]      for the list of each f: x's block in the cache, dw in registers
//! ```
//! Images carry a border of one zero pixel, channels are zero up to whole blocks: no patch needs a question.

use super::Conv3x3Config;
use crate::device::{BLOCK, Cpu, Kernel, Real, Vector, prefetch};
use crate::ops::adam::{Tensor, WeightGradient, emit};
use crate::ops::scratch::with_scratch;
use crate::ops::shared::Shared;
use rayon::prelude::*;
use std::array::from_fn;

/// Filters whose weights, a block of channels of each, stay in the first cache.
const FILTERS: usize = 48;
/// Blocks of channels whose weights are packed at once: pieces of that many cache lines.
const WIDE: usize = 8;
/// Images of a task of `dx`, at most.
const IMAGES: usize = 16;
/// Filters of a task of `dw`, at most.
const ROWS: usize = 32;
/// Tasks of `dw` that there should be, at least, and the filters of one that are worth a task.
const TASKS: usize = 8;
const FEWEST: usize = 8;
/// Numbers of images that stay in the first cache.
const RESIDENT: usize = 6400;
/// Numbers of a filter's block.
const PATCH: usize = 9 * BLOCK;

/// The places of a stage: outputs ("units"), and the patches that they see in images with a border.
#[derive(Clone, Copy)]
struct Places {
    /// Units along a row, and of an image.
    row: usize,
    units: usize,
    /// Pixels between neighbouring units.
    stride: usize,
    /// Pixels along a row with its border, and of an image.
    pitch: usize,
    area: usize,
}

impl Places {
    fn new(config: &Conv3x3Config) -> Self {
        let stride = if config.pool { 2 } else { 1 };
        let row = config.width / stride;
        let pitch = config.width + 2;
        Places { row, units: row * (config.height / stride), stride, pitch, area: pitch * (config.height + 2) }
    }

    /// The first number of the patch of `unit`, at place `place` of its quad.
    fn patch(&self, unit: usize, place: usize) -> usize {
        let (i, j) = (self.stride * (unit / self.row) + place / 2, self.stride * (unit % self.row) + place % 2);
        (i * self.pitch + j) * BLOCK
    }

    /// Where a patch's taps lie, from its first number.
    fn taps(&self) -> [usize; 9] {
        from_fn(|tap| (tap / 3 * self.pitch + tap % 3) * BLOCK)
    }
}

/// What a stage gave, and the cost's gradient there: (batch, units, filters) each.
#[derive(Clone, Copy)]
pub(super) struct Output<'a, R> {
    pub(super) y: &'a [R],
    /// With a pool.
    pub(super) argmax: Option<&'a [u8]>,
    pub(super) dy: &'a [R],
}

impl<R: Real> Output<'_, R> {
    /// Did it fire, where in its quad, and `dz` there.
    #[inline(always)]
    fn at(&self, at: usize) -> (bool, usize, R) {
        (self.y[at] > R::ZERO, self.argmax.map_or(0, |argmax| usize::from(argmax[at] & 3)), self.dy[at])
    }
}

/// Blocks that hold `channels`.
fn blocks(channels: usize) -> usize {
    channels.div_ceil(BLOCK)
}

/// Elements of workspace for [`dx`].
pub(super) fn dx_workspace(config: &Conv3x3Config) -> usize {
    let places = Places::new(config);
    config.batch * places.units * config.filters.div_ceil(FILTERS) * (2 * FILTERS + 4)
}

/// Elements of workspace for [`dw`].
pub(super) fn dw_workspace(config: &Conv3x3Config) -> usize {
    blocks(config.channels) * config.batch * Places::new(config).area * BLOCK + BLOCK + config.filters
}

/// What fired at the units of one image, for [`FILTERS`] filters after another: (chunk, unit, entry).
struct Fired<'a, R> {
    /// dz.
    values: &'a mut [R],
    /// Where the filter's block is among the packed weights.
    found: &'a mut [u32],
    /// Entries at each place of the quad; they follow each other.
    counts: &'a mut [[u32; 4]],
}

impl<R: Real> Fired<'_, R> {
    /// Lists image `image` of `output`.
    fn fill(&mut self, filters: usize, units: usize, output: Output<'_, R>, image: usize) {
        for (list, count) in self.counts.iter_mut().enumerate() {
            let (chunk, unit) = (list / units, list % units);
            let first = chunk * FILTERS;
            let (mut values, mut found, mut counts) = ([[R::ZERO; FILTERS]; 4], [[0; FILTERS]; 4], [0; 4]);
            for f in first..filters.min(first + FILTERS) {
                let (fired, place, dz) = output.at((image * units + unit) * filters + f);
                let entry = counts[place] as usize;
                values[place][entry] = dz;
                found[place][entry] = ((f - first) * PATCH) as u32;
                counts[place] += u32::from(fired);
            }
            let mut at = list * FILTERS;
            for place in 0..4 {
                let n = counts[place] as usize;
                self.values[at..at + n].copy_from_slice(&values[place][..n]);
                self.found[at..at + n].copy_from_slice(&found[place][..n]);
                at += n;
            }
            *count = counts;
        }
    }
}

/// `dx` (batch, height, width, channels) for the weights `weight` (filters, 9, channels).
pub(super) fn dx<R: Real>(config: &Conv3x3Config, output: Output<'_, R>, weight: &[R], dx: &mut [R], workspace: &mut [R]) {
    let Conv3x3Config { batch, height, width, channels, filters, .. } = *config;
    let places = Places::new(config);
    let chunks = filters.div_ceil(FILTERS);
    let lists = chunks * places.units;
    let (values, rest) = workspace.split_at_mut(batch * lists * FILTERS);
    let (found, counts) = rest.split_at_mut(values.len());
    let found: &mut [u32] = &mut bytemuck::cast_slice_mut(found)[..values.len()];
    let counts: &mut [[u32; 4]] = &mut bytemuck::cast_slice_mut(&mut counts[..4 * batch * lists])[..batch * lists];
    let parts = (values.par_chunks_mut(lists * FILTERS), found.par_chunks_mut(lists * FILTERS), counts.par_chunks_mut(lists));
    parts.into_par_iter().enumerate().for_each(|(image, (values, found, counts))| {
        Fired { values, found, counts }.fill(filters, places.units, output, image);
    });
    let (values, found, counts) = (&*values, &*found, &*counts);

    let dx = Shared::new(&mut dx[..config.input_len()]);
    // Every image's sums are its own: how many a task has changes no bit.
    let wide = blocks(channels).div_ceil(WIDE);
    let together = IMAGES.min(batch.div_ceil(rayon::current_num_threads().div_ceil(wide)));
    (0..wide * batch.div_ceil(together)).into_par_iter().for_each(|task| {
        let first_image = task / wide * together;
        let images = together.min(batch - first_image);
        let first_channel = task % wide * WIDE * BLOCK;
        let count = (channels - first_channel).min(WIDE * BLOCK);
        let padded = images * places.area * BLOCK;
        with_scratch(WIDE * (FILTERS * PATCH + padded), |scratch| {
            let (packed, sums) = scratch.split_at_mut(WIDE * FILTERS * PATCH);
            sums.fill(R::ZERO);
            for chunk in 0..chunks {
                let weight = &weight[chunk * FILTERS * 9 * channels..];
                R::vectorised(Pack { weight, channels, first: first_channel, count, packed });
                for (packed, sums) in packed.chunks_exact(FILTERS * PATCH).zip(sums.chunks_exact_mut(padded)).take(blocks(count)) {
                    for (image, sums) in sums.chunks_exact_mut(places.area * BLOCK).enumerate() {
                        let first = (first_image + image) * lists + chunk * places.units;
                        let entries = first * FILTERS..(first + places.units) * FILTERS;
                        R::vectorised(Scatter {
                            places,
                            counts: &counts[first..][..places.units],
                            values: &values[entries.clone()],
                            found: &found[entries],
                            packed,
                            sums,
                        });
                    }
                }
            }
            for (block, sums) in sums.chunks_exact(padded).enumerate().take(blocks(count)) {
                let first_channel = first_channel + block * BLOCK;
                let count = BLOCK.min(channels - first_channel);
                for line in 0..images * height {
                    let sums = &sums[(line / height * places.area + (line % height + 1) * places.pitch + 1) * BLOCK..];
                    for (j, sums) in sums.chunks_exact(BLOCK).take(width).enumerate() {
                        let pixel = (first_image * height + line) * width + j;
                        // SAFETY: these channels of these images are this task's.
                        unsafe { dx.run(pixel * channels + first_channel, count) }.copy_from_slice(&sums[..count]);
                    }
                }
            }
        });
    });
}

/// `packed[block, filter, tap, channel]` of `count` channels from `first` of the filters at the start of `weight`.
struct Pack<'a, R> {
    weight: &'a [R],
    channels: usize,
    first: usize,
    count: usize,
    packed: &'a mut [R],
}

impl<R: Real> Kernel<R> for Pack<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Pack { weight, channels, first, count, packed } = self;
        assert!(packed.len() >= blocks(count) * FILTERS * PATCH);
        for (row, weight) in weight.chunks_exact(channels).take(9 * FILTERS).enumerate() {
            for (block, weight) in weight[first..first + count].chunks(BLOCK).enumerate() {
                prefetch(weight.as_ptr().wrapping_add(9 * channels));
                let packed = &mut packed[block * FILTERS * PATCH + row * BLOCK..][..BLOCK];
                if weight.len() == BLOCK {
                    for lane in (0..BLOCK).step_by(V::LANES) {
                        // SAFETY: both are blocks.
                        unsafe { V::load(weight.as_ptr().add(lane)).store(packed.as_mut_ptr().add(lane)) };
                    }
                } else {
                    packed.fill(R::ZERO);
                    packed[..weight.len()].copy_from_slice(weight);
                }
            }
        }
    }
}

/// The lists of one image and some filters, into a block of channels of its `dx` with a border.
struct Scatter<'a, R> {
    places: Places,
    counts: &'a [[u32; 4]],
    values: &'a [R],
    found: &'a [u32],
    packed: &'a [R],
    sums: &'a mut [R],
}

impl<R: Real> Kernel<R> for Scatter<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Scatter { places, counts, values, found, packed, sums } = self;
        let taps = places.taps();
        for lane in (0..BLOCK).step_by(V::LANES) {
            for (unit, counts) in counts.iter().enumerate() {
                let mut entry = unit * FILTERS;
                for (place, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let patch = places.patch(unit, place) + lane;
                    let list = entry..entry + count as usize;
                    entry = list.end;
                    let (values, found) = (&values[list.clone()], &found[list]);
                    assert!(patch + taps[8] + V::LANES <= sums.len());
                    // SAFETY: the patch lies in `sums` (checked), and lists were filled with blocks of `packed`.
                    unsafe {
                        let patch = sums.as_mut_ptr().add(patch);
                        let mut sum = [V::splat(R::ZERO); 9];
                        for (sum, tap) in sum.iter_mut().zip(taps) {
                            *sum = V::load(patch.add(tap));
                        }
                        for (&value, &found) in values.iter().zip(found) {
                            let weight = packed.as_ptr().add(found as usize + lane);
                            let value = V::splat(value);
                            for (tap, sum) in sum.iter_mut().enumerate() {
                                *sum = sum.add_product(value, V::load(weight.add(tap * BLOCK)));
                            }
                        }
                        for (sum, tap) in sum.into_iter().zip(taps) {
                            sum.store(patch.add(tap));
                        }
                    }
                }
            }
        }
    }
}

/// The gradients of weight and bias, to where `target` says.
pub(super) fn dw<R: Real>(
    config: &Conv3x3Config,
    x: &[R],
    output: Output<'_, R>,
    weight: &Tensor,
    bias: &Tensor,
    target: &mut WeightGradient<'_, Cpu<R>>,
    workspace: &mut [R],
) {
    let Conv3x3Config { batch, channels, filters, .. } = *config;
    let places = Places::new(config);
    let (db, slab) = workspace.split_at_mut(filters);
    let aligned = slab.as_ptr().align_offset(BLOCK * size_of::<R>());
    let slab = &mut slab[aligned..][..blocks(channels) * batch * places.area * BLOCK];
    pad(config, &places, x, slab);
    let slab = &*slab;

    let units = batch * places.units;
    let together = (RESIDENT / (places.area * BLOCK)).max(1);
    let groups = batch.div_ceil(together);
    let taps = 9 * blocks(channels) * BLOCK;
    let db_shared = Shared::new(&mut *db);
    let of_task = filters.div_ceil(TASKS).clamp(FEWEST, ROWS);
    emit(target, weight, of_task * 9 * channels, |task, piece| {
        let first = task * of_task;
        let rows = of_task.min(filters - first);
        with_scratch(rows * (taps + 2 * units + groups + 1), |scratch| {
            let (gradient, lists) = scratch.split_at_mut(rows * taps);
            let (values, lists) = lists.split_at_mut(rows * units);
            let (found, ends) = bytemuck::cast_slice_mut::<R, u32>(lists).split_at_mut(rows * units);
            // SAFETY: these filters are this task's.
            let db = unsafe { db_shared.run(first, rows) };
            db.fill(R::ZERO);
            let mut counts = [0; ROWS];
            for image in 0..batch {
                for unit in 0..places.units {
                    let at = (image * places.units + unit) * filters + first;
                    let before = image % together * places.area * BLOCK;
                    let patches: [usize; 4] = from_fn(|place| before + places.patch(unit, place));
                    for row in 0..rows {
                        let (fired, place, dz) = output.at(at + row);
                        let entry = row * units + counts[row];
                        values[entry] = dz;
                        found[entry] = patches[place] as u32;
                        counts[row] += usize::from(fired);
                        db[row] += if fired { dz } else { R::ZERO };
                    }
                }
                for row in 0..rows {
                    ends[row * groups + image / together] = counts[row] as u32;
                }
            }
            let (values, found, ends) = (&*values, &*found, &ends[..rows * groups]);
            for (block, images) in slab.chunks_exact(batch * places.area * BLOCK).enumerate() {
                for (group, images) in images.chunks(together * places.area * BLOCK).enumerate() {
                    let gradient = &mut gradient[block * BLOCK..];
                    R::vectorised(Gather { places, units, group, groups, values, found, ends, images, row_stride: taps, gradient });
                }
            }
            if taps != 9 * channels {
                for row in 0..rows * 9 {
                    gradient.copy_within(row * taps / 9..row * taps / 9 + channels, row * channels);
                }
            }
            piece.take(0, &gradient[..rows * 9 * channels]);
        });
    });
    emit(target, bias, filters, |_, piece| piece.take(0, db));
}

/// `slab[block, image, pixel, channel]`: `x` with a border of zeros.
fn pad<R: Real>(config: &Conv3x3Config, places: &Places, x: &[R], slab: &mut [R]) {
    let Conv3x3Config { batch, height, width, channels, .. } = *config;
    slab.par_chunks_mut(places.area * BLOCK).enumerate().for_each(|(part, slab)| {
        let (block, image) = (part / batch, part % batch);
        let count = BLOCK.min(channels - block * BLOCK);
        slab.fill(R::ZERO);
        for i in 0..height {
            for j in 0..width {
                let pixel = (image * height + i) * width + j;
                let slab = &mut slab[((i + 1) * places.pitch + j + 1) * BLOCK..][..count];
                slab.copy_from_slice(&x[pixel * channels + block * BLOCK..][..count]);
            }
        }
    });
}

/// The lists of some filters over a group of images, into a block of channels of their gradients.
struct Gather<'a, R> {
    places: Places,
    units: usize,
    group: usize,
    groups: usize,
    values: &'a [R],
    found: &'a [u32],
    ends: &'a [u32],
    images: &'a [R],
    row_stride: usize,
    gradient: &'a mut [R],
}

impl<R: Real> Kernel<R> for Gather<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Gather { places, units, group, groups, values, found, ends, images, row_stride, gradient } = self;
        let taps = places.taps();
        for (row, ends) in ends.chunks_exact(groups).enumerate() {
            let first = if group == 0 { 0 } else { ends[group - 1] as usize };
            let list = row * units + first..row * units + ends[group] as usize;
            let (values, found) = (&values[list.clone()], &found[list]);
            let gradient = &mut gradient[row * row_stride..];
            for lane in (0..BLOCK).step_by(V::LANES) {
                assert!(8 * row_stride / 9 + lane + V::LANES <= gradient.len());
                // SAFETY: the row lies in `gradient` (checked), and lists were filled with patches of `images`.
                unsafe {
                    let gradient = gradient.as_mut_ptr().add(lane);
                    let mut sum = [V::splat(R::ZERO); 9];
                    if group > 0 {
                        for (tap, sum) in sum.iter_mut().enumerate() {
                            *sum = V::load(gradient.add(tap * row_stride / 9));
                        }
                    }
                    for (&value, &found) in values.iter().zip(found) {
                        let patch = images.as_ptr().add(found as usize + lane);
                        let value = V::splat(value);
                        for (tap, sum) in sum.iter_mut().enumerate() {
                            *sum = sum.add_product(value, V::load(patch.add(taps[tap])));
                        }
                    }
                    for (tap, sum) in sum.into_iter().enumerate() {
                        sum.store(gradient.add(tap * row_stride / 9));
                    }
                }
            }
        }
    }
}
