//! The networks of an independent implementation (tests/data/README.md), and what any device makes of them: forward, cost, every
//! gradient, and a full-batch training run through the trainer itself.

use scalefree::dataset::npz::Npz;
use scalefree::device::Real;
use scalefree::nn::{Architecture, Init, Kind, Mode, Model, Pool, Tape, layout};
use scalefree::ops::Device;
use scalefree::ops::adam::{AdamForm, Decay, WeightGradient};
use scalefree::ops::eigh::Labels;
use scalefree::ops::mape::MapeConfig;
use scalefree::physics::Lattice;
use scalefree::progress::Silent;
use scalefree::train::{Best, CostReduction, Examples, InputScaling, Job, L2Scope, TrainConfig, train};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The sets of vectors in tests/data.
pub const SETS: [&str; 3] = ["net_8", "net_16", "net_16_onepool"];

/// One set.
pub struct Reference {
    npz: Npz,
    told: Value,
}

impl Reference {
    /// The set of that name.
    pub fn open(set: &str) -> Self {
        // A program that was copied to another machine is told where they are there.
        let folder = std::env::var_os("SCALEFREE_FIXTURES");
        let folder = folder.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"), PathBuf::from);
        let path = |end: &str| folder.join(format!("{set}.{end}"));
        let told = serde_json::from_slice(&std::fs::read(path("json")).unwrap()).unwrap();
        Reference { npz: Npz::open(&path("npz")).unwrap(), told }
    }

    fn get(&mut self, key: &str) -> Vec<f64> {
        self.npz.array(key).unwrap().values
    }

    fn number(&self, key: &str) -> f64 {
        self.told[key].as_f64().unwrap()
    }

