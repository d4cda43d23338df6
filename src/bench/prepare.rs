//! Subjects made ready on a device: buffers filled, and something to call. The same code makes the f64 reference on the processor.

use super::subject::{BATCHES, Lattices, Pass, Subject};
use crate::config::Config;
use crate::device::{Real, View};
use crate::nn::{Kind, Model, initialise};
use crate::ops::Device;
use crate::ops::adam::{AdamState, Tensor, WeightGradient};
use crate::ops::conv3x3::Conv3x3Config;
use crate::ops::deformation::Deformation;
use crate::ops::dense::DenseConfig;
use crate::ops::eigh::Labels;
use crate::ops::gather::GatherConfig;
use crate::ops::mape::MapeConfig;
use crate::ops::philox::{Stream, draw, uniform};
use crate::physics::{Lattice, solve_on};
use crate::progress::Progress;
use crate::train::{Examples, Job, Predictor, Steps};
use crate::{Error, Result};
use serde_json::Map;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What a piece is asked.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ask {
    /// To run once; it answers nothing.
    Run,
    /// What the run gave: an array, or of a step one a tensor.
    Result,
}

/// A subject on a device.
pub(super) type Piece<D> = Box<dyn FnMut(&D, Ask) -> Result<Arrays>>;

/// Numbers on the host.
pub(super) type Arrays = Vec<Vec<f64>>;

/// Makes `subject` ready.
pub(super) fn prepare<D: Device + 'static>(device: &D, subject: Subject, config: &Config) -> Result<Piece<D>> {
    match subject {
        Subject::Conv(shape, pass) => conv3x3(device, config, shape, pass),
        Subject::Dense(shape, pass) => dense(device, config, shape, pass),
        Subject::Gather { batch, width } => gather(device, batch, width),
        Subject::Mape { batch, modes } => mape(device, batch, modes),
        Subject::Adam { parameters } => adam(device, config, parameters),
        Subject::Deformation(lattices) => deformation(device, config, lattices),
        Subject::Hamiltonian(lattices) => hamiltonians(device, config, lattices),
        Subject::ModeArea(lattices) => mode_areas(device, lattices),
        Subject::Labels(lattices, how) => labels(device, config, lattices, how),
        Subject::Step(kind, batch) => step(device, config, kind, batch),
        Subject::Predict(kind, samples) => predict(device, config, kind, samples),
    }
}

fn conv3x3<D: Device + 'static>(device: &D, config: &Config, shape: Conv3x3Config, pass: Pass) -> Result<Piece<D>> {
    let lens = [shape.input_len(), shape.taps() * shape.filters, shape.filters, shape.output_len()];
    let buffers = Layer::new(device, config, lens, shape.taps())?;
    let argmax = device.zeros(shape.output_len())?;
    let workspace = device.zeros(device.conv3x3_workspace(&shape))?;
    layer(device, buffers, Op::Conv3x3 { shape, argmax, workspace }, pass)
}

fn dense<D: Device + 'static>(device: &D, config: &Config, shape: DenseConfig, pass: Pass) -> Result<Piece<D>> {
    let lens = [shape.batch * shape.inputs, shape.inputs * shape.outputs, shape.outputs, shape.batch * shape.outputs];
    let buffers = Layer::new(device, config, lens, shape.inputs)?;
    let workspace = device.zeros(device.dense_workspace(&shape))?;
    layer(device, buffers, Op::Dense { shape, workspace }, pass)
}

/// A layer's pass. Of the gradient of its weights the first moment tells, which is proportional to it after one step.
fn layer<D: Device + 'static>(device: &D, mut buffers: Layer<D>, mut op: Op<D>, pass: Pass) -> Result<Piece<D>> {
    op.run(device, &mut buffers, Pass::Forward)?;
    Ok(Box::new(move |device, ask| match (ask, pass) {
        (Ask::Run, _) => op.run(device, &mut buffers, pass).map(|()| Vec::new()),
        (Ask::Result, Pass::Forward) => downloaded(device, &buffers.y, buffers.lens[3]),
        (Ask::Result, Pass::Dx) => downloaded(device, &buffers.dx, buffers.lens[0]),
        (Ask::Result, Pass::Dw) => downloaded(device, &buffers.adam.first, buffers.lens[1]),
    }))
}

