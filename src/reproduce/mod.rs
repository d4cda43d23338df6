//! The whole paper from one call: data, D2L, L2D, designs, truth, statistics, attack, figures, report.
//!
//! Each stage leaves files in the run folder and is skipped where they are complete, so a second call resumes. Every later
//! stage, and `scalefree plot`, works from these files alone.

mod clock;
mod material;
mod network;
mod pictures;
mod results;
mod robustness;
mod run;
mod sets;
mod spectra;
mod stages;
mod sweep;

pub use pictures::draw;
pub(crate) use run::{Branch, Run};

use crate::Result;
use crate::config::{Config, Preset};
use crate::figures::FIGURES;
use crate::file;
use crate::nn::Kind;
use crate::ops::Device;
use crate::progress::Progress;
use crate::report::{Figure, Report, Row, html, write_results};
use clock::Clock;
use std::path::Path;

/// Reproduces the paper at the scale of `config` into `folder`; returns the results table.
///
/// # Errors
/// A folder that holds a run with another configuration; anything that a stage meets; Ctrl-C, after saving.
pub fn reproduce<D: Device>(device: &D, preset: Preset, config: &Config, folder: &Path, progress: &dyn Progress) -> Result<Vec<Row>> {
    let run = Run::new(folder);
    let mut times = chain(device, preset, config, &run, progress)?;
    let mut rows = results::rows(config, &run)?;
    for branch in Branch::of(config) {
        let (child, config) = (run.child(branch), branch.config(config));
        times.extend(chain(device, preset, &config, &child, progress)?);
        rows.extend(results::rows(&config, &child)?);
    }
    write_results(&run.path("results.json"), &rows)?;
    file::create_folder(&run.path("figures"))?;
    let mut clock = Clock::open(&run)?;
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
    let configuration = config.to_toml()?;
    let report = Report { scale: &scale, rows: &rows, figures: &figures, configuration: &configuration, stages: &times };
    file::write_bytes(&run.path("report.html"), html(&report).as_bytes())?;
    Ok(rows)
}

/// The stages of a run or of a branch, each skipped where its files are there.
fn chain<D: Device>(device: &D, preset: Preset, config: &Config, run: &Run, progress: &dyn Progress) -> Result<Vec<crate::report::Stage>> {
    run.open(preset, config)?;
    let mut clock = Clock::open(run)?;
    if run.branch != Branch::OnePool {
        clock.time("data", || stages::data(device, config, run, progress))?;
    }
    clock.time("train D2L", || stages::train(device, config, run, Kind::D2l, progress))?;
    clock.time("train L2D", || stages::train(device, config, run, Kind::L2d, progress))?;
    clock.time("predict and design", || stages::design(device, config, run, progress))?;
    clock.time("network", || network::compute(config, run))?;
    if run.branch != Branch::OnePool {
        clock.time("attack", || stages::attack(device, config, run, progress))?;
        clock.time("robustness", || robustness::compute(config, run, progress))?;
        clock.time("spectra", || spectra::compute(device, config, run, progress))?;
    }
    if run.branch == Branch::Root {
        clock.time("sets of Fig. S1", || sets::compute(device, config, run, progress))?;
        clock.time("sweeps of Fig. S2", || sweep::compute(device, config, run, progress))?;
    }
    Ok(clock.stages(&run.branch.prefix("/")))
}

fn figure(config: &Config, preset: Preset, run: &Run, id: &str) -> Result<Figure> {
    let svg = draw(id, run.folder())?;
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
