//! How a product on a card is cut into blocks: tiles of the result and, of tiles that would leave most of the card idle, shares of the inner
//! dimension, whose sums a second kernel adds in order. The cut depends on the shape and the card alone, so that the bits are the same on
//! each run. `kernels/include/gemm.cuh` is the other half.

use super::adam::{CHUNKS, Sink};
use crate::Result;
use crate::device::cuda::{Chip, Cuda, CudaBuffer, In, Launch, Out, kernels};

/// The part of a product that a block makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// For any product.
pub(crate) const SQUARE: Tile = Tile { rows: 64, columns: 64 };
/// For products of many rows: half the instructions a multiplication, three quarters of the traffic.
pub(crate) const TALL: Tile = Tile { rows: 128, columns: 64 };
/// For large products: two thirds of a tall one's traffic, and fewer reads of shared memory.
pub(crate) const LARGE: Tile = Tile { rows: 128, columns: 128 };
/// For products of few rows: a small batch through a dense layer.
pub(crate) const SKINNY: Tile = Tile { rows: 16, columns: 128 };

impl Tile {
    /// For a product of (rows, inner) and (inner, columns). A multiprocessor before 8.0 has no shared memory for two tall tiles; and where
    /// the inner dimension is short, a product is its epilogue.
    pub(crate) fn new(chip: Chip, product @ [rows, columns, inner]: [usize; 3]) -> Self {
        if chip.capability < (8, 0) || rows < TALL.rows || inner < SHORT {
            return SQUARE;
        }
        let blocks: usize = LARGE.count(product).iter().product();
        if columns >= LARGE.columns && inner >= LONG && blocks * FEWEST_LARGE >= chip.processors as usize { LARGE } else { TALL }
    }

    /// The same, where there is a kernel for few rows.
    pub(crate) fn or_skinny(chip: Chip, product: [usize; 3]) -> Self {
        if product[0] <= SKINNY.rows { SKINNY } else { Tile::new(chip, product) }
    }

    /// Tiles along the rows and the columns of a product.
    fn count(self, [rows, columns, _]: [usize; 3]) -> [usize; 2] {
        [rows.div_ceil(self.rows), columns.div_ceil(self.columns)]
    }

    /// Blocks for each multiprocessor that shares may bring a launch to: as many as it holds (docs/kernels.md), of small tiles no more than
    /// three. Tall ones take 38 KiB, of which the 100 KiB of RTX 30 to 50 hold two.
    fn per_processor(self, chip: Chip) -> usize {
        let roomy = matches!(chip.capability, (8, 0) | (9 | 10, _));
        if self == LARGE || self == TALL && !roomy { 2 } else { 3 }
    }

    /// Blocks that finish a tile: four elements a thread.
    fn slices(self) -> usize {
        self.rows * self.columns / (4 * THREADS as usize)
    }
}

/// The most blocks that a product of `rows` x `columns`, or its second half, has: each may leave a sum of squares.
fn most_blocks(rows: usize, columns: usize) -> usize {
    rows.div_ceil(LARGE.rows) * columns.div_ceil(LARGE.columns) * LARGE.slices()
}

/// Threads of a block.
const THREADS: u32 = 128;
/// Steps of the inner dimension that a block copies at once.
pub(crate) const STEP: usize = 16;
/// An inner dimension below this is short, and from this on long.
const SHORT: usize = 64;
const LONG: usize = 512;
/// Large tiles are taken where there is at least one for so many multiprocessors.
const FEWEST_LARGE: usize = 4;
/// A share is no shorter than this many steps: below, adding the shares costs more than it saves.
const SHORTEST: usize = 4;
/// Steps that the shares of a last wave must save: about 14 us on an H100 (by 383 us for two waves of 256), where adding them should cost 10.
const WORTH: usize = 20;

/// Of a pass over the weights: rows that a block takes at once, and the fewest of a share.
pub(crate) const PACE: usize = 8;
const FEWEST: usize = 2 * PACE;

/// Which tiles are in shares, as the kernels take it (`kernels/include/config.cuh`): the tiles of a product are counted along the rows first,
/// those from `whole` on are.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutConfig {
    /// Tiles along the rows.
    tiles_m: u32,
    /// Tiles that a block makes alone.
    whole: u32,
    /// Tiles in shares.
    split: u32,
    /// Shares of each of these.
    shares: u32,
    /// Inner dimension of a share, a whole number of steps.
    length: u32,
}

