//! The whole paper from one call: data, D2L, L2D, designs, truth, statistics, attack, figures, report.
//!
//! Each stage leaves files in the run folder and is skipped where they are complete, so a second call resumes. Every later
//! stage, and `scalefree plot`, works from these files alone.

mod pictures;
mod results;
mod stages;

pub use pictures::draw;

use crate::config::{Config, Preset};
use crate::figures::FIGURES;
use crate::manifest::differences;
use crate::nn::Kind;
use crate::ops::Device;
use crate::progress::Progress;
use crate::report::{Figure, Report, Row, Stage, html, write_results};
use crate::{Error, Result, file, manifest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The files of a run folder.
pub(crate) struct Run {
    folder: PathBuf,
}

impl Run {
    pub(crate) fn new(folder: &Path) -> Self {
        Run { folder: folder.to_owned() }
    }

    /// A file of the run, by its name there.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Reproduces the paper at the scale of `config` into `folder`; returns the results table. `computed_on` is `device` in words: a run may
/// go on elsewhere, and its manifest tells where it was.
///
/// # Errors
/// A folder that holds a run with another configuration; anything that a stage meets; Ctrl-C, after saving.
pub fn reproduce<D: Device>(
    device: &D,
    computed_on: &str,
    preset: Preset,
    config: &Config,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Row>> {
    // Before the data are made, not after.
    for kind in [Kind::D2l, Kind::L2d] {
        config.network(kind).validate(&config.architecture(kind))?;
    }
    let run = Run::new(folder);
    file::create_folder(&run.path("figures"))?;
    let configuration = config.to_toml()?;
    let (config_path, manifest_path) = (run.path("config.toml"), run.path("manifest.json"));
    if config_path.exists() {
        check_configuration(&config_path, config)?;
        manifest::go_on(&manifest_path, computed_on, progress)?;
    } else {
        let facts = json!({ "program": concat!("scalefree ", env!("CARGO_PKG_VERSION")), "preset": preset.name(), "seed": config.seed });
        manifest::begin(&manifest_path, facts, computed_on)?;
        // Last, so that a folder with a configuration has a manifest.
        file::write_bytes(&config_path, configuration.as_bytes())?;
    }

    let mut clock = Clock::open(&run)?;
    clock.time("data", || stages::data(device, config, &run, progress))?;
    clock.time("train D2L", || stages::train_d2l(device, config, &run, progress))?;
    clock.time("train L2D", || stages::train_l2d(device, config, &run, progress))?;
    clock.time("predict and design", || stages::design(device, config, &run, progress))?;
    clock.time("attack", || stages::attack(device, config, &run, progress))?;
    let rows = clock.time("analysis", || results::rows(config, &run))?;
    write_results(&run.path("results.json"), &rows)?;
    let figures =
        clock.time("figures", || FIGURES.iter().map(|(id, _)| figure(config, preset, &run, id)).collect::<Result<Vec<Figure>>>())?;
    let scale = format!(
        "preset {}: {} training, {} validation and {} test lattices of {} sites for each network; filters {:?}, {} hidden units; seed {}",
        preset.name(),
        config.data.train,
        config.data.validation,
        config.data.test,
        config.lattice.sites(),
        config.d2l.filters,
        config.d2l.hidden,
        config.seed
    );
    let stages = clock.stages();
    let report = Report { scale: &scale, rows: &rows, figures: &figures, configuration: &configuration, stages: &stages };
    file::write_bytes(&run.path("report.html"), html(&report).as_bytes())?;
    Ok(rows)
}

/// Is the run in the folder one of `config`? Where it is computed does not matter.
fn check_configuration(path: &Path, config: &Config) -> Result<()> {
    let text = String::from_utf8_lossy(&file::read_bytes(path)?).into_owned();
    let before: Value = toml::from_str(&text).map_err(|e| Error::file(path, e.to_string().trim_end()))?;
    match differences(&before, &json!(config)).into_iter().find(|(key, ..)| key != "device") {
        Some((key, before, now)) => {
            let advice = "name another folder with --out, or repeat that run's options";
            Err(Error::file(path, format!("is of a run with another configuration: {key} is {before} there and {now} here; {advice}")))
        }
        None => Ok(()),
    }
}

fn figure(config: &Config, preset: Preset, run: &Run, id: &str) -> Result<Figure> {
    let svg = draw(id, &run.folder)?;
    file::write_bytes(&run.path(&format!("figures/{id}.svg")), svg.as_bytes())?;
    let how = match id {
        "1" => "Drawn from a lattice of the test set.".to_string(),
        "training" => format!("{} and {} epochs of {} samples.", config.d2l.epochs, config.l2d.epochs, config.data.train),
        "6abcd" => format!("rho_a = {}, {} directions an atom, every atom.", config.attack.rho_a, config.attack.angles),
        "5b" => format!("The {} outputs of the trained L2D.", 2 * config.lattice.sites()),
        _ => format!("{} test lattices, preset {}.", config.data.test, preset.name()),
    };
    Ok(Figure { id: id.into(), svg, how })
}

/// How long each stage took, over all calls that worked on the run.
struct Clock {
    path: PathBuf,
    seconds: BTreeMap<usize, (String, f64)>,
    next: usize,
}

impl Clock {
    fn open(run: &Run) -> Result<Self> {
        let path = run.path("timings.json");
        let known: Vec<(String, f64)> = match file::read_bytes(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::file(&path, e))?,
            Err(_) => Vec::new(),
        };
        Ok(Clock { path, seconds: known.into_iter().enumerate().collect(), next: 0 })
    }

    fn time<T>(&mut self, name: &str, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let result = stage();
        self.seconds.entry(self.next).or_insert((name.into(), 0.0)).1 += start.elapsed().as_secs_f64();
        self.next += 1;
        let list: Vec<_> = self.seconds.values().collect();
        let text = serde_json::to_string(&list).map_err(|e| Error::Failed(e.to_string()))?;
        file::write_bytes(&self.path, text.as_bytes())?;
        result
    }

    fn stages(&self) -> Vec<Stage> {
        self.seconds.values().map(|(name, seconds)| Stage { name: name.clone(), seconds: *seconds }).collect()
    }
}
