//! Training's options, each against the same done by hand, and that a run that was cut meets the same samples.

use scalefree::dataset::{Spec, realise};
use scalefree::design::design;
use scalefree::device::{Cpu, Real};
use scalefree::nn::{Init, Kind, Model, Pool, initialise};
use scalefree::ops::adam::{AdamForm, Decay};
use scalefree::ops::eigh::Labels;
use scalefree::physics::{Amplitudes, Lattice, Symmetry};
use scalefree::progress::{Progress, Silent};
use scalefree::train::{Best, CostReduction, Examples, InputScaling, Job, L2Scope, TrainConfig, accuracy, train};
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
fn keys(epochs: u64) -> TrainConfig {
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
        decay_rate: 0.1,
        decay_steps: 50.0,
        decay: Decay::Exponential,
        adam: AdamForm::TensorFlow,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        keep: 0.8,
        cost: CostReduction::Mean,
        l2_scope: L2Scope::Output,
        l2_scale: 1e-3,
        shuffle: true,
        fresh: false,
        symmetries: false,
        average: 0.0,
        best: Best::Accuracy,
        patience: 0,
    }
}

/// Every option at once.
fn options(epochs: u64) -> TrainConfig {
    TrainConfig { fresh: true, symmetries: true, average: 0.9, decay: Decay::Cosine, ..keys(epochs) }
}

/// The samples of `spec`, as a network of `kind` sees them.
fn examples(kind: Kind, spec: &Spec) -> Examples {
    Examples::new(kind, realise(&Cpu::<f32>::new(), spec, &Silent).unwrap())
}

/// A run, or its rest, in `folder`.
fn run<R: Real>(
    kind: Kind,
    keys: &TrainConfig,
    training: &Examples,
    source: Option<&Spec>,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    judged::<R>(kind, keys, training, source, None, folder, progress)
}

/// The same with a validation set.
fn judged<R: Real>(
    kind: Kind,
    keys: &TrainConfig,
    training: &Examples,
    source: Option<&Spec>,
    validation: Option<&Examples>,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    let d2l = keys.architecture(Kind::D2l, SIZE);
    let frozen = Model { values: initialise(&d2l, Init::He, 1.0, 5), architecture: d2l, scaling: None, notes: Map::new() };
    let job = Job {
        architecture: keys.architecture(kind, SIZE),
        init: None,
        config: keys,
        seed: 3,
        frozen: (kind == Kind::L2d).then_some(&frozen),
        training,
        source,
        validation,
        lattice: &spec().lattice,
        labels: &Labels::default(),
        folder,
        resume: true,
        notes: Map::new(),
    };
    train(&Cpu::<R>::new(), &job, progress).map(drop)
}

fn metrics(folder: &Path, key: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()[key].as_f64().unwrap()).collect()
}

/// Numbers of the network, and the costs of its epochs.
fn outcome(folder: &Path) -> (Vec<f64>, Vec<f64>) {
    (Model::read(&folder.join("checkpoints/last.safetensors")).unwrap().values, metrics(folder, "cost"))
}

#[test]
fn fresh_epochs_learn_from_the_realisations_that_follow() {
    for kind in [Kind::D2l, Kind::L2d] {
        let [fresh, by_hand, repeated] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let first = examples(kind, &spec());
        run::<f32>(kind, &TrainConfig { fresh: true, ..keys(3) }, &first, Some(&spec()), fresh.path(), &Silent).unwrap();
        for epoch in 0..3 {
            let following = examples(kind, &Spec { start: 100 + N * epoch, ..spec() });
            run::<f32>(kind, &keys(epoch + 1), &following, None, by_hand.path(), &Silent).unwrap();
        }
        run::<f32>(kind, &keys(3), &first, None, repeated.path(), &Silent).unwrap();
        assert_eq!(outcome(fresh.path()), outcome(by_hand.path()), "{kind}");
        assert_ne!(outcome(fresh.path()).1, outcome(repeated.path()).1, "{kind}: the samples are always the same");
    }
}