/// The cut of one product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) tile: Tile,
    /// Tiles along the rows and the columns of the result.
    pub(crate) tiles: [usize; 2],
    /// Tiles that a block makes alone.
    pub(crate) whole: usize,
    /// Shares of each of the others.
    pub(crate) shares: usize,
    /// Inner dimension of a share.
    pub(crate) length: usize,
}

impl Cut {
    /// Of the product of (rows, inner) and (inner, columns). In shares are all tiles where they are fewer than the multiprocessors, and of more
    /// large ones those that are left when the others have filled the card, where it is worth it: a wave that holds few of them takes as long
    /// as a full one.
    pub(crate) fn new(chip: Chip, tile: Tile, product: [usize; 3]) -> Self {
        let (tiles, processors, steps) = (tile.count(product), chip.processors as usize, product[2].div_ceil(STEP));
        let (count, places) = (tiles[0] * tiles[1], tile.per_processor(chip) * processors);
        let split = match count {
            _ if count < processors => count,
            _ if tile == LARGE => count % places,
            _ => 0,
        };
        let wanted = places.checked_div(split).map_or(1, |blocks| blocks.min(steps / SHORTEST));
        let cut = Cut::in_shares(tile, tiles, split, wanted, [steps, STEP]);
        let saved = steps - cut.length / STEP;
        if cut.whole > 0 && saved < WORTH { Cut::in_shares(tile, tiles, 0, 1, [steps, STEP]) } else { cut }
    }

    /// A pass over a matrix (rows, columns) of weights for as many samples as a skinny tile has rows (`kernels/dense_dx_dw.cu`): strips as
    /// wide as that tile, in shares of the rows that bring the launch to as many blocks as the card holds, since all move at one pace.
    pub(crate) fn one_pass(chip: Chip, [rows, columns]: [usize; 2]) -> Self {
        let strips = columns.div_ceil(SKINNY.columns);
        let places = SKINNY.per_processor(chip) * chip.processors as usize;
        let wanted = places.checked_div(strips).map_or(1, |blocks| blocks.min(rows.div_ceil(FEWEST)));
        Cut::in_shares(SKINNY, [1, strips], strips, wanted, [rows.div_ceil(PACE), PACE])
    }

    /// The last `split` tiles in about `wanted` shares, or none of them where that is one; the inner dimension is `steps` of length `step`.
    fn in_shares(tile: Tile, tiles: [usize; 2], split: usize, wanted: usize, [steps, step]: [usize; 2]) -> Self {
        let length = steps.div_ceil(wanted.max(1)).max(1);
        let (count, shares) = (tiles[0] * tiles[1], steps.div_ceil(length).max(1));
        let whole = if shares > 1 { count - split } else { count };
        Cut { tile, tiles, whole, shares, length: length * step }
    }

    /// What the kernels know of it.
    pub(crate) fn config(&self) -> CutConfig {
        let numbers = [self.tiles[0], self.whole, self.split(), self.shares, self.length];
        let [tiles_m, whole, split, shares, length] = numbers.map(|number| number as u32);
        CutConfig { tiles_m, whole, split, shares, length }
    }

    /// The product's launch.
    pub(crate) fn launch(&self) -> Launch {
        Launch::new(self.blocks(), THREADS)
    }

    /// `partials` where there are shares.
    pub(crate) fn partials<'a>(&self, partials: Out<'a, f32>) -> Option<Out<'a, f32>> {
        (self.split() > 0).then_some(partials)
    }

    /// The launch of the second kernel, where there are shares.
    pub(crate) fn finish(&self) -> Option<Launch> {
        let grid = [self.tile.slices() as u32, self.split() as u32, 1];
        (self.split() > 0).then_some(Launch { grid, block: THREADS, shared: 0 })
    }

    /// Tiles in shares.
    pub(crate) fn split(&self) -> usize {
        self.tiles[0] * self.tiles[1] - self.whole
    }

    /// Has the tile the columns of a large one?
    pub(crate) fn is_wide(&self) -> bool {
        self.tile.columns == LARGE.columns
    }

    /// Blocks of the launch.
    pub(crate) fn blocks(&self) -> usize {
        self.whole + self.split() * self.shares
    }

    /// Blocks that end a tile, or a slice of one.
    fn ends(&self) -> usize {
        self.whole + self.split() * self.tile.slices()
    }

    /// Elements of the shares' sums.
    pub(crate) fn partials_len(&self) -> usize {
        self.split() * self.shares * self.tile.rows * self.tile.columns
    }
}

