//! What a D2L's training step should take at best on cards that are not at hand: the launches that the step makes, as
//! [`crate::ops`] cuts them, under four roofs. A prediction, not a measurement; docs/kernels.md has the table and its assumptions.
//!
//! ```text
//! t(launch) = GAP + max(memory bytes / bandwidth, L2 bytes / L2 bandwidth, busiest multiprocessor's cycles / clock)
//! cycles    = (ceil(whole tiles / P) steps of a tile + ceil(shares / P) steps of a share)      on P multiprocessors
//!             x max(issue, multiply, shared memory)                                            of one step of k
//! ```
//! Memory bytes are what misses an L2 of the card's size that forgets what was used longest ago; L2 bytes are what the blocks ask for: each
//! tile reads its rows and columns for itself. Latency is taken to be hidden, and launches to follow each other on one stream.

use crate::device::cuda::{Chip, Precision};
use crate::nn::{Architecture, Layer, conv_config, dense_config};
use crate::ops::adam::bias_launch;
use crate::ops::tiles::{Cut, LARGE, PACE, SKINNY, STEP, TALL, Tile};
use std::collections::{BTreeMap, HashMap};

/// A card by its data sheet.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// Multiprocessors.
    pub processors: u32,
    /// Compute capability.
    pub capability: (u32, u32),
    /// Cycles a second.
    pub clock: f64,
    /// Bytes of memory a second.
    pub bandwidth: f64,
    /// Bytes of its L2.
    pub l2: f64,
    /// Bytes of L2 a second: published microbenchmarks, an estimate.
    pub l2_bandwidth: f64,
    /// Square, tall and large blocks of a product that a multiprocessor holds (occupancy in docs/kernels.md).
    pub resident: [usize; 3],
    /// Instructions of a warp for the rows of weights that it takes at once (`kernels/dense_dx_dw.cu`, counted likewise).
    pub one_pass: u32,
    /// Of each precision.
    pub rates: &'static [(Precision, Rate)],
}

/// What a multiprocessor does of a product.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Flop in a cycle, sums in f32.
    pub flop: f64,
    /// Instructions of a warp in one step of k, on the path of 16-byte copies (`scripts/sass-report.py`): square tiles, by `Pass`.
    pub square: [u32; 6],
    /// The same of tall tiles and of large ones; `None` where none is used.
    pub tall_and_large: Option<[[u32; 6]; 2]>,
    /// The same of skinny ones: the dense layer's forward pass and input gradient.
    pub skinny: [u32; 2],
}

impl Rate {
    const fn new(flop: f64, square: [u32; 6], tall_and_large: Option<[[u32; 6]; 2]>, skinny: [u32; 2]) -> Self {
        Rate { flop, square, tall_and_large, skinny }
    }

    fn issue(&self, pass: Pass, tile: Tile) -> u32 {
        match (tile, pass) {
            (SKINNY, Pass::DenseForward) => self.skinny[0],
            (SKINNY, _) => self.skinny[1],
            (TALL, _) => self.tall_and_large.map_or(self.square, |[tall, _]| tall)[pass as usize],
            (LARGE, _) => self.tall_and_large.map_or(self.square, |[_, large]| large)[pass as usize],
            _ => self.square[pass as usize],
        }
    }
}