/// What a run has beside the set that is followed is in every epoch.
#[test]
fn other_samples_stay_among_fresh_ones() {
    let [fresh, by_hand] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let beside = examples(Kind::D2l, &Spec { seed: 5, count: 10, ..spec() });
    let with = |mut set: Examples| {
        set.extend(beside.clone());
        set
    };
    let first = with(examples(Kind::D2l, &spec()));
    run::<f32>(Kind::D2l, &TrainConfig { fresh: true, ..keys(2) }, &first, Some(&spec()), fresh.path(), &Silent).unwrap();
    for epoch in 0..2 {
        let following = with(examples(Kind::D2l, &Spec { start: 100 + N * epoch, ..spec() }));
        run::<f32>(Kind::D2l, &keys(epoch + 1), &following, None, by_hand.path(), &Silent).unwrap();
    }
    assert_eq!(outcome(fresh.path()), outcome(by_hand.path()));
}

#[test]
fn structures_are_seen_under_the_symmetry_of_their_epoch() {
    let [drawn, by_hand, plain] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let set = examples(Kind::D2l, &spec());
    run::<f32>(Kind::D2l, &TrainConfig { symmetries: true, ..keys(2) }, &set, None, drawn.path(), &Silent).unwrap();
    for epoch in 0..2 {
        let mut seen = set.clone();
        let rows = set.inputs.chunks_exact(2 * SIZE * SIZE).zip(seen.inputs.chunks_exact_mut(2 * SIZE * SIZE));
        rows.enumerate().for_each(|(k, (structure, out))| Symmetry::drawn(3, epoch, k as u32).apply(SIZE, structure, out));
        run::<f32>(Kind::D2l, &keys(epoch + 1), &seen, None, by_hand.path(), &Silent).unwrap();
    }
    run::<f32>(Kind::D2l, &keys(2), &set, None, plain.path(), &Silent).unwrap();
    assert_eq!(outcome(drawn.path()), outcome(by_hand.path()));
    assert_ne!(outcome(drawn.path()).1, outcome(plain.path()).1);
}

/// One step an epoch: the parameters after each are what the run without an average saves.
#[test]
fn what_is_saved_is_the_running_average() {
    let set = examples(Kind::D2l, &spec());
    let whole = |epochs| TrainConfig { batch: N as usize, ..keys(epochs) };
    let steps = tempfile::tempdir().unwrap();
    let architecture = keys(1).architecture(Kind::D2l, SIZE);
    let mut average = initialise(&architecture, Init::Glorot, 1.0, 3);
    for step in 1..=12 {
        run::<f64>(Kind::D2l, &whole(step), &set, None, steps.path(), &Silent).unwrap();
        let share = 1.0 - 0.4f64.min((1.0 + step as f64) / (10.0 + step as f64));
        average.iter_mut().zip(outcome(steps.path()).0).for_each(|(a, p)| *a += share * (p - *a));
    }
    let averaged = tempfile::tempdir().unwrap();
    run::<f64>(Kind::D2l, &TrainConfig { average: 0.4, ..whole(12) }, &set, None, averaged.path(), &Silent).unwrap();
    let (shown, costs) = outcome(averaged.path());
    assert_eq!(costs, outcome(steps.path()).1, "the steps themselves are the same");
    let apart = shown.iter().zip(&average).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 1e-14, "{apart:e} apart");
    let far = shown.iter().zip(outcome(steps.path()).0).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far > 1e-4, "the average lies {far:e} from the last parameters");
}

