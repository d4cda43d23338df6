//! Whole networks: the vectors of an independent implementation, gradients of both networks against the CPU's in f64, and
//! training that follows the CPU's costs.

use super::piece::Piece;
use super::support::{Guarded, Outputs, array, ensure, largest, near, numbers, reals, twice};
use super::{Arithmetic, Case, Fault, Verdict, reference};
use scalefree::dataset::{Spec, realise};
use scalefree::device::{Cpu, Real};
use scalefree::nn::{Architecture, Init, Kind, Mode, Model, Pool, Tape, initialise, layout};
use scalefree::ops::Device;
use scalefree::ops::adam::{AdamForm, AdamState, Decay, WeightGradient};
use scalefree::ops::eigh::Labels;
use scalefree::ops::mape::MapeConfig;
use scalefree::physics::{Amplitudes, Lattice};
use scalefree::progress::{Progress, Silent};
use scalefree::train::{Best, CostReduction, Examples, InputScaling, Job, L2Scope, Metrics, Outcome, TrainConfig, train};
use serde_json::Map;
use std::path::Path;

/// Narrow networks of both kinds, with widths that are no multiple of anything.
fn narrow(kind: Kind, pool: Pool) -> Architecture {
    Architecture { kind, size: 8, filters: vec![6, 11, 13], pool, hidden: 37 }
}

pub fn cases<D: Device<Real = f32>>(arithmetic: Arithmetic, cases: &mut Vec<Case<D>>) {
    for pool in [Pool::Each, Pool::Last] {
        let name = format!("gradients of D2L and L2D2L, {pool:?} pool, {arithmetic:?}");
        let network = move |kind| {
            let architecture = narrow(kind, pool);
            let values = initialise(&architecture, Init::He, 1.0, 31 + kind as u64);
            (architecture, values)
        };
        cases.push(Case::new(name, move |device| gradients_are_near(device, network, arithmetic)));
    }
    for set in reference::SETS {
        let name = format!("gradients of the reference networks {set}, {arithmetic:?}");
        let network = move |kind| {
            let model = reference::Reference::open(set).model(kind, if kind == Kind::D2l { "d2l." } else { "l2d." });
            (model.architecture, model.values)
        };
        cases.push(Case::new(name, move |device| gradients_are_near(device, network, arithmetic)));
        // The vectors are of a few samples with kinks where they are: only plain f32 is sure to be on the same side.
        let gradients = (arithmetic == Arithmetic::F32).then_some(arithmetic.gradient());
        cases.push(Case::new(format!("reference vectors {set}, {arithmetic:?}"), move |device| {
            reference::forward_and_gradients(device, set, arithmetic.gradient(), gradients);
            Ok(())
        }));
    }
    for kind in [Kind::D2l, Kind::L2d] {
        let name = format!("training of {kind} follows the CPU, {arithmetic:?}");
        cases.push(Case::new(name, move |device| training_follows(device, kind, arithmetic)));
        let name = format!("a fused run of {kind} is a stored one, {arithmetic:?}");
        cases.push(Case::new(name, move |device| {
            let [fused, stored] = [true, false].map(|fused| errors_and_parameters(device, kind, fused));
            ensure!(fused? == stored?, "they differ");
            Ok(())
        }));
        let name = format!("training of {kind} follows the reference trace, {arithmetic:?}");
        cases.push(Case::new(name, move |device| {
            let [trace, _] = reference::training(device, "net_8", kind);
            ensure!(trace <= arithmetic.trace(), "the trace is off by {trace:.1e}");
            Ok(())
        }));
    }
}

/// The paper's D2L at its full width, gradients of a step at batch 10.
pub fn full_width<D: Device<Real = f32>>(arithmetic: Arithmetic) -> Case<D> {
    Case::new(format!("gradients of the paper's D2L at batch 10, {arithmetic:?}"), move |device| {
        let architecture = Architecture { kind: Kind::D2l, size: 16, filters: vec![256, 512, 1024], pool: Pool::Each, hidden: 2048 };
        let values = initialise(&architecture, Init::He, 1.0, 31);
        let problem = Problem::new(10, vec![(architecture, values)]);
        problem.compare(&problem.gradients(device)?, arithmetic)
    })
}