/// Elements that the shares' sums of products of (rows, columns, inner) take at most; no less than for a smaller batch, however that is cut.
pub(crate) fn partials_len(chip: Chip, products: &[[usize; 3]]) -> usize {
    // No other tile's shares are more.
    let most = chip.processors as usize * LARGE.per_processor(chip) * LARGE.rows * LARGE.columns;
    let all = products.iter().map(|&[rows, columns, inner]| {
        let shares = inner.div_ceil(STEP) / SHORTEST;
        shares * rows.next_multiple_of(LARGE.rows) * columns.next_multiple_of(LARGE.columns)
    });
    all.max().unwrap_or(0).min(most)
}

/// Do 32 bits count the elements of a matrix (rows, columns), and the rows and columns of its last tiles that are past the end?
pub(crate) fn fits(rows: usize, columns: usize) -> bool {
    (rows + LARGE.rows).saturating_mul(columns + LARGE.columns) < 1 << 32
}

/// Where a layer's scratch stands in its workspace, each part on 256 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scratch {
    partials: usize,
    squares: usize,
    sums: usize,
    dz: usize,
    /// Elements of all of it together.
    pub(crate) len: usize,
}

/// The same in a workspace.
pub(crate) struct Places<'a> {
    /// Shares' sums.
    pub(crate) partials: Out<'a, f32>,
    /// Sums of squares of a weight's, or a bias's, blocks.
    pub(crate) squares: Out<'a, f64>,
    /// Chunks of a bias's gradient.
    pub(crate) sums: Out<'a, f32>,
    /// The gradient before ReLU, pool and dropout.
    pub(crate) dz: Out<'a, f32>,
}

impl Scratch {
    /// For so many elements of shares' sums, a weight (rows, columns) with a bias a row, and as many elements of dz.
    pub(crate) fn new(partials: usize, [rows, columns]: [usize; 2], dz: usize) -> Self {
        let mut len = 0;
        // A square is an f64: two elements.
        let [partials, squares, sums, dz] = [partials, 2 * most_blocks(rows, columns), CHUNKS * rows, dz].map(|part| {
            let start = len;
            len += part.next_multiple_of(64);
            start
        });
        Scratch { partials, squares, sums, dz, len }
    }

    /// Its places in `workspace`, which has at least `len` elements.
    pub(crate) fn places<'a>(&self, workspace: &'a mut CudaBuffer<f32>) -> Places<'a> {
        let start = workspace.at_mut(0);
        let [partials, sums, dz] = [self.partials, self.sums, self.dz].map(|place| start.offset(place));
        Places { partials, squares: start.offset(self.squares).cast(), sums, dz }
    }
}

kernels! {
    /// Adds the shares of an input's gradient (rows, columns).
    fn dx_finish(dx: Out<f32>, partials: In<f32>, rows: u32, columns: u32, cut: CutConfig);
    /// The same in wide tiles.
    fn dx_wide_finish(dx: Out<f32>, partials: In<f32>, rows: u32, columns: u32, cut: CutConfig);
    /// Adds the shares of a weight's gradient (rows, columns) and uses it.
    fn dw_finish(destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: In<f32>, rate: Option<In<f64>>, update: super::adam::Update, rows: u32, columns: u32, cut: CutConfig);
    /// The same in wide tiles.
    fn dw_wide_finish(destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: In<f32>, rate: Option<In<f64>>, update: super::adam::Update, rows: u32, columns: u32, cut: CutConfig);
}

impl Cut {
    /// The second half of an input's gradient (rows, columns), where there is one.
    pub(crate) fn finish_dx(&self, device: &Cuda, dx: Out<'_, f32>, partials: In<'_, f32>, rows: usize, columns: usize) -> Result<()> {
        let Some(launch) = self.finish() else { return Ok(()) };
        let kernel = if self.is_wide() { dx_wide_finish } else { dx_finish };
        kernel(device, launch, dx, partials, rows as u32, columns as u32, self.config())
    }

