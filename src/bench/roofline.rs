//! What a D2L's training step should take at best on cards that are not at hand: the launches that the step makes, as
//! [`crate::ops`] cuts them, under four roofs. A prediction, not a measurement; docs/kernels.md has the table and its assumptions.
//!
//! ```text
//! t(launch) = GAP + max(memory bytes / bandwidth, L2 bytes / L2 bandwidth, busiest multiprocessor's cycles / clock)
//! cycles    = ceil(blocks / multiprocessors) steps of a block x max(issue, multiply, shared memory)       of one step of k
//! ```
//! Memory bytes are what misses an L2 of the card's size that forgets what was used longest ago; L2 bytes are what the blocks ask for: each
//! tile reads its rows and columns for itself. Latency is taken to be hidden.

use crate::device::cuda::Precision;
use crate::nn::{Architecture, Layer, conv_config, dense_config};
use crate::ops::adam::bias_launch;
use crate::ops::tiles::{Chip, Cut, STEP};
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
    /// Blocks of a product that a multiprocessor holds (occupancy in docs/kernels.md).
    pub resident: usize,
    /// For each precision: flop of a multiprocessor in a cycle, sums in f32; instructions of a warp in one step of k of the kernels
    /// in the order of `Kernel`, on the path of 16-byte copies (`scripts/sass-report.py`).
    pub rates: &'static [(Precision, f64, [u32; 8])],
}

/// The cards of the predictions. The H100's tensor cores are reached by `mma.sync`, at 62 % of their peak (published for such kernels).
pub const CARDS: [Card; 3] = [
    Card {
        name: "RTX 2080 Ti",
        processors: 68,
        capability: (7, 5),
        clock: 1.545e9,
        bandwidth: 616e9,
        l2: 5.5e6,
        l2_bandwidth: 2.0e12,
        resident: 2,
        rates: &[
            (Precision::F32, 128.0, [822, 924, 951, 765, 838, 858, 525, 581]),
            (Precision::F16, 512.0, [378, 464, 448, 307, 369, 371, 291, 322]),
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
        resident: 4,
        rates: &[
            (Precision::F32, 256.0, [823, 906, 935, 776, 839, 866, 532, 566]),
            (Precision::Tf32, 256.0, [316, 350, 298, 263, 284, 231, 223, 235]),
            (Precision::Bf16, 512.0, [196, 239, 241, 144, 172, 174, 155, 179]),
        ],
    },
    Card {
        name: "H100 SXM",
        processors: 132,
        capability: (9, 0),
        clock: 1.83e9,
        bandwidth: 3350e9,
        l2: 50e6,
        l2_bandwidth: 5.5e12,
        resident: 4,
        rates: &[
            (Precision::F32, 256.0, [873, 970, 993, 823, 899, 924, 569, 613]),
            (Precision::Tf32, 0.62 * 2048.0, [318, 354, 305, 265, 289, 244, 237, 262]),
            (Precision::Bf16, 0.62 * 4096.0, [207, 250, 251, 155, 184, 187, 168, 195]),
        ],
    },
];

/// Seconds from the end of a kernel of a graph to the work of the next, an estimate.
pub const GAP: f64 = 1.5e-6;
/// Bytes that a multiprocessor's shared memory passes in a cycle.
const SHARED: f64 = 128.0;
/// Bytes of an f32.
const REAL: f64 = 4.0;

/// A product's kernel.
#[derive(Debug, Clone, Copy)]
enum Kernel {
    ConvForward,
    ConvDx,
    ConvDw,
    DenseForward,
    DenseDx,
    DenseDw,
    SkinnyForward,
    SkinnyDx,
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
    kernel: Kernel,
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
    rate: f64,
    issue: [u32; 8],
    launches: Vec<Launch>,
}

impl Step<'_> {
    /// A product; `end` is what its epilogue touches, in the second kernel where there are shares.
    fn product(&mut self, name: String, product: Product, end: impl Fn(Launch) -> Launch) {
        let Product { kernel, cut, inner, useful, .. } = product;
        let (processors, shares) = (self.card.processors as usize, cut.shares() as usize);
        let (rows, columns, tiles) = (cut.tile.rows, cut.tile.columns, cut.tiles[0] * cut.tiles[1]);
        let (blocks, steps) = (tiles * shares, (cut.length as usize).min(inner).div_ceil(STEP));
        let all_steps = (tiles * inner.div_ceil(STEP)) as f64;
        let mut launch = Launch::new(name.clone(), blocks);
        launch = launch.reads(product.rows.0, product.rows.1).reads(product.columns.0, product.columns.1);
        // Tiles along the rows run first: those in flight share their columns, and meet the rows again with the next columns.
        launch.touches[0].passes = tiles.div_ceil(processors * self.card.resident).clamp(1, cut.tiles[1]);
        launch.useful = useful;
        launch.flop = all_steps * (2 * rows * columns * STEP) as f64;
        launch.l2 = all_steps * REAL * ((rows + columns) * STEP) as f64;

        // What the four warps read of a step's rows and columns (gemm.cuh), which were written once.
        let read = match (self.precision, cut.is_skinny()) {
            (Precision::F32, _) => rows + 4 * columns,
            (_, true) => 4 * rows + columns,
            (_, false) => 2 * rows + 2 * columns,
        };
        let shared = REAL * (STEP * (read + rows + columns)) as f64 / SHARED;
        let multiply = (2 * rows * columns * STEP) as f64 / self.rate;
        let step = f64::from(self.issue[kernel as usize]).max(multiply).max(shared);
        launch.cycles = (blocks.div_ceil(processors) * steps) as f64 * step;

        let Some(finish) = cut.finish() else { return self.launches.push(end(launch)) };
        let sums = blocks * rows * columns;
        self.launches.push(launch.writes("partials", sums));
        let slices = finish.grid.iter().product::<u32>() as usize;
        self.launches.push(end(Launch::new(format!("{name}, shares added"), slices).reads("partials", sums)));
    }
}