/// A D2L alone, and behind an L2D.
fn gradients_are_near<D: Device<Real = f32>>(
    device: &D,
    network: impl Fn(Kind) -> (Architecture, Vec<f64>),
    arithmetic: Arithmetic,
) -> Verdict {
    for chain in [vec![network(Kind::D2l)], vec![network(Kind::L2d), network(Kind::D2l)]] {
        let problem = Problem::new(7, chain);
        problem.compare(&twice(|| problem.gradients(device))?, arithmetic)?;
    }
    Ok(())
}

/// A network, or an L2D with the frozen D2L behind it, with the samples that it sees. The cost is `probe . output`, which has no kink
/// of its own.
struct Problem {
    batch: usize,
    samples: Vec<f64>,
    chain: Vec<(Architecture, Vec<f64>)>,
    probe: Vec<f64>,
}

impl Problem {
    fn new(batch: usize, chain: Vec<(Architecture, Vec<f64>)>) -> Self {
        let (inputs, outputs) = (chain[0].0.input().len(), chain[chain.len() - 1].0.output().len());
        Problem { batch, samples: numbers(batch * inputs, 33), chain, probe: numbers(batch * outputs, 34) }
    }

    /// The output of the last network, the gradient of the first one's parameters, and the linear piece that all of it was on.
    fn gradients<D: Device>(&self, device: &D) -> Result<Outputs, Fault> {
        let batch = self.batch;
        let input = Guarded::<D, _>::holding(device, &reals::<D>(&self.samples))?.buffer;
        let (mut tapes, mut parameters): (Vec<Tape<D>>, Vec<_>) = (Vec::new(), Vec::new());
        for (architecture, values) in &self.chain {
            let arena = Guarded::<D, _>::holding(device, &layout::to_arena::<D::Real>(architecture, values))?.buffer;
            let mut tape = Tape::record(device, architecture, batch, &[])?;
            tape.forward(device, batch, tapes.last().map_or(&input, Tape::output), &arena, Mode::Evaluate)?;
            tapes.push(tape);
            parameters.push(arena);
        }
        let host = |buffer: &D::Buffer<D::Real>, len: usize| -> Result<Vec<D::Real>, Fault> {
            let mut host = vec![D::Real::default(); len];
            device.download(buffer, &mut host)?;
            Ok(host)
        };
        let output = host(tapes[tapes.len() - 1].output(), self.probe.len())?.into_iter().map(Real::to_f64).collect();
        let mut pattern = Vec::new();
        for tape in &tapes {
            pattern.extend(tape.pattern(device, batch)?.into_iter().map(f64::from));
        }
        let probe = Guarded::<D, _>::holding(device, &reals::<D>(&self.probe))?.buffer;
        let (first, rest) = tapes.split_at_mut(1);
        let dy = match rest {
            [] => &probe,
            [behind, ..] => {
                let frozen = WeightGradient::Skip { parameters: &parameters[1] };
                behind.backward(device, batch, first[0].output(), &probe, frozen, true)?
            }
        };
        let architecture = &self.chain[0].0;
        let mut gradient = device.zeros(architecture.arena_len())?;
        let store = WeightGradient::Store { parameters: &parameters[0], gradient: &mut gradient };
        first[0].backward(device, batch, &input, dy, store, false)?;
        let gradient = layout::from_arena(architecture, &host(&gradient, architecture.arena_len())?);
        Ok(vec![("output", output), ("gradient", gradient), ("pattern", pattern)])
    }

