//! `train`.

use super::common::Common;
use super::compute::{describe, on_device};
use super::progress::Bar;
use crate::config::{Config, Preset};
use crate::dataset::{Spec, check_lattice, fingerprint, load_labelled, load_spec};
use crate::design::expect;
use crate::file::Held;
use crate::nn::{Kind, Model};
use crate::physics::Lattice;
use crate::progress::Progress;
use crate::train::{Best, Examples, InputScaling, Job, TrainConfig, check, train};
use crate::{Error, Result, file, manifest};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Clone, Copy, ValueEnum)]
enum Network {
    /// Structure to mode areas
    D2l,
    /// Mode areas to structure, through a trained D2L
    L2d,
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// Which network
    network: Network,
    /// Whose keys are taken where none are set
    #[arg(long, value_enum, default_value = "paper")]
    preset: Preset,
    /// Training set; several are taken one after another (repeatable)
    #[arg(long, value_name = "F|DIR", required = true)]
    data: Vec<PathBuf>,
    /// Validation set; without it best = last
    #[arg(long, value_name = "F|DIR")]
    validation: Option<PathBuf>,
    /// Run folder
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// The trained D2L that judges an L2D
    #[arg(long, value_name = "MODEL")]
    d2l: Option<PathBuf>,
    /// Start from this model instead of random numbers
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    /// Continue the run in the folder, or begin it where there is none
    #[arg(long)]
    resume: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let (config, compute) = common.open(args.preset)?;
    let kind = match args.network {
        Network::D2l => Kind::D2l,
        Network::L2d => Kind::L2d,
    };
    let mut labelled = load_labelled(&args.data[0])?;
    let followed = labelled.structures.count as u64;
    for path in &args.data[1..] {
        let other = load_labelled(path)?;
        if other.structures.size != labelled.structures.size {
            let sizes = [&other, &labelled].map(|set| set.structures.size);
            return Err(Error::value(
                "--data",
                format!("{} has lattices of {} sites a side, the first set {}", path.display(), sizes[0], sizes[1]),
            ));
        }
        labelled.extend(other);
    }
    let validation = args.validation.as_deref().map(load_labelled).transpose()?;
    let size = labelled.structures.size;
    if let Some(other) = validation.as_ref().filter(|v| v.structures.size != size) {
        return Err(Error::value(
            "--validation",
            format!("has lattices of {} sites a side, the training set {size}", other.structures.size),
        ));
    }
    let frozen = match (kind, &args.d2l) {
        (Kind::D2l, None) => None,
        (Kind::D2l, Some(_)) => return Err(Error::value("--d2l", "goes with train l2d")),
        (Kind::L2d, None) => return Err(Error::value("--d2l", "train l2d needs the trained D2L behind it")),
        (Kind::L2d, Some(path)) => {
            let model = Model::read(path)?;
            expect("--d2l", &model, Kind::D2l, size)?;
            Some(model)
        }
    };
    let init = args.init.as_deref().map(Model::read).transpose()?;
    if let Some(init) = &init {
        expect("--init", init, kind, size)?;
    }
    // A start model brings its own shape and scaling.
    let mut keys = config.network(kind).clone();
    if let Some(init) = &init {
        keys.filters.clone_from(&init.architecture.filters);
        (keys.pool, keys.hidden) = (init.architecture.pool, init.architecture.hidden);
        keys.input_scaling = if init.scaling.is_some() { InputScaling::Standard } else { InputScaling::None };
    }
    let architecture = keys.architecture(kind, size);
    keys.validate(&architecture)?;
    let source = if keys.fresh { Some(source(args, kind, &keys, followed)?) } else { None };
    if keys.best == Best::Truth {
        for path in args.data.iter().chain(&args.validation) {
            check_lattice(path, &Lattice { size, ..config.lattice })?;
        }
    }
    let training = Examples::new(kind, labelled);
    let validation = validation.map(|v| Examples::new(kind, v));
    let sets = json!({ "--data": training.fingerprint(), "--validation": validation.as_ref().map(Examples::fingerprint) });
    let facts = json!({ "program": concat!("scalefree ", env!("CARGO_PKG_VERSION")), "network": kind, "seed": config.seed, "sets": sets });
    let job = Job {
        architecture,
        init: init.as_ref(),
        config: &keys,
        seed: config.seed,
        frozen: frozen.as_ref(),
        training: &training,
        source: source.as_ref(),
        validation: validation.as_ref(),
        lattice: &Lattice { size, ..config.lattice },
        labels: &config.labels,
        folder: &args.out,
        resume: args.resume,
        notes: keys.notes(),
    };
    let bar = Bar::new(common.quiet);
    let _held = write_folder(&job, &config, facts, &describe(&compute), &bar)?;
    let outcome = on_device!(compute, device => train(device, &job, &bar))?;
    if common.json {
        out!(
            "{}",
            json!({ "epochs": outcome.metrics.len(), "best": keys.best, "best_value": outcome.best_value, "last": outcome.metrics.last() })
        );
    } else if let Some(best) = outcome.best_value {
        out!("best {} {:.2} %", keys.best.name(), 100.0 * best);
    }
    Ok(())
}

