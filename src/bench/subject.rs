//! What can be timed: an op at a shape, a whole training step, the labelling of lattices; with the work that it cannot avoid.

use crate::config::Config;
use crate::nn::{Kind, Layer};
use crate::ops::conv3x3::Conv3x3Config;
use crate::ops::dense::DenseConfig;
use crate::ops::eigh::{LabelPrecision, Labels, Solver};
use crate::{Error, Result};
use std::fmt;

/// One pass of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pass {
    /// Its output.
    Forward,
    /// The gradient at its input.
    Dx,
    /// The gradient of its parameters, consumed by Adam as it is made.
    Dw,
}

const PASSES: [Pass; 3] = [Pass::Forward, Pass::Dx, Pass::Dw];

/// Something to time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Subject {
    /// A pass of a convolution stage.
    Conv(Conv3x3Config, Pass),
    /// A pass of a fully connected layer.
    Dense(DenseConfig, Pass),
    /// Rows picked from the data set.
    Gather {
        /// Rows.
        batch: usize,
        /// Numbers in a row.
        width: usize,
    },
    /// The cost and its gradient.
    Mape {
        /// Samples.
        batch: usize,
        /// Mode areas of a sample.
        modes: usize,
    },
    /// Adam over stored gradients.
    Adam {
        /// Numbers.
        parameters: usize,
    },
    /// Displacements drawn.
    Deformation(Lattices),
    /// Hamiltonians built.
    Hamiltonian(Lattices),
    /// Mode areas of given modes, and their order.
    ModeArea(Lattices),
    /// Displacements to mode areas: Hamiltonian, eigenpairs, areas, order.
    Labels(Lattices, Labels),
    /// A whole step: batch, forward, cost, backward with Adam inside. An L2D's runs through the frozen D2L.
    Step(Kind, usize),
    /// So many samples from the host through a network and its outputs back, as `scalefree predict` runs it.
    Predict(Kind, usize),
}

/// Some lattices of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattices {
    /// How many.
    pub count: usize,
    /// Sites along one side, L.
    pub size: usize,
}

impl Lattices {
    /// Sites of one of them, N.
    pub fn sites(self) -> usize {
        self.size * self.size
    }

    /// Elements of the matrices of all of them.
    pub fn elements(self) -> usize {
        self.count * self.sites() * self.sites()
    }
}

/// What a run of a subject cannot avoid.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Work {
    /// Multiplications and additions of its products, taps in the padding included.
    pub flop: f64,
    /// Bytes that must be read or written where nothing stays in a cache between runs.
    pub bytes: f64,
    /// Samples or lattices.
    pub items: f64,
}

/// Batches of data that a training step, or a gather, goes round.
pub(super) const BATCHES: usize = 8;
/// Batches of whole steps beside the configured one.
const STEP_BATCHES: [usize; 3] = [50, 64, 256];
/// Samples of a prediction: one, whose time is a latency, and two whole passes of [`crate::train::Predictor`].
const PREDICTED: [usize; 2] = [1, 200];
/// The batch of single layers beside the configured one: where products, not memory, bind.
const LAYER_BATCH: usize = 64;
/// Lattices at once.
const LATTICES: usize = 256;
/// Every eigen-solver in every precision that it has.
const SOLVERS: [Labels; 7] = [
    Labels { solver: Solver::Faer, precision: LabelPrecision::F64 },
    Labels { solver: Solver::Own, precision: LabelPrecision::F64 },
    Labels { solver: Solver::Own, precision: LabelPrecision::F32 },
    Labels { solver: Solver::Xsyev, precision: LabelPrecision::F64 },
    Labels { solver: Solver::Xsyev, precision: LabelPrecision::F32 },
    Labels { solver: Solver::Syevj, precision: LabelPrecision::F64 },
    Labels { solver: Solver::Syevj, precision: LabelPrecision::F32 },
];

/// Are there networks of these keys?
///
/// # Errors
/// [`Error::Value`] naming the key.
pub fn check(config: &Config) -> Result<()> {
    for kind in [Kind::D2l, Kind::L2d] {
        let keys = config.network(kind);
        keys.validate(&config.architecture(kind))?;
        if keys.batch > MOST_SAMPLES {
            let key = format!("{}.batch", kind.key());
            return Err(Error::value(key, format!("{}; {MOST_SAMPLES} samples a step is the most", keys.batch)));
        }
    }
    Ok(())
}