/// The launches of one training step of a D2L without a regulariser, in order; `None` where the card lacks the precision.
pub fn step(card: &Card, architecture: &Architecture, batch: usize, precision: Precision) -> Option<Vec<Launch>> {
    let &(_, rate, issue) = card.rates.iter().find(|(of, ..)| *of == precision)?;
    let mut step = Step { card, precision, rate, issue, launches: Vec::new() };
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
        let (kernel, cut, inner, useful) = match *layer {
            Layer::Conv3x3 { .. } => {
                let config = conv_config(*layer, batch);
                (Kernel::ConvForward, config.forward_cut(chip), config.taps(), useful(*layer, batch))
            }
            Layer::Dense { .. } => {
                let config = dense_config(*layer, batch, 1.0, 0);
                let cut = config.forward_cut(chip);
                (if cut.is_skinny() { Kernel::SkinnyForward } else { Kernel::DenseForward }, cut, config.inputs, useful(*layer, batch))
            }
        };
        let product = Product { kernel, cut, inner, useful, rows: x(index), columns: weight(index) };
        step.product(format!("{} forward", name(index)), product, |launch| launch.writes(format!("{}.y", name(index)), output(index)));
    }
    step.launches.push(Launch::new("mape".into(), batch).reads(x(last + 1).0, modes).reads("target", modes).writes("gradient", modes));
    for (index, layer) in layers.iter().enumerate().rev() {
        let (of, y) = (name(index), output(index));
        let (pixels, filters, dx, dw) = match *layer {
            Layer::Conv3x3 { filters, .. } => {
                let config = conv_config(*layer, batch);
                let dx = (Kernel::ConvDx, config.dx_cut(chip), 9 * filters);
                (config.pixels(), filters, dx, (Kernel::ConvDw, config.dw_cut(chip), config.pixels()))
            }
            Layer::Dense { output, .. } => {
                let config = dense_config(*layer, batch, 1.0, 0);
                let cut = config.dx_cut(chip);
                let kernel = if cut.is_skinny() { Kernel::SkinnyDx } else { Kernel::DenseDx };
                (batch, output.len(), (kernel, cut, config.outputs), (Kernel::DenseDw, config.dw_cut(chip), batch))
            }
        };
        let (launch, chunks, _) = bias_launch(y / filters, filters);
        let undo = Launch::new(format!("{of} undo"), (launch.grid[0] * launch.grid[1]) as usize);
        let dz = pixels * filters;
        step.launches.push(undo.reads(format!("{of}.y"), y).reads("gradient", y).writes("dz", dz).writes("sums", chunks * filters));
        let product = |(kernel, cut, inner): (Kernel, Cut, usize), columns: (String, usize)| Product {
            kernel,
            cut,
            inner,
            useful: useful(*layer, batch),
            rows: ("dz".into(), dz),
            columns,
        };
        if index > 0 {
            step.product(format!("{of} dx"), product(dx, weight(index)), |launch| launch.writes("gradient", x(index).1));
        }
        let (tensor, numbers) = weight(index);
        step.product(format!("{of} dw + Adam"), product(dw, x(index)), |launch| launch.adam(&tensor, numbers));
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