/// What the training set, the first of several, was drawn from: `count` samples. What validates must not be drawn for training too.
fn source(args: &Args, kind: Kind, keys: &TrainConfig, count: u64) -> Result<Spec> {
    let needed = |fault: String| {
        let key = format!("{}.fresh", kind.key());
        Error::value(key, format!("a set of generate is needed, which tells what it was drawn from; {fault}"))
    };
    let source = load_spec(&args.data[0]).map_err(|fault| needed(fault.to_string()))?;
    if source.count != count {
        return Err(needed(format!("{} tells of {} samples and has {count}", args.data[0].display(), source.count)));
    }
    // A validation set of another program tells no seed, and shares none.
    let validation = args.validation.as_deref().and_then(|path| load_spec(path).ok());
    match validation {
        Some(validation) if source.shares_draws(&validation, keys.epochs) => {
            let taken = source.following(keys.epochs)?.start;
            let fault = format!(
                "is of seed {} from {} on, where fresh training takes {} to {taken}; generate it with another seed, or --start {taken}",
                validation.seed, validation.start, source.start
            );
            Err(Error::value("--validation", fault))
        }
        _ => Ok(source),
    }
}

/// What was asked, as it was asked, and what took it, beside what comes out. A run that goes on keeps its own, but for the keys that may
/// change; a folder that holds another run, or anything else that these files would replace, stays as it is. Holds the folder.
fn write_folder(job: &Job<'_>, config: &Config, facts: Value, computed_on: &str, progress: &dyn Progress) -> Result<Held> {
    let changed = !check(job)?.is_empty();
    let (path, config_path) = (job.folder.join("manifest.json"), job.folder.join("config.toml"));
    manifest::check_owner(&path, "network")?;
    if job.folder.join("checkpoints/state.safetensors").exists() {
        let found: Value = serde_json::from_slice(&file::read_bytes(&path)?).map_err(|e| Error::file(&path, e))?;
        let other = |set: &str| Err(Error::value(set, "is not the set that the run in the folder was begun with; resume with that"));
        // An older program told of the training set's mode areas alone.
        if found.get("data").is_some_and(|data| *data != fingerprint(bytemuck::cast_slice(&job.training.targets))) {
            return other("--data");
        }
        for set in ["--data", "--validation"] {
            if found["sets"].get(set).is_some_and(|found| *found != facts["sets"][set]) {
                return other(set);
            }
        }
        let held = Held::new(job.folder)?;
        manifest::go_on(&path, computed_on, progress)?;
        if changed {
            file::write_bytes(&config_path, config.to_toml()?.as_bytes())?;
        }
        return Ok(held);
    }
    let config = config.to_toml()?;
    let ours = file::read_bytes(&config_path).is_ok_and(|found| found == config.as_bytes());
    let names = ["metrics.jsonl", "config.toml"];
    manifest::check_foreign(job.folder, "training", "manifest.json", if ours { &names[..1] } else { &names })?;
    let held = Held::new(job.folder)?;
    // Another run may have begun and ended here meanwhile.
    check(job)?;
    manifest::begin(&path, facts, computed_on)?;
    file::write_bytes(&config_path, config.as_bytes())?;
    Ok(held)
}