fn gather<D: Device + 'static>(device: &D, batch: usize, width: usize) -> Result<Piece<D>> {
    let shape = GatherConfig { batch, width, steps: BATCHES };
    let source = filled(device, BATCHES * batch * width, 1, 1.0)?;
    let order = device.holding::<u32>(&(0..(BATCHES * batch) as u32).rev().collect::<Vec<_>>())?;
    let step = device.holding(&[1_u64])?;
    let mut out = device.zeros(batch * width)?;
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => device.gather(&shape, &source, &order, &step, &mut out).map(|()| Vec::new()),
        Ask::Result => downloaded(device, &out, batch * width),
    }))
}

fn mape<D: Device + 'static>(device: &D, batch: usize, modes: usize) -> Result<Piece<D>> {
    let shape = MapeConfig { batch, modes, scale: 1.0 };
    let y = filled(device, batch * modes, 1, 1.0)?;
    let target = device.holding(&areas(batch * modes).into_iter().map(D::Real::from_f64).collect::<Vec<_>>())?;
    let (mut errors, mut dy) = (device.zeros(batch)?, device.zeros(batch * modes)?);
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => device.mape(&shape, &y, &target, &mut errors, Some(&mut dy)).map(|()| Vec::new()),
        Ask::Result => downloaded(device, &dy, batch * modes),
    }))
}

fn adam<D: Device + 'static>(device: &D, config: &Config, len: usize) -> Result<Piece<D>> {
    let tensors = [Tensor { span: 0..len, index: 0, l2_scale: 0.0 }];
    let mut adam = AdamState::new(device, config.d2l.adam_config(), len, 1)?;
    device.adam_advance(&mut adam)?;
    let gradient = filled(device, len, 1, 1.0)?;
    let mut parameters = filled(device, len, 2, 1.0)?;
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => device.adam_apply(&tensors, &mut parameters, &gradient, &mut adam).map(|()| Vec::new()),
        Ask::Result => downloaded(device, &parameters, len),
    }))
}

fn deformation<D: Device + 'static>(device: &D, config: &Config, lattices: Lattices) -> Result<Piece<D>> {
    let (count, sites) = (lattices.count, lattices.sites());
    let (rho_max, sigma_max) = (config.data.rho_max, config.data.sigma_max);
    let shape = Deformation { size: lattices.size as u64, rho_max, sigma_max, seed: config.seed };
    let mut displacement = device.zeros(2 * count * sites)?;
    let (mut rho, mut sigma) = (device.zeros(count)?, device.zeros(count)?);
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => device.deform(&shape, 0, count, &mut displacement, &mut rho, &mut sigma).map(|()| Vec::new()),
        Ask::Result => downloaded(device, &displacement, 2 * count * sites),
    }))
}

fn hamiltonians<D: Device + 'static>(device: &D, config: &Config, lattices: Lattices) -> Result<Piece<D>> {
    let hopping = Lattice { size: lattices.size, ..config.lattice }.hopping();
    let displacement = device.holding(&numbers(2 * lattices.count * lattices.sites(), 1, 0.4))?;
    let mut matrices = device.zeros(lattices.elements())?;
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => device.hamiltonians(&hopping, lattices.count, &displacement, &mut matrices).map(|()| Vec::new()),
        Ask::Result => downloaded(device, &matrices, lattices.elements()),
    }))
}

fn mode_areas<D: Device + 'static>(device: &D, lattices: Lattices) -> Result<Piece<D>> {
    let (count, sites) = (lattices.count, lattices.sites());
    let modes = device.holding(&numbers(lattices.elements(), 1, 1.0))?;
    let (mut areas, mut sorted) = (device.zeros(count * sites)?, device.zeros(count * sites)?);
    let mut order = device.zeros(count * sites)?;
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => device.mode_areas(sites, count, &modes, &mut areas, &mut sorted, &mut order).map(|()| Vec::new()),
        Ask::Result => downloaded(device, &sorted, count * sites),
    }))
}

