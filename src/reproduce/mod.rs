//! The whole paper from one call: data, D2L, L2D, designs, truth, statistics, attack, figures, report.
//!
//! Each stage leaves files in the run folder and is skipped where they are complete, so a second call resumes. Every later
//! stage, and `scalefree plot`, works from these files alone.

mod clock;
mod fits;
mod material;
mod network;
mod pictures;
mod publish;
mod results;
mod robustness;
mod rounds;
mod run;
mod sets;
mod spectra;
mod stages;
mod sweep;

pub use pictures::draw;
pub(crate) use rounds::place;
pub(crate) use run::{Branch, Run};
pub(crate) use stages::{SETS, spec};

use crate::config::{Config, Preset};
use crate::nn::Kind;
use crate::ops::Device;
use crate::physics::Attack;
use crate::progress::Progress;
use crate::report::{Row, write_results};
use crate::{Error, Result};
use clock::Clock;
use std::path::Path;

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
    check(config, Scope::Whole)?;
    let run = Run::new(folder);
    let (mut rows, mut clocks, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for branch in [vec![Branch::Root], Branch::of(config)].concat() {
        let (run, config) = (run.child(branch), branch.config(config));
        held.push(run.open(computed_on, preset, &config, progress)?);
        let mut clock = chain(device, &config, &run, Scope::Whole, progress).map_err(goes_on)?;
        rows.extend(clock.time("analysis", || results::rows(&config, &run))?);
        clocks.push((branch, clock));
    }
    publish::publish(preset, config, &run, &rows, &mut clocks, progress).map_err(goes_on)?;
    Ok(rows)
}

/// Whatever the stage that was interrupted says of itself, this is how to go on.
fn goes_on(fault: Error) -> Error {
    if matches!(fault, Error::Interrupted(_)) {
        Error::Interrupted("what is finished is saved; the same command goes on".into())
    } else {
        fault
    }
}

/// What of a reproduction is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of it.
    Whole,
    /// What settings are compared by: networks, designs, fits, robustness.
    Numbers,
}

/// Can a run of a sound `config` be made to its end? What no key tells alone, before the data are made and not after: networks on this
/// lattice, their batches of this training set, the answers to an attack.
///
/// # Errors
/// [`Error::Value`] with the key.
pub(crate) fn check(config: &Config, scope: Scope) -> Result<()> {
    for branch in [vec![Branch::Root], Branch::of(config)].concat() {
        let config = branch.config(config);
        for kind in [Kind::D2l, Kind::L2d] {
            let keys = config.network(kind);
            keys.validate(&config.architecture(kind)).map_err(|error| match error {
                Error::Value { name, fault } if branch == Branch::OnePool && name.ends_with(".filters") => {
                    Error::value("one_pool.filters", fault)
                }
                other => other,
            })?;
            let (batch, train) = (keys.batch as u64, config.data.train);
            let key = format!("{}.batch", kind.key());
            if batch > train {
                return Err(Error::value(key, format!("{batch} is more than the {train} samples of data.train")));
            }
            if scope == Scope::Whole && batch > config.sweep.train as u64 {
                return Err(Error::value("sweep.train", format!("{} samples are fewer than the {batch} of {key}", config.sweep.train)));
            }
        }
    }
    Attack::check_angles("attack.sweep_angles", &config.lattice, config.attack.sweep_angles)?;
    if scope == Scope::Whole {
        Attack::check_angles("attack.angles", &config.lattice, config.attack.angles)?;
    }
    Ok(())
}

/// The rows of a run without its branches, its notes on other things than the networks, and its pictures: what a sweep compares. They
/// are kept as its `results.json`.
///
/// # Errors
/// Those of [`reproduce`].
pub(crate) fn numbers<D: Device>(
    device: &D,
    computed_on: &str,
    preset: Preset,
    config: &Config,
    run: &Run,
    progress: &dyn Progress,
) -> Result<()> {
    let _held = run.open(computed_on, preset, config, progress)?;
    chain(device, config, run, Scope::Numbers, progress).map_err(goes_on)?;
    write_results(&run.path("results.json"), &results::numbers(config, run)?)
}

/// The stages of a run or of a branch, each skipped where its files are there.
fn chain<D: Device>(device: &D, config: &Config, run: &Run, scope: Scope, progress: &dyn Progress) -> Result<Clock> {
    let whole = scope == Scope::Whole;
    let mut clock = Clock::open(run)?;
    if run.branch != Branch::OnePool {
        clock.time("data", || stages::data(device, config, run, progress))?;
    }
    for round in 0..=config.rounds.count {
        if round > 0 {
            clock.time("structures of rounds", || rounds::draw(device, config, run, round - 1, progress))?;
        }
        clock.time("train D2L", || rounds::train(device, config, run, Kind::D2l, round, progress))?;
        clock.time("train L2D", || rounds::train(device, config, run, Kind::L2d, round, progress))?;
    }
    clock.time("predict and design", || stages::design(device, config, run, progress))?;
    clock.time("network", || network::compute(config, run))?;
    if run.branch != Branch::OnePool {
        if whole {
            clock.time("attack", || stages::attack(device, config, run, progress))?;
        }
        clock.time("robustness", || robustness::compute(device, config, run, progress))?;
        if whole {
            clock.time("spectra", || spectra::compute(device, config, run, progress))?;
        }
    }
    clock.time("power-law fits", || fits::compute(config, run, progress))?;
    if whole && run.branch == Branch::Root {
        clock.time("sets of Fig. S1", || sets::compute(device, config, run, progress))?;
        clock.time("sweeps of Fig. S2", || sweep::compute(device, config, run, progress))?;
    }
    Ok(clock)
}