/// The cards of the predictions. Hopper's tensor cores are reached by `mma.sync`, at 62 % of their peak (published for such kernels, and measured
/// on the H200).
pub const CARDS: [Card; 4] = [
    Card {
        name: "RTX 2080 Ti",
        processors: 68,
        capability: (7, 5),
        clock: 1.545e9,
        bandwidth: 616e9,
        l2: 5.5e6,
        l2_bandwidth: 2.0e12,
        resident: [2, 1, 1],
        one_pass: 635,
        rates: &[
            (Precision::F32, Rate::new(128.0, [741, 806, 852, 723, 786, 823], None, [429, 501])),
            (Precision::F16, Rate::new(512.0, [301, 332, 367, 284, 310, 340], None, [229, 258])),
        ],
    },
    Card {
        name: "RTX 4090",
        processors: 128,
        capability: (8, 9),
        clock: 2.52e9,
        bandwidth: 1008e9,
        l2: 72e6,
        l2_bandwidth: 5.0e12,
        resident: [4, 2, 2],
        one_pass: 621,
        rates: &[
            (
                Precision::F32,
                Rate::new(
                    256.0,
                    [742, 810, 842, 733, 795, 810],
                    Some([[1362, 1430, 1522, 1369, 1426, 1496], [2921, 3021, 2715, 2927, 2993, 2662]]),
                    [439, 503],
                ),
            ),
            (
                Precision::Tf32,
                Rate::new(
                    256.0,
                    [145, 172, 197, 136, 155, 158],
                    Some([[200, 225, 282, 195, 215, 228], [288, 337, 391, 282, 322, 315]]),
                    [125, 139],
                ),
            ),
            (
                Precision::Bf16,
                Rate::new(
                    512.0,
                    [121, 148, 173, 112, 131, 134],
                    Some([[160, 185, 242, 155, 175, 188], [224, 273, 327, 218, 258, 251]]),
                    [109, 122],
                ),
            ),
        ],
    },
    Card { name: "H100 SXM", bandwidth: 3350e9, ..H200 },
    H200,
];

const H200: Card = Card {
    name: "H200",
    processors: 132,
    capability: (9, 0),
    clock: 1.83e9,
    bandwidth: 4800e9,
    l2: 50e6,
    l2_bandwidth: 5.5e12,
    resident: [4, 3, 2],
    one_pass: 620,
    rates: &[
        (
            Precision::F32,
            Rate::new(
                256.0,
                [784, 864, 898, 775, 849, 864],
                Some([[1436, 1516, 1619, 1441, 1510, 1591], [3068, 3178, 2877, 3070, 3151, 2822]]),
                [467, 544],
            ),
        ),
        (
            Precision::Tf32,
            Rate::new(
                0.62 * 2048.0,
                [147, 178, 209, 142, 165, 165],
                Some([[204, 229, 300, 196, 219, 241], [284, 337, 413, 279, 326, 330]]),
                [130, 146],
            ),
        ),
        (
            Precision::Bf16,
            Rate::new(
                0.62 * 4096.0,
                [123, 154, 185, 117, 139, 141],
                Some([[160, 185, 255, 154, 177, 201], [220, 273, 345, 215, 262, 264]]),
                [114, 130],
            ),
        ),
    ],
};

/// Seconds from the end of a kernel of a graph to the work of the next, an estimate.
pub const GAP: f64 = 1.5e-6;
/// Bytes that a multiprocessor's shared memory passes in a cycle.
const SHARED: f64 = 128.0;
/// Bytes of an f32.
const REAL: f64 = 4.0;

/// What a product is made for.
#[derive(Debug, Clone, Copy)]
enum Pass {
    ConvForward,
    ConvDx,
    ConvDw,
    DenseForward,
    DenseDx,
    DenseDw,
}

/// One launch of a step.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The layer and the kernel.
    pub name: String,
    /// Blocks.
    pub blocks: usize,
    /// Flop that the operation needs, taps in the image alone.
    pub useful: f64,
    /// Flop that the blocks do: zero padding and the rims of the tiles included.
    pub flop: f64,
    /// Bytes that leave or reach memory.
    pub memory: f64,
    /// Bytes that the blocks ask of L2.
    pub l2: f64,
    /// Cycles of the busiest multiprocessor.
    pub cycles: f64,
    /// The arrays that it reads and writes.
    touches: Vec<Touch>,
}

/// An array that a launch goes through `passes` times.
#[derive(Debug, Clone)]
struct Touch {
    array: String,
    bytes: f64,
    reads: bool,
    writes: bool,
    passes: usize,
}

