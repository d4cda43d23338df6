//! New samples in each epoch: which they are, and that a run that was cut meets the same.

use scalefree::dataset::{Spec, realise};
use scalefree::device::Cpu;
use scalefree::nn::{Init, Kind, Model, Pool, initialise};
use scalefree::ops::adam::AdamForm;
use scalefree::ops::eigh::Labels;
use scalefree::physics::{Amplitudes, Lattice};
use scalefree::progress::{Progress, Silent};
use scalefree::train::{CostReduction, Examples, InputScaling, Job, L2Scope, TrainConfig, train};
use scalefree::{Error, Result};
use serde_json::Map;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

const N: u64 = 43;
const SIZE: usize = 4;

fn spec() -> Spec {
    let lattice = Lattice { size: SIZE, ..Lattice::default() };
    Spec { seed: 9, start: 100, count: N, lattice, amplitudes: Amplitudes::default(), labels: Labels::default() }
}

/// Twenty-one steps an epoch; one sample waits for another epoch's shuffle.
fn keys(fresh: bool, epochs: u64) -> TrainConfig {
    TrainConfig {
        filters: vec![3, 4],
        pool: Pool::Each,
        hidden: 7,
        input_scaling: InputScaling::None,
        init: Init::Glorot,
        output_scale: 1.0,
        batch: 2,
        epochs,
        lr: 0.003,
        decay_rate: 0.9,
        decay_steps: 30.0,
        adam: AdamForm::TensorFlow,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        keep: 0.8,
        cost: CostReduction::Mean,
        l2_scope: L2Scope::Output,
        l2_scale: 1e-3,
        shuffle: true,
        fresh,
        patience: 0,
    }
}

/// A run on the set `spec`, or going on in the folder of one.
fn run(kind: Kind, keys: &TrainConfig, spec: &Spec, folder: &Path, progress: &dyn Progress) -> Result<()> {
    let device = Cpu::<f32>::new();
    let d2l = keys.architecture(Kind::D2l, SIZE);
    let frozen = Model { values: initialise(&d2l, Init::He, 1.0, 5), architecture: d2l, scaling: None, notes: Map::new() };
    let job = Job {
        architecture: keys.architecture(kind, SIZE),
        init: None,
        config: keys,
        seed: 3,
        frozen: (kind == Kind::L2d).then_some(&frozen),
        training: &Examples::new(kind, realise(&device, spec, &Silent)?),
        source: Some(spec),
        validation: None,
        folder,
        resume: true,
        notes: Map::new(),
    };
    train(&device, &job, progress).map(drop)
}

/// Numbers of the network, and of its epochs.
fn outcome(folder: &Path) -> (Vec<f64>, Vec<String>) {
    let last = Model::read(&folder.join("checkpoints/last.safetensors")).unwrap();
    let metrics = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    // Live units are looked for among the samples of the set that was given: the costs are of those that were learnt from.
    let costs = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["cost"].to_string());
    (last.values, costs.collect())
}

#[test]
fn each_epoch_learns_from_the_realisations_that_follow() {
    for kind in [Kind::D2l, Kind::L2d] {
        let [fresh, by_hand, repeated] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        run(kind, &keys(true, 3), &spec(), fresh.path(), &Silent).unwrap();
        for epoch in 0..3 {
            let following = Spec { start: 100 + N * epoch, ..spec() };
            run(kind, &keys(false, epoch + 1), &following, by_hand.path(), &Silent).unwrap();
        }
        run(kind, &keys(false, 3), &spec(), repeated.path(), &Silent).unwrap();
        assert_eq!(outcome(fresh.path()), outcome(by_hand.path()), "{kind}");
        assert_ne!(outcome(fresh.path()).1, outcome(repeated.path()).1, "{kind}: the samples are always the same");
    }
}

/// Asks to stop once so many looks at the costs are done.
struct StopAfter(AtomicUsize);

impl Progress for StopAfter {
    fn advance(&self, _done: u64, _detail: &str) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn a_run_that_was_cut_has_the_bits_of_one_that_was_not() {
    let whole = tempfile::tempdir().unwrap();
    run(Kind::D2l, &keys(true, 3), &spec(), whole.path(), &Silent).unwrap();
    // In the first epoch, at its end, in the second, in the third.
    for looks in [1, 3, 5, 8] {
        let cut = tempfile::tempdir().unwrap();
        let stopped = run(Kind::D2l, &keys(true, 3), &spec(), cut.path(), &StopAfter(AtomicUsize::new(looks)));
        assert!(matches!(stopped, Err(Error::Interrupted(_))), "{looks}: {stopped:?}");
        run(Kind::D2l, &keys(true, 3), &spec(), cut.path(), &Silent).unwrap();
        for name in ["metrics.jsonl", "checkpoints/state.safetensors"] {
            let [cut, whole] = [&cut, &whole].map(|folder| std::fs::read(folder.path().join(name)).unwrap());
            assert!(cut == whole, "cut after {looks} looks, {name} differs");
        }
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |keys: &TrainConfig, spec: &Spec| run(Kind::D2l, keys, spec, folder.path(), &Silent).unwrap_err().to_string();
    let late = Spec { start: u64::MAX - 2 * N, ..spec() };
    let said = refusal(&keys(true, 3), &late);
    assert!(said.contains("pass 2^64"), "{said}");
    run(Kind::D2l, &keys(true, 2), &late, folder.path(), &Silent).unwrap();
}