    /// The output must be the CPU's; each tensor's gradient by itself, relative to its largest number, that of the piece.
    fn compare(&self, ours: &Outputs, arithmetic: Arithmetic) -> Verdict {
        let tolerance = arithmetic.gradient();
        let pattern: Vec<u8> = array(ours, "pattern").iter().map(|p| *p as u8).collect();
        let (mut pieces, mut x, mut rest): (Vec<Piece>, _, _) = (Vec::new(), self.samples.clone(), pattern.as_slice());
        for (architecture, values) in &self.chain {
            let layers = architecture.layers();
            let units: usize = layers[..layers.len() - 1].iter().map(|layer| self.batch * layer.output().len()).sum();
            let (own, behind) = rest.split_at(units);
            let piece = Piece::forward(architecture, values, self.batch, x, own)?;
            (x, rest) = (piece.output.clone(), behind);
            pieces.push(piece);
        }
        let free = self.gradients(&Cpu::<f64>::new())?;
        for expected in [&x, array(&free, "output")] {
            near("output", array(ours, "output"), expected, tolerance * largest(expected))?;
        }
        let mut dy = self.probe.clone();
        for piece in pieces[1..].iter().rev() {
            dy = piece.backward(dy)?.0;
        }
        let expected = pieces[0].backward(dy)?.1;
        let mut end = 0;
        for parameter in self.chain[0].0.parameters() {
            let span = end..end + parameter.span.len();
            end = span.end;
            let (ours, expected) = (&array(ours, "gradient")[span.clone()], &expected[span]);
            near(&format!("gradient of {}", parameter.name), ours, expected, tolerance * largest(expected))?;
        }
        Ok(())
    }
}

/// A few epochs with dropout, shuffling, decay and L2: the costs of the CPU in f64, and the same run twice to the bit.
fn training_follows<D: Device<Real = f32>>(device: &D, kind: Kind, arithmetic: Arithmetic) -> Verdict {
    let ours = costs(device, kind)?;
    ensure!(ours == costs(device, kind)?, "a second run differs");
    let expected = costs(&Cpu::<f64>::new(), kind)?;
    for (ours, expected) in ours.iter().zip(&expected) {
        let error = (ours.cost - expected.cost).abs() / expected.cost;
        let words = format!("epoch {}: the cost is {}, not {}", ours.epoch, ours.cost, expected.cost);
        ensure!(error <= arithmetic.trace(), "{words}, off by {error:.1e}");
        ensure!(
            (ours.penalty - expected.penalty).abs() <= arithmetic.trace() * expected.penalty,
            "{words}; penalty {} not {}",
            ours.penalty,
            expected.penalty
        );
    }
    let [first, last] = [&expected[0], &expected[expected.len() - 1]].map(|m| m.cost);
    ensure!((first - last).abs() > 1e-3 * first, "the case itself does not learn: {first} to {last}");
    Ok(())
}

/// Ten steps with dropout and L2 in which Adam takes gradients as they are made, or else from where they are stored: every sample's error in
/// each step, and the parameters behind them.
fn errors_and_parameters<D: Device>(device: &D, kind: Kind, fused: bool) -> Result<(Vec<f64>, Vec<D::Real>), Fault> {
    const BATCH: usize = 5;
    let (architecture, config) = (narrow(kind, Pool::Each), keys(BATCH, 1));
    let (len, outputs) = (architecture.arena_len(), architecture.output().len());
    let upload = |values: &[f64]| Guarded::<D, _>::holding(device, &reals::<D>(values)).map(|guarded| guarded.buffer);
    let input = upload(&numbers(BATCH * architecture.input().len(), 51))?;
    let target = upload(&numbers(BATCH * outputs, 52).iter().map(|v| 0.4 + 0.2 * v).collect::<Vec<_>>())?;
    let values = initialise(&architecture, Init::Glorot, 1.0, 53);
    let mut parameters = device.zeros(len)?;
    device.upload(&layout::to_arena::<D::Real>(&architecture, &values), &mut parameters)?;
    let mut tape = Tape::record(device, &architecture, BATCH, &config.l2_scales(&architecture))?;
    let mut adam = AdamState::new(device, config.adam_config(), len, tape.tensors().len())?;
    let (mut dy, mut gradient) = (device.zeros(BATCH * outputs)?, device.zeros(len)?);
    let (mut errors, mut trace, mut host) = (device.zeros(BATCH)?, Vec::new(), [0.0; BATCH]);
    for _ in 0..10 {
        device.adam_advance(&mut adam)?;
        tape.forward(device, BATCH, &input, &parameters, Mode::Train { keep: config.keep, seed: 54, step: &adam.step })?;
        let mape = MapeConfig { batch: BATCH, modes: outputs, scale: config.cost_scale(outputs) };
        device.mape(&mape, tape.output(), &target, &mut errors, Some(&mut dy))?;
        if fused {
            let apply = WeightGradient::Apply { parameters: &mut parameters, adam: &mut adam };
            tape.backward(device, BATCH, &input, &dy, apply, false)?;
        } else {
            let store = WeightGradient::Store { parameters: &parameters, gradient: &mut gradient };
            tape.backward(device, BATCH, &input, &dy, store, false)?;
            device.adam_apply(&tape.tensors(), &mut parameters, &gradient, &mut adam)?;
        }
        device.download(&errors, &mut host)?;
        trace.extend_from_slice(&host);
    }
    let mut end = vec![D::Real::default(); len];
    device.download(&parameters, &mut end)?;
    Ok((trace, end))
}