impl Launch {
    fn new(name: String, blocks: usize) -> Self {
        Launch { name, blocks, useful: 0.0, flop: 0.0, memory: 0.0, l2: 0.0, cycles: 0.0, touches: Vec::new() }
    }

    fn touch(mut self, array: String, numbers: usize, reads: bool, writes: bool) -> Self {
        let bytes = REAL * numbers as f64;
        self.l2 += bytes * (f64::from(reads) + f64::from(writes));
        self.touches.push(Touch { array, bytes, reads, writes, passes: 1 });
        self
    }

    fn reads(self, array: impl Into<String>, numbers: usize) -> Self {
        self.touch(array.into(), numbers, true, false)
    }

    fn writes(self, array: impl Into<String>, numbers: usize) -> Self {
        self.touch(array.into(), numbers, false, true)
    }

    /// Adam's: the parameters and both moments, read and written.
    fn adam(self, tensor: &str, numbers: usize) -> Self {
        ["", ".first", ".second"].iter().fold(self, |launch, array| launch.touch(format!("{tensor}{array}"), numbers, true, true))
    }

    /// Seconds under the roofs of memory, L2 and the multiprocessors.
    pub fn times(&self, card: &Card) -> [f64; 3] {
        [self.memory / card.bandwidth, self.l2 / card.l2_bandwidth, self.cycles / card.clock]
    }

    /// Seconds at best, the gap before it included.
    pub fn seconds(&self, card: &Card) -> f64 {
        GAP + self.times(card).into_iter().fold(0.0, f64::max)
    }
}

/// A product: how it is cut, its inner dimension, the flop that it needs, and the arrays (name, numbers) of its rows and its columns.
struct Product {
    pass: Pass,
    cut: Cut,
    inner: usize,
    useful: f64,
    rows: (String, usize),
    columns: (String, usize),
}

/// The launches of a step, in order.
struct Step<'a> {
    card: &'a Card,
    precision: Precision,
    rate: Rate,
    launches: Vec<Launch>,
}