/// Every subject at the shapes that `config` gives.
pub fn subjects(config: &Config) -> Vec<Subject> {
    let mut all = Vec::new();
    let batch = config.d2l.batch;
    for kind in [Kind::D2l, Kind::L2d] {
        let batches = [&[config.network(kind).batch][..], &STEP_BATCHES].concat();
        all.extend(batches.iter().map(|batch| Subject::Step(kind, *batch)));
        all.extend(PREDICTED.map(|samples| Subject::Predict(kind, samples)));
    }
    let architecture = config.architecture(Kind::D2l);
    for batch in [batch, LAYER_BATCH] {
        for layer in architecture.layers() {
            for pass in PASSES {
                all.push(match layer {
                    Layer::Conv3x3 { input, filters, pool } => {
                        let (height, width, channels) = (input.height, input.width, input.channels);
                        Subject::Conv(Conv3x3Config { batch, height, width, channels, filters, pool }, pass)
                    }
                    Layer::Dense { input, output, relu } => Subject::Dense(dense(batch, input.len(), output.len(), relu), pass),
                });
            }
        }
    }
    all.push(Subject::Gather { batch, width: architecture.input().len() });
    all.push(Subject::Mape { batch, modes: architecture.sites() });
    all.push(Subject::Adam { parameters: architecture.arena_len() });
    let lattices = Lattices { count: LATTICES, size: config.lattice.size };
    all.extend([Subject::Deformation(lattices), Subject::Hamiltonian(lattices), Subject::ModeArea(lattices)]);
    all.extend(SOLVERS.map(|labels| Subject::Labels(lattices, labels)));
    let mut once: Vec<Subject> = Vec::new();
    for subject in all {
        if !once.contains(&subject) {
            once.push(subject);
        }
    }
    once
}

/// A hidden layer has dropout too.
fn dense(batch: usize, inputs: usize, outputs: usize, relu: bool) -> DenseConfig {
    DenseConfig { batch, inputs, outputs, relu, keep: if relu { 0.5 } else { 1.0 }, seed: 1 }
}

/// What [`parse`] understands.
pub const SHAPES: &str = "d2l:BATCH, l2d:BATCH, predict_d2l:SAMPLES, predict_l2d:SAMPLES, conv3x3:BATCHxHEIGHTxWIDTHxCHANNELSxFILTERS, conv3x3_pool:the same, \
dense:BATCHxINPUTSxOUTPUTS, gather:BATCHxWIDTH, mape:BATCHxMODES, adam:PARAMETERS, deformation:COUNTxL, hamiltonian:COUNTxL, \
mode_area:COUNTxL, labels:COUNTxL";

/// Numbers of the largest buffer of a shape, at most; a batch of a whole step, at most.
const MOST_NUMBERS: f64 = (1u64 << 30) as f64;
const MOST_SAMPLES: usize = 1 << 14;

/// Numbers of the largest buffer that `op` needs at these sizes.
fn largest(op: &str, sizes: &[usize]) -> f64 {
    let n: Vec<f64> = sizes.iter().map(|size| *size as f64).collect();
    match (op, n.as_slice()) {
        ("conv3x3" | "conv3x3_pool", &[batch, height, width, channels, filters]) => {
            (batch * height * width * channels.max(filters)).max(9.0 * channels * filters)
        }
        ("dense", &[batch, inputs, outputs]) => (batch * inputs).max(batch * outputs).max(inputs * outputs),
        ("gather", &[batch, width]) => BATCHES as f64 * batch * width,
        ("deformation", &[count, size]) => 2.0 * count * size.powi(2),
        ("hamiltonian" | "mode_area" | "labels", &[count, size]) => count * size.powi(4),
        _ => n.iter().product(),
    }
}