    fn config(&self) -> TrainConfig {
        let conv = self.told["conv"].as_array().unwrap();
        let l2: Vec<&str> = self.told["l2_params"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        TrainConfig {
            filters: conv.iter().map(|c| c[0].as_u64().unwrap() as usize).collect(),
            pool: if conv[0][1] == true { Pool::Each } else { Pool::Last },
            hidden: self.number("hidden") as usize,
            input_scaling: InputScaling::None,
            init: Init::Glorot,
            output_scale: 1.0,
            batch: self.number("batch") as usize,
            epochs: self.number("steps") as u64,
            lr: self.number("lr"),
            decay_rate: self.number("decay_rate"),
            decay_steps: self.number("decay_steps"),
            decay: Decay::Exponential,
            adam: AdamForm::TensorFlow,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            keep: 1.0,
            cost: CostReduction::Mean,
            l2_scope: match l2.len() {
                1 => L2Scope::Output,
                2 => L2Scope::Fc,
                _ => L2Scope::All,
            },
            l2_scale: self.number("l2"),
            shuffle: false,
            fresh: false,
            symmetries: false,
            average: 0.0,
            best: Best::Accuracy,
            patience: 0,
        }
    }

    /// The network whose tensors are named `prefix`NAME.
    pub fn model(&mut self, kind: Kind, prefix: &str) -> Model {
        let architecture = self.config().architecture(kind, self.number("L") as usize);
        let values = self.all(&architecture, prefix);
        Model { architecture, values, scaling: None, notes: Map::new() }
    }

    /// The tensors `prefix`NAME, one after another in the architecture's order.
    fn all(&mut self, architecture: &Architecture, prefix: &str) -> Vec<f64> {
        architecture.parameters().iter().flat_map(|p| self.get(&format!("{prefix}{}", p.name))).collect()
    }
}

fn up<D: Device>(device: &D, host: &[f64]) -> D::Buffer<D::Real> {
    device.holding(&host.iter().map(|v| D::Real::from_f64(*v)).collect::<Vec<_>>()).unwrap()
}

fn down<D: Device>(device: &D, buffer: &D::Buffer<D::Real>, len: usize) -> Vec<f64> {
    device.first(buffer, len).unwrap().into_iter().map(Real::to_f64).collect()
}

/// Largest difference, relative to the largest reference number.
fn worst(ours: &[f64], reference: &[f64]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let largest = reference.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    ours.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

/// Forward, cost and, where a tolerance is given for them, gradients of D2L and of L2D2L of `set`; each tensor's is judged by itself.
pub fn forward_and_gradients<D: Device>(device: &D, set: &str, tolerance: f64, for_gradients: Option<f64>) {
    let mut reference = Reference::open(set);
    let (d2l, l2d) = (reference.model(Kind::D2l, "d2l."), reference.model(Kind::L2d, "l2d."));
    let (x, t) = (reference.get("x"), reference.get("t"));
    let (batch, modes) = (reference.number("batch") as usize, d2l.architecture.sites());
    let config = MapeConfig { batch, modes, scale: 1.0 };
    let target = up(device, &t);
    let parameters = |model: &Model| up(device, &layout::to_arena::<f64>(&model.architecture, &model.values));
    let (p_d2l, p_l2d) = (parameters(&d2l), parameters(&l2d));
    let (mut first, mut second) =
        (Tape::record(device, &l2d.architecture, batch, &[]).unwrap(), Tape::record(device, &d2l.architecture, batch, &[]).unwrap());
    let (mut errors, mut dy) = (device.zeros(batch).unwrap(), device.zeros(batch * modes).unwrap());
    let cost = |errors: &D::Buffer<f64>| {
        let mut host = vec![0.0; batch];
        device.download(errors, &mut host).unwrap();
        vec![host.iter().sum::<f64>() / batch as f64]
    };
    let gradients = |architecture: &Architecture, buffer: &D::Buffer<D::Real>| {
        let arena: Vec<f64> = down(device, buffer, architecture.arena_len());
        layout::from_arena(architecture, &arena)
    };
    let judge = |what: &str, ours: &[f64], reference: &[f64], tolerance: f64| {
        let error = worst(ours, reference);
        assert!(error < tolerance, "{set} {what}: {error:.1e}");
    };
    let check = |what: &str, ours: &[f64], reference: &[f64]| judge(what, ours, reference, tolerance);
    let check_gradients = |name: &str, architecture: &Architecture, ours: &[f64], reference: &[f64]| {
        let Some(tolerance) = for_gradients else { return };
        let mut first = 0;
        for p in architecture.parameters() {
            let span = first..first + p.span.len();
            first = span.end;
            judge(&format!("{name} gradient of {}", p.name), &ours[span.clone()], &reference[span], tolerance);
        }
    };

    let input = up(device, &layout::to_nhwc(d2l.architecture.input(), &x));
    second.forward(device, batch, &input, &p_d2l, Mode::Evaluate).unwrap();
    check("D2L output", &down(device, second.output(), batch * modes), &reference.get("d2l.out"));
    device.mape(&config, second.output(), &target, &mut errors, Some(&mut dy)).unwrap();
    check("D2L cost", &cost(&errors), &reference.get("d2l.loss"));
    let mut gradient = device.zeros(d2l.architecture.arena_len()).unwrap();
    let store = WeightGradient::Store { parameters: &p_d2l, gradient: &mut gradient };
    second.backward(device, batch, &input, &dy, store, false).unwrap();
    check_gradients("D2L", &d2l.architecture, &gradients(&d2l.architecture, &gradient), &reference.all(&d2l.architecture, "d2l.grad."));

    first.forward(device, batch, &target, &p_l2d, Mode::Evaluate).unwrap();
    let drawn = layout::to_nchw(l2d.architecture.output(), &down(device, first.output(), 2 * batch * modes));
    check("L2D output", &drawn, &reference.get("l2d.out"));
    second.forward(device, batch, first.output(), &p_d2l, Mode::Evaluate).unwrap();
    device.mape(&config, second.output(), &target, &mut errors, Some(&mut dy)).unwrap();
    check("L2D2L cost", &cost(&errors), &reference.get("l2d2l.loss"));
    let skip = WeightGradient::Skip { parameters: &p_d2l };
    let between = second.backward(device, batch, first.output(), &dy, skip, true).unwrap();
    let mut gradient = device.zeros(l2d.architecture.arena_len()).unwrap();
    let store = WeightGradient::Store { parameters: &p_l2d, gradient: &mut gradient };
    first.backward(device, batch, &target, between, store, false).unwrap();
    let expected = reference.all(&l2d.architecture, "l2d2l.grad.");
    check_gradients("L2D2L", &l2d.architecture, &gradients(&l2d.architecture, &gradient), &expected);
}

/// The full-batch run of `set`: largest errors of the cost's trace and of the final weights, relative to the largest number of each.
pub fn training<D: Device>(device: &D, set: &str, kind: Kind) -> [f64; 2] {
    let mut reference = Reference::open(set);
    let (name, start) = if kind == Kind::D2l { ("d2l", "d2l.") } else { ("l2d2l", "l2d.") };
    let init = reference.model(kind, start);
    let frozen = (kind == Kind::L2d).then(|| reference.model(Kind::D2l, "d2l."));
    let mut config = reference.config();
    if kind == Kind::D2l {
        config.l2_scope = L2Scope::None;
    }
    let t = reference.get("t");
    let inputs = if kind == Kind::D2l { reference.get("x") } else { t.clone() };
    let folder = tempfile::tempdir().unwrap();
    let job = Job {
        architecture: init.architecture.clone(),
        init: Some(&init),
        config: &config,
        seed: 1,
        frozen: frozen.as_ref(),
        training: &Examples { inputs, targets: t },
        source: None,
        validation: None,
        lattice: &Lattice { size: init.architecture.size, ..Lattice::default() },
        labels: &Labels::default(),
        folder: folder.path(),
        resume: false,
        notes: Map::new(),
    };
    let outcome = train(device, &job, &Silent).unwrap();
    let trace: Vec<f64> = outcome.metrics.iter().map(|m| m.cost + m.penalty).collect();
    let last = Model::read(&folder.path().join("checkpoints/last.safetensors")).unwrap();
    let weights = reference.all(&last.architecture, &format!("{name}.final."));
    [worst(&trace, &reference.get(&format!("{name}.trace"))), worst(&last.values, &weights)]
}
