//! The networks of a run, and rounds in which they learn from each other (`rounds.count`).
//!
//! L2D designs what random lattices never are, and D2L judges it from afar. So in round r, from 1:
//!
//! - the L2D of round r - 1 draws structures for the curves of its own training and validation sets, and the Hamiltonian tells their
//!   mode areas: `rounds/R/{train,validation}.npz`, R = r - 1;
//! - D2L goes on from its numbers, with its own sets and the structures of all rounds together;
//! - L2D goes on from its numbers, through that D2L.
//!
//! Round 0 is the training of a run without rounds. `d2l/` and `l2d/` hold the networks of the last round, `rounds/R/` those before.

use super::Run;
use super::stages::{self, examples, set};
use crate::config::Config;
use crate::dataset::{load_labelled, load_spec, npz};
use crate::nn::{Kind, Model};
use crate::ops::Device;
use crate::progress::Progress;
use crate::train::{Examples, Job, TrainConfig};
use crate::{Result, design, file};
use std::path::PathBuf;

/// Where a network of a round is trained, by its place in the run.
pub(crate) fn place(config: &Config, kind: Kind, round: u64) -> String {
    let name = kind.key();
    if round == config.rounds.count { name.into() } else { format!("rounds/{round}/{name}") }
}

fn best(config: &Config, run: &Run, kind: Kind, round: u64) -> Result<Model> {
    Model::read(&run.path(&format!("{}/checkpoints/best.safetensors", place(config, kind, round))))
}

/// Structures that the L2D of a round draws for the curves of its training or its validation set.
fn drawn(run: &Run, round: u64, part: &str) -> PathBuf {
    run.path(&format!("rounds/{round}/{part}.npz"))
}

/// Trains the network of `kind` in `round`.
pub(super) fn train<D: Device>(device: &D, config: &Config, run: &Run, kind: Kind, round: u64, progress: &dyn Progress) -> Result<()> {
    let (mut training, mut validation) = examples(config, run, kind)?;
    if kind == Kind::D2l {
        for earlier in 0..round {
            training.extend(Examples::new(kind, load_labelled(&drawn(run, earlier, "train"))?));
            validation.extend(Examples::new(kind, load_labelled(&drawn(run, earlier, "validation"))?));
        }
    }
    let mut keys = config.network(kind).clone();
    let mut source = None;
    if keys.fresh {
        // A round begins with the set itself, as every training does, and goes on behind what the round before has seen.
        let seen = if round == 0 { 0 } else { keys.epochs + (round - 1) * config.rounds.epochs };
        source = Some(load_spec(&run.data(&format!("{}_train", kind.key())))?.following(seen)?);
    }
    let mut init = None;
    if round > 0 {
        let steps = training.targets.len() / config.lattice.sites() / keys.batch.max(1) * config.rounds.epochs as usize;
        keys = TrainConfig { epochs: config.rounds.epochs, decay_steps: steps.max(1) as f64, ..keys };
        init = Some(best(config, run, kind, round - 1)?);
    }
    let frozen = if kind == Kind::L2d { Some(best(config, run, Kind::D2l, round)?) } else { None };
    let job = Job {
        architecture: keys.architecture(kind, config.lattice.size),
        init: init.as_ref(),
        config: &keys,
        // Each round with an order and dropout of its own.
        seed: config.seed.wrapping_add(round << 32),
        frozen: frozen.as_ref(),
        training: &training,
        source: source.as_ref(),
        validation: Some(&validation),
        lattice: &config.lattice,
        labels: &config.labels,
        folder: &run.path(&place(config, kind, round)),
        resume: true,
        notes: keys.notes(),
    };
    stages::train(device, &job, progress)
}

/// Makes the structures that the L2D of `round` draws.
pub(super) fn draw<D: Device>(device: &D, config: &Config, run: &Run, round: u64, progress: &dyn Progress) -> Result<()> {
    let (size, modes) = (config.lattice.size, config.lattice.sites());
    for part in ["train", "validation"] {
        let out = drawn(run, round, part);
        if out.exists() {
            continue;
        }
        let l2d = best(config, run, Kind::L2d, round)?;
        let targets = set(config, run, &format!("l2d_{part}"))?.mode_area;
        let designs = design::design(device, &l2d, &targets, &config.labels, &config.lattice, progress)?;
        let n = targets.len() / modes;
        out.parent().map_or(Ok(()), file::create_folder)?;
        npz::write_npz(&out, |npz| {
            npz.array("displacement", &[n, 2, size, size], &npz::single(&designs.structures.displacement))?;
            npz.array("mode_area", &[n, modes], &npz::single(&designs.truth.mode_area))
        })?;
    }
    Ok(())
}