#[test]
fn the_rate_falls_along_a_cosine() {
    let folder = tempfile::tempdir().unwrap();
    let keys = TrainConfig { batch: 10, decay: Decay::Cosine, decay_steps: 8.0, ..keys(3) };
    run::<f64>(Kind::D2l, &keys, &examples(Kind::D2l, &spec()), None, folder.path(), &Silent).unwrap();
    // Four steps an epoch: the rate of steps 4, 8 and 12.
    let rate = |t: f64| 0.003 * (0.1 + 0.9 * (0.5 + 0.5 * (std::f64::consts::PI * t).cos()));
    for (lr, t) in metrics(folder.path(), "lr").iter().zip([3.0 / 8.0, 7.0 / 8.0, 1.0]) {
        assert!((lr - rate(t)).abs() < 1e-16, "{lr}, not {}", rate(t));
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

/// All options at once: cut in the first epoch, at its end, in the second, in the third.
#[test]
fn a_run_that_was_cut_has_the_bits_of_one_that_was_not() {
    let set = examples(Kind::D2l, &spec());
    let whole = tempfile::tempdir().unwrap();
    run::<f32>(Kind::D2l, &options(3), &set, Some(&spec()), whole.path(), &Silent).unwrap();
    for looks in [1, 3, 5, 8] {
        let cut = tempfile::tempdir().unwrap();
        let stopped = run::<f32>(Kind::D2l, &options(3), &set, Some(&spec()), cut.path(), &StopAfter(AtomicUsize::new(looks)));
        assert!(matches!(stopped, Err(Error::Interrupted(_))), "{looks}: {stopped:?}");
        run::<f32>(Kind::D2l, &options(3), &set, Some(&spec()), cut.path(), &Silent).unwrap();
        for name in ["metrics.jsonl", "checkpoints/state.safetensors", "checkpoints/best.safetensors"] {
            let [cut, whole] = [&cut, &whole].map(|folder| std::fs::read(folder.path().join(name)).unwrap());
            assert!(cut == whole, "cut after {looks} looks, {name} differs");
        }
    }
}

/// One step an epoch, so that no cost is seen after it.
#[test]
fn a_network_that_is_no_longer_finite_ends_the_run() {
    let set = examples(Kind::D2l, &spec());
    for lr in [1e30, 1e39] {
        let folder = tempfile::tempdir().unwrap();
        let keys = TrainConfig { lr, batch: N as usize, ..keys(1) };
        let fault = judged::<f32>(Kind::D2l, &keys, &set, None, Some(&set), folder.path(), &Silent).unwrap_err();
        assert!(matches!(&fault, Error::Failed(words) if words.contains("no longer finite at step 1; a lower lr")), "{lr}: {fault}");
        assert!(!folder.path().join("metrics.jsonl").exists() && !folder.path().join("checkpoints/best.safetensors").exists());
    }
}

#[test]
fn a_run_whose_files_are_gone_does_not_go_on() {
    let set = examples(Kind::D2l, &spec());
    for name in ["metrics.jsonl", "checkpoints/best.safetensors"] {
        let folder = tempfile::tempdir().unwrap();
        run::<f32>(Kind::D2l, &keys(1), &set, None, folder.path(), &Silent).unwrap();
        std::fs::remove_file(folder.path().join(name)).unwrap();
        let fault = run::<f32>(Kind::D2l, &keys(2), &set, None, folder.path(), &Silent).unwrap_err();
        assert!(fault.exit_code() == 2 && fault.to_string().contains(name), "{fault}");
    }
}

/// Also where a kill came between the models and the state.
#[test]
fn the_best_model_is_of_the_epoch_that_validation_likes_best() {
    let [set, unseen] = [spec(), Spec { seed: 5, ..spec() }].map(|spec| examples(Kind::D2l, &spec));
    let train = |epochs, folder: &tempfile::TempDir| {
        let keys = TrainConfig { lr: 0.1, decay_rate: 0.5, ..keys(epochs) };
        judged::<f32>(Kind::D2l, &keys, &set, None, Some(&unseen), folder.path(), &Silent).unwrap();
    };
    let [whole, killed] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    train(4, &whole);
    let accuracies = metrics(whole.path(), "validation_accuracy");
    let best = (0..4).max_by(|a, b| accuracies[*a].total_cmp(&accuracies[*b])).unwrap();
    assert!(best == 2, "no test of it: {accuracies:?}");
    let told = |name: &str| Model::read(&whole.path().join("checkpoints").join(name)).unwrap().notes["metrics"]["epoch"].clone();
    assert_eq!((told("best.safetensors"), told("last.safetensors")), ((best + 1).into(), 4.into()));

    let state = killed.path().join("checkpoints/state.safetensors");
    train(2, &killed);
    let before = std::fs::read(&state).unwrap();
    train(4, &killed);
    std::fs::write(&state, before).unwrap();
    train(4, &killed);
    for name in ["metrics.jsonl", "checkpoints/state.safetensors", "checkpoints/best.safetensors", "checkpoints/last.safetensors"] {
        let [killed, whole] = [&killed, &whole].map(|folder| std::fs::read(folder.path().join(name)).unwrap());
        assert!(killed == whole, "{name} differs");
    }
}

/// The truth of an epoch is that of what `design` makes with its model, for the first 500 curves.
#[test]
fn the_best_model_is_of_the_epoch_whose_designs_are_truest() {
    let [set, unseen] = [spec(), Spec { seed: 5, count: 510, ..spec() }].map(|spec| examples(Kind::L2d, &spec));
    let folder = tempfile::tempdir().unwrap();
    let keys = TrainConfig { lr: 0.03, decay_rate: 0.5, best: Best::Truth, ..keys(4) };
    judged::<f32>(Kind::L2d, &keys, &set, None, Some(&unseen), folder.path(), &Silent).unwrap();
    let [truths, accuracies] = ["validation_truth", "validation_accuracy"].map(|key| metrics(folder.path(), key));
    let best = |of: &[f64]| (0..4).max_by(|a, b| of[*a].total_cmp(&of[*b])).unwrap();
    assert!(best(&truths) != 3 && best(&truths) != best(&accuracies), "no test of it: {truths:?} {accuracies:?}");
    let curves = &unseen.targets[..500 * SIZE * SIZE];
    for (name, epoch) in [("best", best(&truths)), ("last", 3)] {
        let model = Model::read(&folder.path().join(format!("checkpoints/{name}.safetensors"))).unwrap();
        assert_eq!(model.notes["metrics"]["epoch"], epoch + 1, "{name}");
        let designs = design(&Cpu::<f32>::new(), &model, curves, &Labels::default(), &spec().lattice, &Silent).unwrap();
        let truth = accuracy(&designs.truth.mode_area, curves);
        assert!((truth - truths[epoch]).abs() < 1e-9, "{name}: {truth}, {} told", truths[epoch]);
    }
}

/// Asks to stop at the n-th question.
struct StopAt(AtomicUsize);

impl Progress for StopAt {
    fn stop(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(1))).is_ok_and(|left| left <= 1)
    }
}

