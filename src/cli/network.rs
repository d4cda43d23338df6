//! `evaluate`, `predict` and `design`.

use super::common::{Common, check_output};
use super::compute::on_device;
use super::progress::Bar;
use crate::analysis::population::{accuracy, median_curve_accuracy, nearest_curve_accuracy};
use crate::analysis::statistics::mean;
use crate::config::Preset;
use crate::dataset::npz::{self, Npz};
use crate::dataset::{check_lattice, load_labelled, load_structures, load_targets, solve_beside};
use crate::design;
use crate::nn::{Kind, Model};
use crate::physics::{Lattice, average_mode_area};
use crate::{Error, Result};
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct EvaluateArgs {
    /// A D2L or an L2D (.safetensors)
    model: PathBuf,
    /// Data set with the truth
    #[arg(long, value_name = "F|DIR")]
    data: PathBuf,
    /// Set that the baselines take their curves from; the data set itself without it
    #[arg(long, value_name = "F|DIR")]
    training: Option<PathBuf>,
    /// For an L2D: the D2L behind it, for the accuracy through the chain too
    #[arg(long, value_name = "MODEL")]
    d2l: Option<PathBuf>,
}

pub(super) fn evaluate(args: &EvaluateArgs, common: &Common) -> Result<()> {
    let (config, compute) = common.open(Preset::Paper)?;
    let model = Model::read(&args.model)?;
    let behind = args.d2l.as_deref().map(Model::read).transpose()?;
    let data = load_labelled(&args.data)?;
    let training = args.training.as_deref().map(load_labelled).transpose()?;
    let size = data.structures.size;
    design::expect(&args.model.display().to_string(), &model, model.architecture.kind, size)?;
    if model.architecture.kind == Kind::D2l && behind.is_some() {
        return Err(Error::value("--d2l", "goes with an L2D"));
    }
    if let (Some(d2l), Some(path)) = (&behind, &args.d2l) {
        design::expect(&path.display().to_string(), d2l, Kind::D2l, size)?;
    }
    if let Some(other) = training.as_ref().map(|set| set.structures.size).filter(|other| *other != size) {
        return Err(Error::value("--training", format!("has lattices of {other} sites a side, --data {size}")));
    }
    let lattice = Lattice { size, ..config.lattice };
    if model.architecture.kind == Kind::L2d {
        check_lattice(&args.data, &lattice)?;
    }
    let modes = size * size;
    let score = |predicted: &[f64]| mean(&accuracy(predicted, &data.mode_area, modes));
    let mut rows = Vec::new();
    match model.architecture.kind {
        Kind::D2l => rows.push(("D2L", score(&on_device!(compute, device => design::predict(device, &model, &data.structures))?))),
        Kind::L2d => {
            if let Some(d2l) = &behind {
                rows.push(("L2D2L", score(&on_device!(compute, device => design::chain(device, &model, d2l, &data.mode_area))?)));
            }
            let bar = Bar::new(common.quiet);
            let designs = on_device!(compute, device => design::design(device, &model, &data.mode_area, &config.labels, &lattice, &bar))?;
            rows.push(("Hamiltonian truth of the designs", score(&designs.truth.mode_area)));
        }
    }
    let curves = training.as_ref().map_or(&data.mode_area, |t| &t.mode_area);
    rows.push(("baseline: median curve", mean(&median_curve_accuracy(curves, &data.mode_area, modes))));
    if training.is_some() {
        rows.push(("baseline: training curve of nearest w_avg", mean(&nearest_curve_accuracy(curves, &data.mode_area, modes))));
    }
    if common.json {
        let rows: serde_json::Map<_, _> = rows.into_iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        out!("{}", json!({ "count": data.structures.count, "accuracy": rows }));
    } else {
        out!("accuracy over {} samples", data.structures.count);
        for (name, value) in rows {
            out!("  {name:42} {:6.2} %", 100.0 * value);
        }
    }
    Ok(())
}

#[derive(clap::Args)]
pub(super) struct PredictArgs {
    /// A D2L (.safetensors)
    model: PathBuf,
    /// .npz with `displacement`, a bare .npy (n, 2, L, L), or a folder of shards
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Gets mode_area (n, N), in the network's order
    #[arg(long, value_name = "F.npz")]
    out: PathBuf,
}

pub(super) fn predict(args: &PredictArgs, common: &Common) -> Result<()> {
    let (_, compute) = common.open(Preset::Paper)?;
    let model = Model::read(&args.model)?;
    let structures = load_structures(&args.input)?;
    design::expect(&args.model.display().to_string(), &model, Kind::D2l, structures.size)?;
    check_output(&args.out, &[&args.model, &args.input])?;
    let predicted = on_device!(compute, device => design::predict(device, &model, &structures))?;
    let shape = [structures.count, model.architecture.sites()];
    npz::write_npz(&args.out, |npz| npz.array("mode_area", &shape, &npz::single(&predicted)))?;
    if common.json {
        out!("{}", json!({ "count": structures.count, "w_avg": average_mode_area(&predicted) }));
    }
    Ok(())
}

#[derive(clap::Args)]
pub(super) struct DesignArgs {
    /// An L2D (.safetensors)
    model: PathBuf,
    /// .npz with `mode_area` (n, N), .npy, or a CSV curve, sorted ascending
    target: PathBuf,
    /// Gets displacement (n, 2, L, L), and mode_area, energy of its Hamiltonian truth
    #[arg(long, value_name = "F.npz")]
    out: PathBuf,
}

pub(super) fn design(args: &DesignArgs, common: &Common) -> Result<()> {
    let (config, compute) = common.open(Preset::Paper)?;
    let model = Model::read(&args.model)?;
    let targets = load_targets(&args.target)?;
    design::expect(&args.model.display().to_string(), &model, Kind::L2d, targets.size)?;
    check_output(&args.out, &[&args.model, &args.target])?;
    let lattice = Lattice { size: targets.size, ..config.lattice };
    check_lattice(&args.target, &lattice)?;
    let bar = Bar::new(common.quiet);
    let (n, size, modes) = (targets.count, targets.size, lattice.sites());
    let (drawn, solved) = on_device!(compute, device => {
        design::draw(device, &model, &targets.mode_area, size).and_then(|drawn| {
            let solved = solve_beside(device, &config.labels, &lattice, &drawn.displacement, &args.out, npz::single, &bar)?;
            Ok((drawn, solved))
        })
    })?;
    solved.join(&args.out, |npz| {
        npz.array("displacement", &[n, 2, size, size], &npz::single(&drawn.displacement))?;
        npz.array("target", &[n, modes], &npz::single(&targets.mode_area))
    })?;
    let mode_area = Npz::open(&args.out)?.array("mode_area")?.values;
    let truth = mean(&accuracy(&mode_area, &targets.mode_area, modes));
    if common.json {
        out!("{}", json!({ "count": n, "truth_accuracy": truth }));
    } else {
        out!("{n} designs, truth accuracy {:.2} %", 100.0 * truth);
    }
    Ok(())
}