impl Step<'_> {
    /// Both gradients of a dense layer's weight `of` in one pass: of `batch` samples from `x`.
    fn one_pass(&mut self, name: String, cut: Cut, batch: usize, useful: f64, weight: (String, usize), x: (String, usize)) {
        let (inputs, outputs) = (x.1 / batch, weight.1 * batch / x.1);
        let (rows, columns, blocks) = (cut.length, SKINNY.columns, cut.blocks());
        let mut launch = Launch::new(name.clone(), blocks).reads(x.0, x.1).reads("dz", batch * outputs).adam(&weight.0, weight.1);
        // Each share reads x for itself, and each strip dz.
        launch.l2 += REAL * ((cut.shares - 1) * x.1 + (cut.tiles[1] - 1) * batch * outputs) as f64;
        launch.useful = useful;
        launch.flop = 4.0 * (outputs * cut.tiles[1] * columns * SKINNY.rows) as f64;
        // Four warps, one to a scheduler; the FP32 cores' roof is below what they issue.
        launch.cycles = (blocks.div_ceil(self.card.processors as usize) * rows.div_ceil(PACE)) as f64 * f64::from(self.card.one_pass);
        let Some(finish) = cut.finish() else { return self.launches.push(launch.writes("gradient", batch * inputs)) };
        self.launches.push(launch.writes("partials", cut.partials_len()));
        let slices = finish.grid.iter().product::<u32>() as usize;
        let finish = Launch::new(format!("{name}, shares added"), slices).reads("partials", cut.partials_len());
        self.launches.push(finish.writes("gradient", batch * inputs));
    }

    /// A product; `end` is what its epilogue touches, in the second kernel where all tiles are in shares.
    fn product(&mut self, name: String, product: Product, end: impl Fn(Launch) -> Launch) {
        let Product { pass, cut, inner, useful, .. } = product;
        let processors = self.card.processors as usize;
        let (rows, columns, tiles, steps) = (cut.tile.rows, cut.tile.columns, cut.tiles[0] * cut.tiles[1], inner.div_ceil(STEP));
        let all_steps = (tiles * steps) as f64;
        let mut launch = Launch::new(name.clone(), cut.blocks());
        launch = launch.reads(product.rows.0, product.rows.1).reads(product.columns.0, product.columns.1);
        let resident = self.card.resident[[TALL, LARGE].iter().position(|tile| *tile == cut.tile).map_or(0, |at| at + 1)];
        // Tiles along the rows run first: those in flight share their columns, and meet the rows again with the next columns.
        launch.touches[0].passes = tiles.div_ceil(processors * resident).clamp(1, cut.tiles[1]);
        launch.useful = useful;
        launch.flop = all_steps * (2 * rows * columns * STEP) as f64;
        launch.l2 = all_steps * REAL * ((rows + columns) * STEP) as f64;

        // What the four warps read of a step's rows and columns (gemm.cuh), which were written once.
        let read = match (self.precision, cut.tile == SKINNY) {
            (Precision::F32, _) => rows + 4 * columns,
            (_, true) => 4 * rows + columns,
            (_, false) => 2 * rows + 2 * columns,
        };
        let shared = REAL * (STEP * (read + rows + columns)) as f64 / SHARED;
        let multiply = (2 * rows * columns * STEP) as f64 / self.rate.flop;
        let step_cycles = f64::from(self.rate.issue(pass, cut.tile)).max(multiply).max(shared);
        let busiest = cut.whole.div_ceil(processors) * steps + (cut.split() * cut.shares).div_ceil(processors) * cut.length / STEP;
        launch.cycles = busiest as f64 * step_cycles;

        let Some(finish) = cut.finish() else { return self.launches.push(end(launch)) };
        let launch = launch.writes("partials", cut.partials_len());
        let slices = finish.grid.iter().product::<u32>() as usize;
        let finish = Launch::new(format!("{name}, shares added"), slices).reads("partials", cut.partials_len());
        // The one that ends most of the tiles is taken to end all.
        let launches = if cut.whole > 0 { [end(launch), finish] } else { [launch, end(finish)] };
        self.launches.extend(launches);
    }
}