/// The subjects of a shape that a user gave, such as `dense:10x4096x2048`: every pass of a layer, every solver of labels.
///
/// # Errors
/// [`Error::Value`] for anything else than [`SHAPES`].
pub fn parse(shape: &str) -> Result<Vec<Subject>> {
    let wrong = |fault: &str| Error::value("--shape", format!("{shape}: {fault}; use {SHAPES}"));
    let (op, text) = shape.split_once(':').ok_or_else(|| wrong("no colon"))?;
    let numbers: Option<Vec<usize>> = text.split('x').map(|n| n.parse().ok().filter(|n| (1..1 << 31).contains(n))).collect();
    let numbers = numbers.ok_or_else(|| wrong("sizes are whole numbers from 1"))?;
    if largest(op, &numbers) > MOST_NUMBERS {
        return Err(wrong("more than 2^30 numbers in one buffer"));
    }
    Ok(match (op, numbers[..].as_ref()) {
        ("d2l" | "l2d" | "predict_d2l" | "predict_l2d", &[batch]) if batch > MOST_SAMPLES => return Err(wrong("at most 16384 samples")),
        ("d2l", &[batch]) => vec![Subject::Step(Kind::D2l, batch)],
        ("l2d", &[batch]) => vec![Subject::Step(Kind::L2d, batch)],
        ("predict_d2l", &[samples]) => vec![Subject::Predict(Kind::D2l, samples)],
        ("predict_l2d", &[samples]) => vec![Subject::Predict(Kind::L2d, samples)],
        ("conv3x3" | "conv3x3_pool", &[batch, height, width, channels, filters]) => {
            let pool = op == "conv3x3_pool";
            if pool && (height % 2 == 1 || width % 2 == 1) {
                return Err(wrong("a pool needs an even height and width"));
            }
            PASSES.map(|pass| Subject::Conv(Conv3x3Config { batch, height, width, channels, filters, pool }, pass)).to_vec()
        }
        ("dense", &[batch, inputs, outputs]) => PASSES.map(|pass| Subject::Dense(dense(batch, inputs, outputs, true), pass)).to_vec(),
        ("gather", &[batch, width]) => vec![Subject::Gather { batch, width }],
        ("mape", &[batch, modes]) => vec![Subject::Mape { batch, modes }],
        ("adam", &[parameters]) => vec![Subject::Adam { parameters }],
        ("deformation", &[count, size]) => vec![Subject::Deformation(Lattices { count, size })],
        ("hamiltonian", &[count, size]) => vec![Subject::Hamiltonian(Lattices { count, size })],
        ("mode_area", &[count, size]) => vec![Subject::ModeArea(Lattices { count, size })],
        ("labels", &[count, size]) => SOLVERS.map(|labels| Subject::Labels(Lattices { count, size }, labels)).to_vec(),
        _ => return Err(wrong("no such op, or another number of sizes")),
    })
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pass::Forward => "forward",
            Pass::Dx => "dx",
            Pass::Dw => "dw+adam",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Conv(Conv3x3Config { batch, height, width, channels, filters, pool }, pass) => {
                let name = if *pool { "conv3x3_pool" } else { "conv3x3" };
                write!(f, "{name} {pass} {batch}x{height}x{width}x{channels}x{filters}")
            }
            Subject::Dense(DenseConfig { batch, inputs, outputs, relu, .. }, pass) => {
                write!(f, "dense{} {pass} {batch}x{inputs}x{outputs}", if *relu { "" } else { "_linear" })
            }
            Subject::Gather { batch, width } => write!(f, "gather {batch}x{width}"),
            Subject::Mape { batch, modes } => write!(f, "mape {batch}x{modes}"),
            Subject::Adam { parameters } => write!(f, "adam {parameters}"),
            Subject::Deformation(Lattices { count, size }) => write!(f, "deformation {count}x{size}"),
            Subject::Hamiltonian(Lattices { count, size }) => write!(f, "hamiltonian {count}x{size}"),
            Subject::ModeArea(Lattices { count, size }) => write!(f, "mode_area {count}x{size}"),
            Subject::Labels(Lattices { count, size }, Labels { solver, precision }) => {
                write!(f, "labels {} {} {count}x{size}", solver.name(), precision.name())
            }
            Subject::Step(Kind::D2l, batch) => write!(f, "step d2l {batch}"),
            Subject::Step(Kind::L2d, batch) => write!(f, "step l2d {batch}"),
            Subject::Predict(Kind::D2l, samples) => write!(f, "predict d2l {samples}"),
            Subject::Predict(Kind::L2d, samples) => write!(f, "predict l2d {samples}"),
        }
    }
}