fn labels<D: Device + 'static>(device: &D, config: &Config, lattices: Lattices, labels: Labels) -> Result<Piece<D>> {
    if let Some(fault) = device.lacks(labels, lattices.sites()) {
        return Err(Error::Failed(fault.into()));
    }
    let lattice = Lattice { size: lattices.size, ..config.lattice };
    let displacement = numbers(2 * lattices.count * lattices.sites(), 1, 0.4);
    let mut areas = Vec::new();
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => {
            let handed_over = HandedOver::default();
            areas = solve_on(device, &labels, &lattice, &displacement, &handed_over)?.mode_area;
            // Another solver's time would stand under this one's name.
            handed_over.0.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(Vec::new()), |n| Err(Error::Failed(n)))
        }
        Ask::Result => Ok(vec![areas.clone()]),
    }))
}

fn step<D: Device + 'static>(device: &D, config: &Config, kind: Kind, batch: usize) -> Result<Piece<D>> {
    let mut steps = training(device, config, kind, batch)?;
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => steps.step(device).map(|()| Vec::new()),
        Ask::Result => steps.first_moments(device),
    }))
}

fn predict<D: Device + 'static>(device: &D, config: &Config, kind: Kind, samples: usize) -> Result<Piece<D>> {
    let model = start(config, kind);
    let len = samples * model.architecture.input().len();
    let inputs = if kind == Kind::D2l { numbers(len, 1, 0.4) } else { areas(len) };
    let mut predictor = Predictor::new(device, &model, None)?;
    let mut outputs = Vec::new();
    Ok(Box::new(move |device, ask| match ask {
        Ask::Run => {
            outputs = predictor.run(device, &inputs)?;
            Ok(Vec::new())
        }
        Ask::Result => Ok(vec![outputs.clone()]),
    }))
}

/// Hears that a solver handed over to another.
#[derive(Default)]
struct HandedOver(Mutex<Option<String>>);

impl Progress for HandedOver {
    fn note(&self, line: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| line.into());
    }
}

/// The buffers of one layer, after its forward pass.
struct Layer<D: Device> {
    x: D::Buffer<D::Real>,
    y: D::Buffer<D::Real>,
    dy: D::Buffer<D::Real>,
    dx: D::Buffer<D::Real>,
    parameters: D::Buffer<D::Real>,
    adam: AdamState<D>,
    weight: Tensor,
    bias: Tensor,
    lens: [usize; 4],
}

impl<D: Device> Layer<D> {
    /// For so many inputs, weights, biases and outputs; `inner` numbers make one of the outputs.
    fn new(device: &D, config: &Config, lens: [usize; 4], inner: usize) -> Result<Self> {
        let [inputs, weights, biases, outputs] = lens;
        // As in a network's arena, tensors begin at multiples of 64.
        let place = weights.next_multiple_of(64);
        let mut adam = AdamState::new(device, config.d2l.adam_config(), place + biases, 2)?;
        device.adam_advance(&mut adam)?;
        Ok(Layer {
            x: filled(device, inputs, 1, 1.0)?,
            y: device.zeros(outputs)?,
            dy: filled(device, outputs, 2, 1.0)?,
            dx: device.zeros(inputs)?,
            parameters: filled(device, place + biases, 3, (6.0 / inner as f64).sqrt())?,
            adam,
            weight: Tensor { span: 0..weights, index: 0, l2_scale: 0.0 },
            bias: Tensor { span: place..place + biases, index: 1, l2_scale: 0.0 },
            lens,
        })
    }
}

