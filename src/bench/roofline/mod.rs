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

mod cards;
mod l2;

pub use cards::{CARDS, Card, GAP, Rate};

use crate::device::cuda::{Chip, Precision};
use crate::nn::{Architecture, Layer, conv_config, dense_config};
use crate::ops::adam::{CHUNKS, bias_launch};
use crate::ops::tiles::{Cut, LARGE, PACE, SKINNY, STEP, TALL};
use cards::SHARED;
use l2::count_memory;

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
        // A linear layer's dz is dy, and so few rows of it are the sums.
        if index < last || batch > CHUNKS {
            step.launches.push(undo.reads(format!("{of}.y"), y).reads("gradient", y).writes("dz", dz).writes("sums", chunks * filters));
        }
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
}