impl Subject {
    /// What a run cannot avoid, with numbers of `real` bytes in the networks of `config`.
    pub fn work(&self, config: &Config, real: usize) -> Work {
        let real = real as f64;
        match *self {
            Subject::Conv(c, pass) => {
                let (x, w, y) = (c.input_len() as f64, (c.taps() * c.filters) as f64, c.output_len() as f64);
                let places = if c.pool { y } else { 0.0 };
                let flop = 2.0 * (c.pixels() * c.taps() * c.filters) as f64;
                Work { flop, bytes: real * moved(pass, x, w, y) + places, items: c.batch as f64 }
            }
            Subject::Dense(c, pass) => {
                let (x, w, y) = ((c.batch * c.inputs) as f64, (c.inputs * c.outputs) as f64, (c.batch * c.outputs) as f64);
                Work { flop: 2.0 * c.batch as f64 * w, bytes: real * moved(pass, x, w, y), items: c.batch as f64 }
            }
            Subject::Gather { batch, width } => Work { bytes: 2.0 * real * (batch * width) as f64, items: batch as f64, flop: 0.0 },
            Subject::Mape { batch, modes } => Work { bytes: 3.0 * real * (batch * modes) as f64, items: batch as f64, flop: 0.0 },
            Subject::Adam { parameters } => Work { bytes: 7.0 * real * parameters as f64, items: 0.0, flop: 0.0 },
            Subject::Deformation(l) => Work { bytes: 8.0 * (l.count * l.sites()) as f64, items: l.count as f64, flop: 0.0 },
            Subject::Hamiltonian(l) => {
                Work { bytes: 8.0 * l.elements() as f64 + 16.0 * (l.count * l.sites()) as f64, items: l.count as f64, flop: 0.0 }
            }
            Subject::ModeArea(l) => {
                Work { bytes: 8.0 * l.elements() as f64 + 18.0 * (l.count * l.sites()) as f64, items: l.count as f64, flop: 0.0 }
            }
            // To a tridiagonal matrix (4/3 N^3) and back (2 N^3); what lies between is the solver's own.
            Subject::Labels(l, _) => {
                Work { flop: 10.0 / 3.0 * l.count as f64 * (l.sites() as f64).powi(3), items: l.count as f64, ..Work::default() }
            }
            Subject::Step(kind, batch) => {
                let own = products(config, kind);
                let (flop, reads) = match kind {
                    Kind::D2l => (3.0 * own.0 - own.1, 7.0 * own.2),
                    // The frozen network runs forward and back to its input.
                    Kind::L2d => {
                        let frozen = products(config, Kind::D2l);
                        (3.0 * own.0 - own.1 + 2.0 * frozen.0, 7.0 * own.2 + 2.0 * frozen.2)
                    }
                };
                Work { flop: batch as f64 * flop, bytes: real * reads, items: batch as f64 }
            }
            Subject::Predict(kind, samples) => {
                let (flop, _, parameters) = products(config, kind);
                Work { flop: samples as f64 * flop, bytes: real * parameters, items: samples as f64 }
            }
        }
    }
}

/// Numbers that a pass moves at least: input `x`, weight `w`, output `y` (with its gradient); Adam reads and writes three of each weight.
fn moved(pass: Pass, x: f64, w: f64, y: f64) -> f64 {
    match pass {
        Pass::Forward => x + w + y,
        Pass::Dx => 2.0 * y + w + x,
        Pass::Dw => 2.0 * y + x + 6.0 * w,
    }
}

/// Of one sample through a network: flop of all layers forward, of the first alone, and its parameters.
fn products(config: &Config, kind: Kind) -> (f64, f64, f64) {
    let architecture = config.architecture(kind);
    let flop = |layer: &Layer| {
        let weights: usize = layer.weight_shape().iter().product();
        let pixels = match layer {
            Layer::Conv3x3 { input, .. } => input.height * input.width,
            Layer::Dense { .. } => 1,
        };
        (2 * weights * pixels) as f64
    };
    let layers = architecture.layers();
    (layers.iter().map(flop).sum(), flop(&layers[0]), architecture.parameter_count() as f64)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn shapes_that_fit_and_shapes_that_do_not() {
        for (shape, subjects) in
            [("dense:256x4096x2048", 3), ("conv3x3_pool:64x16x16x256x512", 3), ("labels:4x16", 7), ("d2l:16384", 1), ("predict_l2d:1", 1)]
        {
            assert_eq!(parse(shape).unwrap().len(), subjects, "{shape}");
        }
        for (shape, says) in [
            ("dense", "no colon"),
            ("dense:10x0x5", "whole numbers from 1"),
            ("dense:10x5", "another number of sizes"),
            ("conv3x3_pool:1x3x4x1x1", "even height"),
            ("labels:1x257", "2^30"),
            ("labels:999999999x16", "2^30"),
            ("mode_area:1x2000000000", "2^30"),
            ("conv3x3:2000000000x2000000000x2000000000x2000000000x1", "2^30"),
            ("gather:70000x70000", "2^30"),
            ("d2l:16385", "16384 samples"),
            ("predict_d2l:16385", "16384 samples"),
        ] {
            let said = parse(shape).unwrap_err().to_string();
            assert!(said.contains(says), "{shape}: {said}");
        }
    }
}