/// What differs between layers: the shape, and what its passes need beside the buffers.
enum Op<D: Device> {
    Conv3x3 { shape: Conv3x3Config, argmax: D::Buffer<u8>, workspace: D::Buffer<D::Real> },
    Dense { shape: DenseConfig, workspace: D::Buffer<D::Real> },
}

impl<D: Device> Op<D> {
    fn run(&mut self, device: &D, buffers: &mut Layer<D>, pass: Pass) -> Result<()> {
        let Layer { x, y, dy, dx, parameters, adam, weight, bias, .. } = buffers;
        let (dx, mut target) = match pass {
            Pass::Forward => {
                let (w, b) = (View::new(&*parameters, weight.span.clone()), View::new(&*parameters, bias.span.clone()));
                return match self {
                    Op::Conv3x3 { shape, argmax, workspace } => device.conv3x3_forward(shape, x, w, b, y, argmax, workspace),
                    Op::Dense { shape, workspace } => device.dense_forward(shape, x, w, b, Some(&adam.step), y, workspace),
                };
            }
            Pass::Dx => (Some(dx), WeightGradient::Skip { parameters }),
            Pass::Dw => (None, WeightGradient::Apply { parameters, adam }),
        };
        match self {
            Op::Conv3x3 { shape, argmax, workspace } => {
                device.conv3x3_backward(shape, x, y, argmax, dy, dx, weight, bias, &mut target, workspace)
            }
            Op::Dense { shape, workspace } => device.dense_backward(shape, x, y, dy, dx, weight, bias, &mut target, workspace),
        }
    }
}

/// A network of `kind` as training finds it.
fn start(config: &Config, kind: Kind) -> Model {
    let (architecture, keys) = (config.architecture(kind), config.network(kind));
    let values = initialise(&architecture, keys.init, keys.output_scale, config.seed);
    Model { architecture, values, scaling: None, notes: Map::new() }
}

/// A run of `kind` on random structures and areas, before its first step.
fn training<D: Device>(device: &D, config: &Config, kind: Kind, batch: usize) -> Result<Steps<D>> {
    let architecture = config.architecture(kind);
    let frozen = (kind == Kind::L2d).then(|| start(config, Kind::D2l));
    let keys = crate::train::TrainConfig { batch, ..config.network(kind).clone() };
    let targets = areas(BATCHES * batch * architecture.sites());
    let inputs = match kind {
        Kind::D2l => numbers(BATCHES * batch * architecture.input().len(), 1, 0.4),
        Kind::L2d => targets.clone(),
    };
    let job = Job {
        architecture,
        init: None,
        config: &keys,
        seed: config.seed,
        frozen: frozen.as_ref(),
        training: &Examples { inputs, targets },
        source: None,
        validation: None,
        lattice: &config.lattice,
        labels: &config.labels,
        folder: Path::new(""),
        resume: false,
        notes: Map::new(),
    };
    Steps::new(device, &job)
}

/// Draws in (-scale, scale) that an f32 holds, the same on every run.
fn numbers(len: usize, series: u64, scale: f64) -> Vec<f64> {
    let words = (0..len.div_ceil(4) as u32).flat_map(|block| draw(series, Stream::Initialisation, u64::MAX, block));
    words.take(len).map(|word| f64::from((scale * (2.0 * uniform(word) - 1.0)) as f32)).collect()
}

/// Mode areas as they occur: 0.1 to 0.9.
fn areas(len: usize) -> Vec<f64> {
    numbers(len, 4, 0.4).into_iter().map(|v| f64::from((0.5 + v) as f32)).collect()
}

fn filled<D: Device>(device: &D, len: usize, series: u64, scale: f64) -> Result<D::Buffer<D::Real>> {
    device.holding(&numbers(len, series, scale).into_iter().map(D::Real::from_f64).collect::<Vec<_>>())
}

/// The first `len` numbers of a buffer.
fn downloaded<D: Device, T: Real>(device: &D, buffer: &D::Buffer<T>, len: usize) -> Result<Arrays> {
    Ok(vec![device.first(buffer, len)?.into_iter().map(Real::to_f64).collect()])
}