/// The launches of one training step of a D2L without a regulariser, in order; `None` where the card lacks the precision.
pub fn step(card: &Card, architecture: &Architecture, batch: usize, precision: Precision) -> Option<Vec<Launch>> {
    let &(_, rate) = card.rates.iter().find(|(of, _)| *of == precision)?;
    let mut step = Step { card, precision, rate, launches: Vec::new() };
    let (layers, chip) = (architecture.layers(), Chip { processors: card.processors, capability: card.capability });
    let (input, modes) = (batch * architecture.input().len(), batch * architecture.sites());
    let name = |layer: usize| match layer.checked_sub(architecture.filters.len()) {
        None => format!("conv{}", layer + 1),
        Some(dense) => format!("fc{}", dense + 1),
    };
    let output = |layer: usize| batch * layers[layer].output().len();
    let x = |layer: usize| layer.checked_sub(1).map_or(("input".into(), input), |before| (format!("{}.y", name(before)), output(before)));
    let weight = |layer: usize| (format!("{}.weight", name(layer)), layers[layer].weight_shape().iter().product::<usize>());
    let last = layers.len() - 1;

    step.launches.push(Launch::new("adam_advance".into(), 1));
    step.launches.push(Launch::new("gather, input".into(), batch).reads("data", input).writes("input", input));
    step.launches.push(Launch::new("gather, target".into(), batch).reads("areas", modes).writes("target", modes));
    for (index, layer) in layers.iter().enumerate() {
        let (pass, cut, inner, useful) = match *layer {
            Layer::Conv3x3 { .. } => {
                let config = conv_config(*layer, batch);
                (Pass::ConvForward, config.forward_cut(chip), config.taps(), useful(*layer, batch))
            }
            Layer::Dense { .. } => {
                let config = dense_config(*layer, batch, 1.0, 0);
                (Pass::DenseForward, config.forward_cut(chip), config.inputs, useful(*layer, batch))
            }
        };
        let product = Product { pass, cut, inner, useful, rows: x(index), columns: weight(index) };
        step.product(format!("{} forward", name(index)), product, |launch| launch.writes(format!("{}.y", name(index)), output(index)));
    }
    step.launches.push(Launch::new("mape".into(), batch).reads(x(last + 1).0, modes).reads("target", modes).writes("gradient", modes));
    for (index, layer) in layers.iter().enumerate().rev() {
        let (of, y) = (name(index), output(index));
        let (pixels, filters, dx, dw, one_pass) = match *layer {
            Layer::Conv3x3 { filters, .. } => {
                let config = conv_config(*layer, batch);
                let dx = (Pass::ConvDx, config.dx_cut(chip), 9 * filters);
                (config.pixels(), filters, dx, (Pass::ConvDw, config.dw_cut(chip), config.pixels()), None)
            }
            Layer::Dense { output, .. } => {
                let config = dense_config(*layer, batch, 1.0, 0);
                let dx = (Pass::DenseDx, config.dx_cut(chip), config.outputs);
                (batch, output.len(), dx, (Pass::DenseDw, config.dw_cut(chip), batch), config.one_pass(chip))
            }
        };
        let (launch, chunks, _) = bias_launch(y / filters, filters);
        let undo = Launch::new(format!("{of} undo"), (launch.grid[0] * launch.grid[1]) as usize);
        let dz = pixels * filters;
        step.launches.push(undo.reads(format!("{of}.y"), y).reads("gradient", y).writes("dz", dz).writes("sums", chunks * filters));
        let product = |(pass, cut, inner): (Pass, Cut, usize), columns: (String, usize)| Product {
            pass,
            cut,
            inner,
            useful: useful(*layer, batch),
            rows: ("dz".into(), dz),
            columns,
        };
        if let Some(cut) = one_pass {
            step.one_pass(format!("{of} dx + dw + Adam"), cut, batch, 2.0 * useful(*layer, batch), weight(index), x(index));
        } else {
            if index > 0 {
                step.product(format!("{of} dx"), product(dx, weight(index)), |launch| launch.writes("gradient", x(index).1));
            }
            let (tensor, numbers) = weight(index);
            step.product(format!("{of} dw + Adam"), product(dw, x(index)), |launch| launch.adam(&tensor, numbers));
        }
        let bias = Launch::new(format!("{of} bias + Adam"), filters.div_ceil(256));
        step.launches.push(bias.reads("sums", chunks * filters).adam(&format!("{of}.bias"), filters));
    }
    step.launches.push(Launch::new("record_cost".into(), 1));
    let mut launches = step.launches;
    count_memory(&mut launches, card.l2);
    Some(launches)
}

/// Flop of a layer's product in one direction, taps outside the image left out.
fn useful(layer: Layer, batch: usize) -> f64 {
    let weights: usize = layer.weight_shape().iter().product();
    let taps = match layer {
        // Of the 3 taps along a side, 2 at either end.
        Layer::Conv3x3 { input, .. } => ((3 * input.height - 2) * (3 * input.width - 2)) as f64 / 9.0,
        Layer::Dense { .. } => 1.0,
    };
    2.0 * (batch * weights) as f64 * taps
}

/// Pieces of an array that L2 keeps or forgets as wholes.
const PIECES: usize = 64;

/// A piece of an array.
type Piece = (String, usize);

/// A piece in L2.
struct Held {
    piece: Piece,
    bytes: f64,
    /// The launch that wrote it, while memory does not have it.
    writer: Option<usize>,
}

/// What L2 holds, by the time of the last use.
#[derive(Default)]
struct L2 {
    times: HashMap<Piece, u64>,
    held: BTreeMap<u64, Held>,
    bytes: f64,
    now: u64,
}