fn costs<D: Device>(device: &D, kind: Kind) -> Result<Vec<Metrics>, Fault> {
    let folder = tempfile::tempdir()?;
    Ok(trained(device, kind, [5, 4, 23], folder.path(), false, &Silent)?.metrics)
}

/// A run of a narrow network: samples of a step, epochs, samples in all.
pub fn trained<D: Device>(
    device: &D,
    kind: Kind,
    [batch, epochs, samples]: [usize; 3],
    folder: &Path,
    resume: bool,
    progress: &dyn Progress,
) -> scalefree::Result<Outcome> {
    let architecture = narrow(kind, Pool::Each);
    let config = keys(batch, epochs);
    let sites = architecture.sites();
    let targets: Vec<f64> = numbers(samples * sites, 41).iter().map(|v| 0.4 + 0.2 * v).collect();
    let inputs = if kind == Kind::D2l { numbers(samples * 2 * sites, 42) } else { targets.clone() };
    let d2l = narrow(Kind::D2l, Pool::Each);
    let lattice = Lattice { size: d2l.size, ..Lattice::default() };
    let values = initialise(&d2l, Init::Glorot, 1.0, 43);
    let frozen = Model { architecture: d2l, values, scaling: None, notes: Map::new() };
    let job = Job {
        architecture,
        init: None,
        config: &config,
        seed: 44,
        frozen: (kind == Kind::L2d).then_some(&frozen),
        training: &Examples { inputs, targets },
        source: None,
        validation: None,
        lattice: &lattice,
        labels: &Labels::default(),
        folder,
        resume,
        notes: Map::new(),
    };
    train(device, &job, progress)
}

/// The keys of a run of a narrow network.
fn keys(batch: usize, epochs: usize) -> TrainConfig {
    let architecture = narrow(Kind::D2l, Pool::Each);
    TrainConfig {
        filters: architecture.filters.clone(),
        pool: architecture.pool,
        hidden: architecture.hidden,
        input_scaling: InputScaling::None,
        init: Init::Glorot,
        output_scale: 1.0,
        batch,
        epochs: epochs as u64,
        lr: 0.004,
        decay_rate: 0.9,
        decay_steps: 4.0,
        decay: Decay::Exponential,
        adam: AdamForm::TensorFlow,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        keep: 0.6,
        cost: CostReduction::Mean,
        l2_scope: L2Scope::Fc,
        l2_scale: 1e-3,
        shuffle: true,
        fresh: false,
        symmetries: false,
        average: 0.0,
        best: Best::Accuracy,
        patience: 0,
    }
}

/// A D2L's run, or its rest, with every option that touches the samples of an epoch, its rate, or what is shown of its parameters.
pub fn trained_fresh<D: Device>(
    device: &D,
    [batch, epochs, samples]: [usize; 3],
    folder: &Path,
    progress: &dyn Progress,
) -> scalefree::Result<Outcome> {
    let config =
        TrainConfig { fresh: true, symmetries: true, average: 0.9, decay: Decay::Cosine, decay_steps: 60.0, ..keys(batch, epochs) };
    let architecture = narrow(Kind::D2l, Pool::Each);
    let lattice = Lattice { size: architecture.size, ..Lattice::default() };
    let (amplitudes, labels) = (Amplitudes::default(), Labels::default());
    let spec = Spec { seed: 45, start: 7, count: samples as u64, lattice, amplitudes, labels };
    let job = Job {
        architecture,
        init: None,
        config: &config,
        seed: 44,
        frozen: None,
        training: &Examples::new(Kind::D2l, realise(device, &spec, &Silent)?),
        source: Some(&spec),
        validation: None,
        lattice: &spec.lattice,
        labels: &spec.labels,
        folder,
        resume: true,
        notes: Map::new(),
    };
    train(device, &job, progress)
}
