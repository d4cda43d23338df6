//! The stages that compute. Each checks first whether its files are there.

use super::Run;
use crate::analysis::population::{accuracy, attack_pair, w_avg};
use crate::config::Config;
use crate::dataset::{Attacked, Labelled, Spec, Structures, generate, load_labelled, load_structures, npz};
use crate::design;
use crate::nn::{Kind, Model};
use crate::ops::Device;
use crate::physics::Attack;
use crate::progress::Progress;
use crate::train::{Examples, Job, has_ended, read_metrics};
use crate::{Error, Result, file};
use std::path::Path;

/// The data sets; each has a seed of its own (the paper: "different random seeds"), derived from the run's.
pub(crate) const SETS: [&str; 6] = ["d2l_train", "d2l_validation", "d2l_test", "l2d_train", "l2d_validation", "l2d_test"];

/// What set `set` of [`SETS`] is drawn from.
pub(crate) fn spec(config: &Config, set: usize) -> Spec {
    let count = [config.data.train, config.data.validation, config.data.test][set % 3];
    let seed = config.seed.wrapping_mul(SETS.len() as u64).wrapping_add(set as u64);
    Spec { seed, start: 0, count, lattice: config.lattice, amplitudes: config.data.amplitudes(), labels: config.labels }
}

pub(super) fn data<D: Device>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    file::create_folder(&run.path("data"))?;
    for (set, name) in SETS.iter().enumerate() {
        let out = run.data(name);
        if !out.exists() {
            generate(device, &spec(config, set), &out, progress)?;
        }
    }
    Ok(())
}

/// A data set of the run.
///
/// # Errors
/// A file that is not there, or holds anything but the lattices that the configuration asks for.
pub(super) fn set(config: &Config, run: &Run, name: &str) -> Result<Labelled> {
    let path = run.data(name);
    let found = load_labelled(&path)?;
    let wanted = SETS.iter().position(|known| *known == name).map_or(0, |set| spec(config, set).count as usize);
    of_size(&path, &found.structures, wanted, config)?;
    Ok(found)
}

/// Are these as many lattices of the size that the configuration asks for?
fn of_size(path: &Path, found: &Structures, wanted: usize, config: &Config) -> Result<()> {
    let size = config.lattice.size;
    if (found.count, found.size) == (wanted, size) {
        return Ok(());
    }
    let asked = format!("the run's configuration asks for {wanted} of {size}; remove the file to have it made again");
    Err(Error::file(path, format!("{} lattices of {} sites a side; {asked}", found.count, found.size)))
}

/// Has an array of a run's file the size that the configuration asks for?
fn of_length(path: &Path, key: &str, found: &[f64], wanted: usize) -> Result<()> {
    if found.len() == wanted {
        return Ok(());
    }
    let fault =
        format!("{key} holds {} numbers; the run's configuration asks for {wanted}; remove the file to have it made again", found.len());
    Err(Error::file(path, fault))
}

/// What a network of `kind` learns from, and what it is validated on.
pub(super) fn examples(config: &Config, run: &Run, kind: Kind) -> Result<(Examples, Examples)> {
    let name = kind.key();
    let [training, validation] = ["train", "validation"].map(|part| set(config, run, &format!("{name}_{part}")));
    Ok((Examples::new(kind, training?), Examples::new(kind, validation?)))
}

/// Trains, or goes on where it was cut. A finished training needs its state no more.
pub(super) fn train<D: Device>(device: &D, job: &Job, progress: &dyn Progress) -> Result<()> {
    let there = |name: &str| job.folder.join("checkpoints").join(name).exists();
    let metrics = read_metrics(&job.folder.join("metrics.jsonl"))?;
    if there("last.safetensors") && !there("state.safetensors") && has_ended(job.config, &metrics) {
        return Ok(());
    }
    crate::train::train(device, job, progress).map(drop)
}

/// The L2D before its first step: the control of an untrained network.
fn untrained(config: &Config, run: &Run) -> Result<Model> {
    let inputs = set(config, run, "l2d_train")?.mode_area;
    Ok(config.l2d.start(config.architecture(Kind::L2d), &inputs, config.seed))
}