/// Fills in the bytes that each launch moves to and from memory when step follows step.
fn count_memory(launches: &mut [Launch], capacity: f64) {
    let mut l2 = L2::default();
    // The rounds before the last are there to fill L2.
    for _ in 0..3 {
        launches.iter_mut().for_each(|launch| launch.memory = 0.0);
        for index in 0..launches.len() {
            let touches = launches[index].touches.clone();
            let passes = touches.iter().map(|touch| touch.passes).max().unwrap_or(1);
            for tick in 0..passes * PIECES {
                for touch in &touches {
                    let piece = if touch.passes == passes { tick % PIECES } else { tick / passes };
                    l2.touch(touch, piece, index, capacity, launches);
                }
            }
        }
    }
}

impl L2 {
    fn touch(&mut self, touch: &Touch, piece: usize, index: usize, capacity: f64, launches: &mut [Launch]) {
        let (key, bytes) = ((touch.array.clone(), piece), touch.bytes / PIECES as f64);
        self.now += 1;
        let before = self.times.insert(key.clone(), self.now).and_then(|time| self.held.remove(&time));
        let mut writer = None;
        match before {
            Some(held) => {
                self.bytes -= held.bytes;
                writer = held.writer;
            }
            None if touch.reads => launches[index].memory += bytes,
            None => {}
        }
        if touch.writes {
            writer = Some(index);
        }
        self.held.insert(self.now, Held { piece: key, bytes, writer });
        self.bytes += bytes;
        while self.bytes > capacity {
            let Some((_, out)) = self.held.pop_first() else { break };
            self.times.remove(&out.piece);
            self.bytes -= out.bytes;
            if let Some(writer) = out.writer {
                launches[writer].memory += out.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Kind, Pool};

    fn paper() -> Architecture {
        Architecture { kind: Kind::D2l, size: 16, filters: vec![256, 512, 1024], pool: Pool::Each, hidden: 2048 }
    }

    fn total(launches: &[Launch], of: impl Fn(&Launch) -> f64) -> f64 {
        launches.iter().map(of).sum()
    }

    #[test]
    fn a_step_does_the_papers_work_and_no_less_than_its_bytes() {
        let parameters = REAL * paper().parameter_count() as f64;
        for card in CARDS {
            for batch in [10, 64, 256] {
                let launches = step(&card, &paper(), batch, Precision::F32).unwrap();
                // 9.64 GFLOP at batch 10, of which taps in the padding are a part.
                let (useful, done) = (total(&launches, |l| l.useful), total(&launches, |l| l.flop));
                let counted = 0.964e9 * batch as f64;
                assert!(0.75 * counted < useful && useful < counted && counted < done, "{useful:e} {done:e}");
                // Adam alone reads and writes three numbers a parameter, and L2 keeps less than its size of them from step to step.
                let memory = total(&launches, |l| l.memory);
                assert!(memory > 6.0 * parameters - 2.0 * card.l2, "{}: {memory:e}", card.name);
                let seconds = total(&launches, |l| l.seconds(&card));
                assert!(seconds > memory / card.bandwidth && seconds > GAP * launches.len() as f64);
            }
        }
    }

    #[test]
    fn l2_counts_what_does_not_fit() {
        let launch = |bytes: usize, passes| {
            let mut launch = Launch::new("a".into(), 1).reads("read", bytes / 4).touch("changed".into(), bytes / 4, true, true);
            launch.touches[0].passes = passes;
            vec![launch]
        };
        for (bytes, passes, capacity, expected) in [
            // Both stay from step to step.
            (4096, 1, 1e6, 0.0),
            // Neither does: one is read, the other read and written.
            (4096, 1, 64.0, 3.0 * 4096.0),
            // Five times through an array that does not fit.
            (4096, 5, 2048.0, 7.0 * 4096.0),
        ] {
            let mut launches = launch(bytes, passes);
            count_memory(&mut launches, capacity);
            assert_eq!(launches[0].memory, expected, "{passes} passes, {capacity} bytes of L2");
        }
    }
}
