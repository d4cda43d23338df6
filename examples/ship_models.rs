//! Takes both networks out of a reproduction's folder and writes them with their [`Record`]: the files of `models/` (docs/models.md).
//!
//! `cargo run --release --example ship_models -- RUN MODELS`
//!
//! What they measure is computed here, on the run's test sets.

use scalefree::analysis::population::accuracy;
use scalefree::config::{Config, Preset};
use scalefree::dataset::{Labelled, load_labelled};
use scalefree::device::Cpu;
use scalefree::manifest::differences;
use scalefree::models::{Accuracy, Record};
use scalefree::nn::{DType, Kind, Model};
use scalefree::progress::Silent;
use scalefree::{Error, Result, design, file};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The program that made a run, by its manifest, and what makes such a run, beginning at the preset that the manifest names.
fn origin(run: &Path, config: &Config) -> Result<(String, String)> {
    let path = run.join("manifest.json");
    let facts: Value = serde_json::from_slice(&file::read_bytes(&path)?).map_err(|e| Error::file(&path, e))?;
    let presets = [Preset::Quick, Preset::Medium, Preset::Paper];
    let preset =
        presets.into_iter().find(|preset| facts["preset"] == preset.name()).ok_or_else(|| Error::file(&path, "names no preset"))?;
    let program = facts["program"].as_str().ok_or_else(|| Error::file(&path, "names no program"))?;
    let mut base = preset.config();
    // They follow from the population, unless they were set.
    let amplitudes = config.data.population.amplitudes();
    (base.data.rho_max, base.data.sigma_max) = (amplitudes.rho_max, amplitudes.sigma_max);
    let mut command = format!("scalefree reproduce --preset {} --out RUN", preset.name());
    for (key, _, value) in differences(&json!(base), &json!(config)) {
        // `--set` takes a bare word as a string.
        command.push_str(&format!(" --set {key}={}", value.as_str().map_or_else(|| value.to_string(), Into::into)));
    }
    Ok((program.into(), command))
}

/// The mean accuracy of `mode_area` (n, N) on the targets of `test`.
fn score(mode_area: &[f64], test: &Labelled) -> f64 {
    let each = accuracy(mode_area, &test.mode_area, test.structures.size.pow(2));
    each.iter().sum::<f64>() / each.len() as f64
}

/// A network of a run, and the epoch of its training that it is from.
fn best(run: &Path, network: &str) -> Result<(Model, u64)> {
    let path = run.join(network).join("checkpoints/best.safetensors");
    let model = Model::read(&path)?;
    let epoch = model.notes.get("metrics").and_then(|metrics| metrics["epoch"].as_u64());
    Ok((model, epoch.ok_or_else(|| Error::file(&path, "does not tell its epoch"))?))
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(run), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err(Error::value("ship_models", "needs the folder of a reproduction and the folder that gets the models"));
    };
    let config = Config::load(Preset::Paper, Some(&run.join("config.toml")), &[])?;
    let (program, command) = origin(&run, &config)?;
    let device = Cpu::<f32>::new();
    let (d2l, _) = best(&run, "d2l")?;
    file::create_folder(&out)?;
    for kind in [Kind::D2l, Kind::L2d] {
        let name = kind.key();
        let (mut model, mut epochs) = best(&run, name)?;
        let test = load_labelled(&run.join(format!("data/{name}_test.npz")))?;
        let accuracy = match kind {
            Kind::D2l => Accuracy::D2l { test: score(&design::predict(&device, &model, &test.structures)?, &test) },
            Kind::L2d => {
                let chain = design::chain(&device, &model, &d2l, &test.mode_area)?;
                let designs = design::design(&device, &model, &test.mode_area, &config.labels, &config.lattice, &Silent)?;
                Accuracy::L2d { chain: score(&chain, &test), truth: score(&designs.truth.mode_area, &test) }
            }
        };
        for round in 0..config.rounds.count {
            epochs += best(&run, &format!("rounds/{round}/{name}"))?.1;
        }
        let record = Record {
            population: config.data.population,
            amplitudes: config.data.amplitudes(),
            // Each round adds the designs for the L2D's training set to what a D2L learns from.
            train: config.data.train * if kind == Kind::D2l { 1 + config.rounds.count } else { 1 },
            epochs,
            seed: config.seed,
            test: test.structures.count as u64,
            accuracy,
            program: program.clone(),
            command: command.clone(),
        };
        record.note(&mut model.notes);
        let path = out.join(format!("{name}-{}.safetensors", json!(record.population).as_str().unwrap_or_default()));
        model.write(&path, DType::F32)?;
        println!("{}: {}", path.display(), record.accuracy);
    }
    Ok(())
}