pub(super) fn design<D: Device>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    let (size, modes) = (config.lattice.size, config.lattice.sites());
    let prediction = run.path("prediction.npz");
    if !prediction.exists() {
        let d2l = run.model(Kind::D2l)?;
        let test = set(config, run, "d2l_test")?;
        let predicted = design::predict(device, &d2l, &test.structures)?;
        npz::write_npz(&prediction, |npz| npz.array("mode_area", &[test.structures.count, modes], &predicted))?;
    }
    let designs = run.path("designs.npz");
    if !designs.exists() {
        let (d2l, l2d) = (run.model(Kind::D2l)?, run.model(Kind::L2d)?);
        let targets = set(config, run, "l2d_test")?.mode_area;
        let n = targets.len() / modes;
        let chained = design::chain(device, &l2d, &d2l, &targets)?;
        let drawn = design::design(device, &l2d, &targets, &config.labels, &config.lattice, progress)?;
        let control = design::draw(device, &untrained(config, run)?, &targets, size)?;
        npz::write_npz(&designs, |npz| {
            npz.array("displacement", &[n, 2, size, size], &npz::single(&drawn.structures.displacement))?;
            npz.array("mode_area", &[n, modes], &drawn.truth.mode_area)?;
            npz.array("energy", &[n, modes], &drawn.truth.energy)?;
            npz.array("chained", &[n, modes], &chained)?;
            npz.array("untrained", &[n, 2, size, size], &npz::single(&control.displacement))
        })?;
    }
    Ok(())
}

/// What the design stage left.
pub(super) struct Designs {
    /// The designed lattices.
    pub(super) structures: Structures,
    /// Their true mode areas.
    pub(super) mode_area: Vec<f64>,
    /// What the D2L believes them to be.
    pub(super) chained: Vec<f64>,
    /// What an untrained L2D draws for the same targets.
    pub(super) untrained: Vec<f64>,
}

/// Reads `designs.npz`.
///
/// # Errors
/// As [`set`].
pub(super) fn designs(config: &Config, run: &Run) -> Result<Designs> {
    let path = run.path("designs.npz");
    let mut npz = npz::Npz::open(&path)?;
    let modes = config.data.test as usize * config.lattice.sites();
    let structures = load_structures(&path)?;
    of_size(&path, &structures, config.data.test as usize, config)?;
    let mut array = |key: &str, wanted: usize| -> Result<Vec<f64>> {
        let values = npz.array(key)?.values;
        of_length(&path, key, &values, wanted)?;
        Ok(values)
    };
    let (mode_area, chained, untrained) = (array("mode_area", modes)?, array("chained", modes)?, array("untrained", 2 * modes)?);
    Ok(Designs { structures, mode_area, chained, untrained })
}

/// What D2L predicts for its test set, (n, N).
///
/// # Errors
/// As [`set`].
pub(super) fn predicted(config: &Config, run: &Run) -> Result<Vec<f64>> {
    let path = run.path("prediction.npz");
    let predicted = npz::Npz::open(&path)?.array("mode_area")?.values;
    of_length(&path, "mode_area", &predicted, config.data.test as usize * config.lattice.sites())?;
    Ok(predicted)
}

/// Which test sample the attack is made on: seed and design of matched localisation (Fig. 6).
pub(super) fn attacked_sample(targets: &[f64], designs: &Designs, modes: usize) -> Result<usize> {
    let (seed, design) = (w_avg(targets, modes), w_avg(&designs.mode_area, modes));
    attack_pair(&seed, &design, &accuracy(&designs.mode_area, targets, modes))
        .ok_or_else(|| Error::Failed("there is no test sample".into()))
}

pub(super) fn attack<D: Device>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    let paths = [run.path("attack_seed.npz"), run.path("attack_design.npz")];
    if paths.iter().all(|p| p.exists()) {
        return Ok(());
    }
    let (test, designs) = (set(config, run, "l2d_test")?, designs(config, run)?);
    let sample = attacked_sample(&test.mode_area, &designs, config.lattice.sites())?;
    let row = 2 * config.lattice.sites();
    let keys = &config.attack;
    let everywhere = Attack::everywhere(&config.lattice, keys.angles, config.seed, 0)?;
    let attack = Attack { rho_a: keys.rho_a, modes: keys.modes, ..everywhere };
    for (path, structures) in paths.iter().zip([&test.structures, &designs.structures]) {
        let displacement = &structures.displacement[sample * row..][..row];
        let shift = attack.strike(device, &config.labels, &config.lattice, displacement, progress)?;
        Attacked::new(attack.clone(), shift).write(path)?;
    }
    Ok(())
}