/// One question a lattice, of which there are 500 an epoch.
#[test]
fn a_run_that_was_cut_while_its_truth_was_told_tells_it_again() {
    let [set, unseen] = [spec(), Spec { seed: 5, count: 510, ..spec() }].map(|spec| examples(Kind::L2d, &spec));
    let keys = TrainConfig { best: Best::Truth, average: 0.9, ..keys(2) };
    let train = |folder: &Path, progress: &dyn Progress| judged::<f32>(Kind::L2d, &keys, &set, None, Some(&unseen), folder, progress);
    let whole = tempfile::tempdir().unwrap();
    train(whole.path(), &Silent).unwrap();
    for (questions, epochs) in [(300, 0), (800, 1)] {
        let cut = tempfile::tempdir().unwrap();
        let stopped = train(cut.path(), &StopAt(AtomicUsize::new(questions)));
        let saved = format!("step {} is saved", 21 * (epochs + 1));
        assert!(stopped.as_ref().is_err_and(|e| e.to_string().contains(&saved)), "{questions}: {stopped:?}");
        let told = std::fs::read_to_string(cut.path().join("metrics.jsonl")).map_or(0, |text| text.lines().count());
        assert_eq!(told, epochs, "{questions}: no test of it");
        train(cut.path(), &Silent).unwrap();
        for name in ["metrics.jsonl", "checkpoints/state.safetensors", "checkpoints/best.safetensors"] {
            let [cut, whole] = [&cut, &whole].map(|folder| std::fs::read(folder.path().join(name)).unwrap());
            assert!(cut == whole, "cut after {questions} questions, {name} differs");
        }
    }
}