    /// The second half of a weight's gradient (rows, columns), where there is one, and its penalty.
    pub(crate) fn finish_dw(
        &self,
        device: &Cuda,
        sink: &Sink<'_>,
        squares: Out<'_, f64>,
        partials: In<'_, f32>,
        rows: usize,
        columns: usize,
    ) -> Result<()> {
        let Sink { destination, first, second, rate, update, .. } = *sink;
        if let Some(launch) = self.finish() {
            let (rows, columns, squares) = (rows as u32, columns as u32, sink.squares(squares));
            let kernel = if self.is_wide() { dw_wide_finish } else { dw_finish };
            kernel(device, launch, destination, first, second, squares, partials, rate, update, rows, columns, self.config())?;
        }
        sink.add_penalty(device, squares.read(), self.ends())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cut's shares cover the inner dimension, and nothing but the last is short.
    fn covers(cut: Cut, inner: usize, step: usize) {
        let Cut { shares, length, .. } = cut;
        assert!(shares * length >= inner && (shares - 1) * length < inner && length.is_multiple_of(step), "{cut:?}");
        assert!((cut.split() == 0) == (shares == 1), "{cut:?}");
    }

    #[test]
    fn shares_cover_the_inner_dimension_and_fit_the_scratch() {
        for processors in [1, 4, 20, 68, 132] {
            for (rows, columns, inner) in
                [(1, 1, 1), (10, 2048, 4096), (640, 512, 2304), (160, 512, 9216), (256, 18, 2560), (4608, 1024, 160), (1024, 4608, 4096)]
            {
                for tile in [SQUARE, TALL, LARGE, SKINNY] {
                    let chip = Chip { processors, capability: (9, 0) };
                    let cut = Cut::new(chip, tile, [rows, columns, inner]);
                    covers(cut, inner, STEP);
                    // Also in the scratch of a larger batch, whether that stands along the rows or inside.
                    for product in [[rows, columns, inner], [3 * rows, columns, inner], [rows, columns, 3 * inner]] {
                        assert!(cut.partials_len() <= partials_len(chip, &[product]), "{cut:?}");
                    }
                    assert!(tile == SKINNY || cut.ends() <= most_blocks(rows, columns), "{cut:?}");
                }
            }
        }
    }

    #[test]
    fn a_pass_over_the_weights_covers_them_and_fills_the_card() {
        for processors in [1, 20, 68, 132] {
            for [rows, columns] in [[1, 1], [9, 11], [12, 2052], [256, 2048], [2048, 4096], [10_000, 3]] {
                let cut = Cut::one_pass(Chip { processors, capability: (9, 0) }, [rows, columns]);
                covers(cut, rows, PACE);
                assert!(cut.blocks() <= most_blocks(rows, columns), "{cut:?}");
            }
        }
        // fc1 and fc2 of a D2L: a block less than the card holds, and no share of fewer rows than are worth a block.
        let blocks = |weight| Cut::one_pass(Chip { processors: 132, capability: (9, 0) }, weight).blocks();
        assert_eq!((blocks([2048, 4096]), blocks([256, 2048])), (384, 256));
    }

    /// conv3's weight gradient at batch 256: 288 tiles of 256 steps.
    #[test]
    fn the_last_wave_is_cut() {
        for (processors, whole, blocks, length) in
            [(132, 264, 264 + 24 * 11, 24 * STEP), (108, 216, 216 + 72 * 3, 86 * STEP), (142, 284, 284 + 4 * 64, 4 * STEP)]
        {
            let cut = Cut::new(Chip { processors, capability: (9, 0) }, LARGE, [1024, 4608, 4096]);
            assert_eq!((cut.whole, cut.blocks(), cut.length), (whole, blocks, length), "{processors}");
        }
        // Nothing to gain: the last wave holds 184 of 256; two shares of 32 steps save 16.
        for (processors, product, tiles) in [(128, [5632, 1280, 4096], 440), (132, [5888, 1024, 512], 368)] {
            let cut = Cut::new(Chip { processors, capability: (8, 9) }, LARGE, product);
            assert_eq!((cut.whole, cut.blocks()), (tiles, tiles), "{product:?}");
        }
    }

    #[test]
    fn a_small_product_fills_the_card_and_a_large_one_is_not_cut() {
        let chip = Chip { processors: 132, capability: (9, 0) };
        let blocks = |rows, columns, inner| {
            let product = [rows, columns, inner];
            let cut = Cut::new(chip, Tile::or_skinny(chip, product), product);
            (cut.tile, cut.blocks())
        };
        // fc1 and conv3 of a D2L at batch 10, forward, and their weights' gradients.
        assert_eq!(blocks(10, 2048, 4096), (SKINNY, 384));
        assert_eq!(blocks(160, 1024, 4608), (TALL, 384));
        assert_eq!(blocks(2048, 4096, 10), (SQUARE, 2048));
        assert_eq!(blocks(1024, 4608, 160), (TALL, 576));
        // conv3 at batch 256, forward.
        assert_eq!(blocks(4096, 1024, 4608), (LARGE, 256));
        // The same of an RTX 4090, whose multiprocessors hold two tall tiles.
        let rtx = Chip { processors: 128, capability: (8, 9) };
        assert_eq!(Cut::new(rtx, TALL, [160, 1024, 4608]).blocks(), 256);
        // An RTX 20.
        assert_eq!(Tile::new(Chip { processors: 68, capability: (7, 5) }, [1024, 4608, 160]), SQUARE);
    }
}
