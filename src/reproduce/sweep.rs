//! Short trainings with several regularisers (Fig. S2): `sweep/{d2l,l2d}-{variant}/metrics.jsonl`.
//!
//! Each network is trained without a regulariser, with each dropout and with each L2 penalty on the first `sweep.train` samples. The
//! L2D learns through the run's own D2L, so that the trainings differ in one thing only.

use super::Run;
use super::stages::{self, examples};
use crate::config::Config;
use crate::nn::Kind;
use crate::ops::Device;
use crate::progress::Progress;
use crate::report::{Claim, Row};
use crate::train::{Best, Job, L2Scope, Metrics, TrainConfig, read_metrics};
use crate::{Error, Result};
use std::path::PathBuf;

/// A regulariser of the sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Regulariser {
    None,
    /// Dropout that keeps this share of the hidden units.
    Keep(f64),
    /// The L2 penalty of this scale.
    L2(f64),
}

impl Regulariser {
    /// Those that `config` asks for.
    pub(super) fn all(config: &Config) -> Vec<Regulariser> {
        let keep = config.sweep.keep.iter().map(|k| Regulariser::Keep(*k));
        let l2 = config.sweep.l2_scale.iter().map(|s| Regulariser::L2(*s));
        std::iter::once(Regulariser::None).chain(keep).chain(l2).collect()
    }

    /// Its folder's name behind the network's.
    pub(super) fn name(self) -> String {
        match self {
            Regulariser::None => "none".into(),
            Regulariser::Keep(keep) => format!("keep-{keep}"),
            Regulariser::L2(scale) => format!("l2-{scale:e}"),
        }
    }

    /// The keys of the training.
    fn keys(self, config: &Config, kind: Kind) -> TrainConfig {
        let sweep = &config.sweep;
        let mut keys = TrainConfig {
            epochs: sweep.epochs,
            patience: 0,
            best: Best::Accuracy,
            fresh: false,
            keep: 1.0,
            l2_scope: L2Scope::None,
            ..config.network(kind).clone()
        };
        keys.decay_steps = (samples(config) / keys.batch.max(1) * sweep.epochs as usize).max(1) as f64;
        match self {
            Regulariser::None => (),
            Regulariser::Keep(keep) => keys.keep = keep,
            // Also where the run's own L2D goes without.
            Regulariser::L2(scale) => {
                let scope = config.l2d.l2_scope;
                (keys.l2_scope, keys.l2_scale) = (if scope == L2Scope::None { L2Scope::Output } else { scope }, scale);
            }
        }
        keys
    }
}

/// Samples that a sweep trains on.
fn samples(config: &Config) -> usize {
    config.sweep.train.min(config.data.train as usize)
}

fn folder(run: &Run, kind: Kind, regulariser: Regulariser) -> PathBuf {
    run.path(&format!("sweep/{}-{}", kind.key(), regulariser.name()))
}

/// The epochs of one training of the sweep.
pub(super) fn metrics(run: &Run, kind: Kind, regulariser: Regulariser) -> Result<Vec<Metrics>> {
    read_metrics(&folder(run, kind, regulariser).join("metrics.jsonl"))
}

pub(super) fn compute<D: Device>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    for kind in [Kind::D2l, Kind::L2d] {
        let mut sets = None;
        for regulariser in Regulariser::all(config) {
            let folder = folder(run, kind, regulariser);
            if metrics(run, kind, regulariser)?.len() as u64 != config.sweep.epochs {
                let (training, validation) = match &sets {
                    Some(sets) => sets,
                    None => sets.insert(examples(config, run, kind)?),
                };
                let training = training.rows(0..samples(config), config.lattice.sites());
                let frozen = if kind == Kind::L2d { Some(run.model(Kind::D2l)?) } else { None };
                let keys = regulariser.keys(config, kind);
                let job = Job {
                    architecture: keys.architecture(kind, config.lattice.size),
                    init: None,
                    config: &keys,
                    seed: config.seed,
                    frozen: frozen.as_ref(),
                    training: &training,
                    source: None,
                    validation: Some(validation),
                    lattice: &config.lattice,
                    labels: &config.labels,
                    folder: &folder,
                    resume: true,
                    notes: keys.notes(),
                };
                stages::train(device, &job, progress)?;
            }
            // The curves are kept, not the networks.
            let checkpoints = folder.join("checkpoints");
            if checkpoints.exists() {
                std::fs::remove_dir_all(&checkpoints).map_err(|source| Error::write(&checkpoints, source))?;
            }
        }
    }
    Ok(())
}

pub(super) fn rows(config: &Config, run: &Run) -> Result<Vec<Row>> {
    let n = samples(config);
    let last = |kind: Kind, wanted: fn(Regulariser) -> bool| -> Result<f64> {
        let mut best = f64::NAN;
        for regulariser in Regulariser::all(config).into_iter().filter(|r| wanted(*r)) {
            let accuracy = metrics(run, kind, regulariser)?.last().and_then(|m| m.validation_accuracy);
            best = best.max(100.0 * accuracy.unwrap_or(f64::NAN));
        }
        Ok(best)
    };
    let mut rows = Vec::new();
    for kind in [Kind::D2l, Kind::L2d] {
        let none = last(kind, |r| r == Regulariser::None)?;
        let dropout = last(kind, |r| matches!(r, Regulariser::Keep(_)))?;
        let l2 = last(kind, |r| matches!(r, Regulariser::L2(_)))?;
        let (id, what, ours, baseline, stated, holds) = match kind {
            Kind::D2l => ("S2.d2l", "best dropout, validation accuracy", dropout, l2, "dropout beats L2 for D2L", dropout > l2),
            // "Works": it ends above the network without it.
            Kind::L2d => ("S2.l2d", "best L2 penalty, validation accuracy", l2, none, "L2 works for L2D", l2 > none),
        };
        let note = format!(
            "after {} epochs: no regulariser {none:.2} %, best dropout {dropout:.2} %, best L2 {l2:.2} %; baseline: {}",
            config.sweep.epochs,
            if kind == Kind::D2l { "best L2" } else { "no regulariser" }
        );
        let row = Row::new(id, &format!("{kind}: {what}"), ours, "%", n).baseline(baseline).note(note);
        // A sweep may leave one of the two out.
        let compared = ours.is_finite() && baseline.is_finite();
        rows.push(if compared { row.claim(Claim::Direction { stated: stated.into(), holds }, 20_000) } else { row });
    }
    Ok(rows)
}