/// Truths of another lattice are not to be compared with the run's; and without a validation set there is none to compare.
#[test]
fn truth_is_of_one_lattice_and_one_validation_set() {
    let set = examples(Kind::L2d, &spec());
    let keys = |epochs| TrainConfig { best: Best::Truth, ..keys(epochs) };
    let [judged_run, unseen] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    run::<f32>(Kind::L2d, &keys(2), &set, None, unseen.path(), &Silent).unwrap();
    for name in ["best", "last"] {
        let model = Model::read(&unseen.path().join(format!("checkpoints/{name}.safetensors"))).unwrap();
        assert_eq!((&model.notes["metrics"]["epoch"], &model.notes["metrics"]["validation_truth"]), (&2.into(), &serde_json::Value::Null));
    }
    judged::<f32>(Kind::L2d, &keys(1), &set, None, Some(&set), judged_run.path(), &Silent).unwrap();
    let path = judged_run.path().join("checkpoints/state.safetensors");
    let mut state = std::fs::read(&path).unwrap();
    let key = br#"\"lattice\":{\"size\":4"#;
    let at = state.windows(key.len()).position(|text| text == key).expect("the state tells the lattice");
    state[at + key.len() - 1] = b'5';
    std::fs::write(&path, state).unwrap();
    let error = judged::<f32>(Kind::L2d, &keys(2), &set, None, Some(&set), judged_run.path(), &Silent).unwrap_err();
    assert!(error.to_string().contains("lattice.size: 4, but the run"), "{error}");
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let late = Spec { start: u64::MAX - 2 * N, ..spec() };
    let (more, larger) = (Spec { count: N + 1, ..spec() }, Spec { lattice: Lattice::default(), ..spec() });
    for (kind, keys, source, words) in [
        (Kind::D2l, options(3), None, "d2l.fresh: what the training set was drawn from is not known"),
        (Kind::L2d, TrainConfig { fresh: true, ..keys(3) }, None, "l2d.fresh: "),
        (Kind::D2l, options(3), Some(&late), "pass 2^64"),
        (
            Kind::D2l,
            options(3),
            Some(&more),
            "d2l.fresh: the training set has 43 samples of 4 x 4 sites, but tells that it was drawn as 44 of",
        ),
        (Kind::D2l, options(3), Some(&larger), "43 of 16 x 16"),
        (Kind::L2d, options(3), Some(&late), "l2d.symmetries: "),
        (Kind::D2l, TrainConfig { average: 1.0, ..keys(3) }, None, "d2l.average: 1 is not in [0, 1)"),
        (Kind::D2l, TrainConfig { average: f64::NAN, ..keys(3) }, None, "d2l.average: NaN"),
        (Kind::D2l, TrainConfig { best: Best::Truth, ..keys(3) }, None, "d2l.best: a D2L draws nothing"),
    ] {
        let error = run::<f32>(kind, &keys, &examples(kind, &spec()), source, folder.path(), &Silent).unwrap_err();
        assert!(error.to_string().contains(words), "{error} should say {words:?}");
        assert_eq!(error.exit_code(), 2, "{error}");
    }
    run::<f32>(Kind::D2l, &options(2), &examples(Kind::D2l, &late), Some(&late), folder.path(), &Silent).unwrap();
}

/// A state of before there were the options goes on without them, and not with them.
#[test]
fn a_run_of_an_older_program_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let set = examples(Kind::D2l, &spec());
    run::<f32>(Kind::D2l, &keys(1), &set, None, folder.path(), &Silent).unwrap();
    let path = folder.path().join("checkpoints/state.safetensors");
    let mut state = std::fs::read(&path).unwrap();
    for key in [
        r#"\"decay\":\"exponential\","#,
        r#"\"fresh\":false,"#,
        r#"\"symmetries\":false,"#,
        r#"\"average\":0.0,"#,
        r#"\"best\":\"accuracy\","#,
    ] {
        let at = state.windows(key.len()).position(|text| text == key.as_bytes()).expect(key);
        state[at..at + key.len()].fill(b' ');
    }
    std::fs::write(&path, state).unwrap();
    let changed = run::<f32>(Kind::D2l, &TrainConfig { average: 0.9, ..keys(2) }, &set, None, folder.path(), &Silent).unwrap_err();
    assert!(changed.to_string().contains("d2l.average: 0.9, but the run"), "{changed}");
    run::<f32>(Kind::D2l, &keys(2), &set, None, folder.path(), &Silent).unwrap();
}
