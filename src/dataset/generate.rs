//! Random lattices with their modes. Sample k depends on (seed, k) alone: not on the start, the shard or the threads.
//!
//! Work is kept shard by shard in a folder: `manifest.json` tells the whole job and the fingerprint of each finished shard.
//! A kill loses at most the two shards in hand, one drawn and one written; the same call again resumes. A single file is merged from
//! such a folder.

use super::npz::write_npz;
use super::{Labelled, Structures, fingerprint};
use crate::file::Held;
use crate::ops::deformation::{Deform, Deformation};
use crate::ops::eigh::Labels;
use crate::ops::spectrum::Spectra;
use crate::physics::{Amplitudes, Lattice, solve_on};
use crate::progress::{Progress, Within};
use crate::{Error, Result, file};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// Samples of a shard.
const SHARD: u64 = 1024;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Seed of the set.
    pub seed: u64,
    /// Index of the first sample.
    pub start: u64,
    /// Number of samples.
    pub count: u64,
    /// The crystal and its hoppings.
    pub lattice: Lattice,
    /// How strongly it is deformed (Eq. 5).
    pub amplitudes: Amplitudes,
    /// How its modes are solved.
    #[serde(default)]
    pub labels: Labels,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) spec: Spec,
    pub(super) shards: Vec<Shard>,
}

/// A finished shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Shard {
    pub(super) file: String,
    pub(super) count: u64,
    fingerprint: String,
}

impl Spec {
    fn validate(&self) -> Result<()> {
        self.lattice.validate()?;
        self.amplitudes.validate()?;
        if self.count == 0 {
            return Err(Error::value("--count", "0 samples; at least 1 is needed"));
        }
        if self.start.checked_add(self.count).is_none() {
            return Err(Error::value("--start", "start + count passes 2^64"));
        }
        Ok(())
    }

    /// The set of the same kind and size that begins where `sets` of them end.
    ///
    /// # Errors
    /// [`Error::Value`] where its indices would pass 2^64.
    pub fn following(&self, sets: u64) -> Result<Spec> {
        let start = sets.checked_mul(self.count).and_then(|skipped| self.start.checked_add(skipped));
        match start.filter(|start| start.checked_add(self.count).is_some()) {
            Some(start) => Ok(Spec { start, ..self.clone() }),
            None => Err(Error::value("--start", format!("{} and {sets} sets of {} samples pass 2^64", self.start, self.count))),
        }
    }

    /// Is a sample of one among the first `sets` sets of the other, by seed and index? With other amplitudes it is the same draws stretched.
    pub fn shares_draws(&self, other: &Spec, sets: u64) -> bool {
        let end = self.start.saturating_add(sets.saturating_mul(self.count));
        self.seed == other.seed && other.start < end && self.start < other.start.saturating_add(other.count)
    }

    /// The shard that begins `done` samples into the set.
    fn shard(&self, done: u64) -> Spec {
        Spec { start: self.start + done, count: SHARD.min(self.count - done), ..self.clone() }
    }
}

/// Does `out` name one file, by its ending, and not a folder of shards?
pub fn is_file(out: &Path) -> bool {
    out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"))
}

/// Generates `spec` on `device` into `out`: one NPZ file if the name ends in `.npz`, else a folder of shards.
///
/// # Errors
/// Impossible values; a folder that holds another set; an output that cannot be written; Ctrl-C, after the shard before was saved.
pub fn generate<D: Spectra + Deform>(device: &D, spec: &Spec, out: &Path, progress: &dyn Progress) -> Result<()> {
    spec.validate()?;
    if !is_file(out) {
        return generate_shards(device, spec, out, progress).map(drop);
    }
    if out.is_dir() {
        return Err(Error::file(out, "is a folder; name a file that is not there yet"));
    }
    // The name tells the job, so that another job's parts are never touched.
    let job = serde_json::to_string(spec).map_err(|e| Error::Failed(e.to_string()))?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let parts = out.with_file_name(format!(".{name}.{}.parts", fingerprint(job.as_bytes())));
    let (manifest, _held) = generate_shards(device, spec, &parts, progress)?;
    merge(spec, &parts, &manifest, out)?;
    fs::remove_dir_all(&parts).map_err(|e| Error::write(&parts, e))
}

/// The samples of `spec` as [`super::load_labelled`] would read them: of f4 precision. `progress` is asked whether to stop.
///
/// # Errors
/// Impossible values, a card's faults, [`Error::Interrupted`].
pub fn realise<D: Spectra + Deform>(device: &D, spec: &Spec, progress: &dyn Progress) -> Result<Labelled> {
    spec.validate()?;
    let samples = Samples::draw(device, spec, |_| {}, progress)?;
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
    let structures = Structures { size: spec.lattice.size, count: samples.index.len(), displacement: wide(samples.displacement) };
    Ok(Labelled { structures, mode_area: wide(samples.mode_area) })
}

/// What may stand in a folder whose manifest is not written yet.
fn is_ours(name: &OsStr) -> bool {
    name == Held::FILE || file::is_leftover(name, "manifest.json")
}

/// What of `spec` is in `folder`.
///
/// # Errors
/// [`Error::File`] where there is anything else.
fn begun(spec: &Spec, folder: &Path) -> Result<Manifest> {
    let path = folder.join("manifest.json");
    if path.exists() {
        let found = Manifest::read(&path)?;
        if found.spec == *spec {
            return Ok(found);
        }
        let fault = "belongs to another set (seed, start, count, lattice, amplitudes or labels differ); name another folder";
        return Err(Error::file(&path, fault));
    }
    if fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|e| !is_ours(&e.file_name()))) {
        return Err(Error::file(folder, "is a folder with other things in it; name a new one, or a file ending in .npz"));
    }
    Ok(Manifest { spec: spec.clone(), shards: Vec::new() })
}

fn generate_shards<D: Spectra + Deform>(device: &D, spec: &Spec, folder: &Path, progress: &dyn Progress) -> Result<(Manifest, Held)> {
    let manifest_path = folder.join("manifest.json");
    begun(spec, folder)?;
    let held = Held::new(folder)?;
    // Another process may have been at work until now.
    let mut manifest = begun(spec, folder)?;
    file::remove_leftovers(folder, "");
    // The manifest comes first, so that a folder with a shard in it is never without the name of its job.
    manifest.write(&manifest_path)?;
    // Only shards that are what the manifest says count as done.
    let sound = manifest.shards.iter().take_while(|shard| shard.read(folder).is_ok());
    manifest.shards.truncate(sound.count());

    progress.begin("generate", spec.count, "sample");
    let done = manifest.shards.iter().map(|s| s.count).sum();
    // A shard is drawn while the one before is written, on a thread that ends with the last, or at a fault. What was drawn is saved, too,
    // where drawing ends early.
    let made = thread::scope(|scope| {
        let (to_writer, drawn) = sync_channel::<(Spec, Samples)>(0);
        let manifest = &mut manifest;
        let writer = scope.spawn(move || drawn.into_iter().try_for_each(|(shard, samples)| manifest.add(folder, &shard, &samples)));
        let drawing = draw_shards(device, spec, done, progress, &to_writer);
        drop(to_writer);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic)).and(drawing)
    });
    if let Err(Error::Interrupted(_)) = made {
        let saved: u64 = manifest.shards.iter().map(|s| s.count).sum();
        return Err(Error::Interrupted(format!("{saved} of {} samples are saved; the same command goes on", spec.count)));
    }
    made?;
    progress.end();
    Ok((manifest, held))
}

/// Draws what follows the first `done` samples, until all are drawn or `to_writer` takes no more.
fn draw_shards<D: Spectra + Deform>(
    device: &D,
    spec: &Spec,
    mut done: u64,
    progress: &dyn Progress,
    to_writer: &SyncSender<(Spec, Samples)>,
) -> Result<()> {
    while done < spec.count {
        let shard = spec.shard(done);
        let samples = Samples::draw(device, &shard, |n| progress.advance(done + n, ""), progress)?;
        done += shard.count;
        if to_writer.send((shard, samples)).is_err() {
            break;
        }
    }
    Ok(())
}

impl Shard {
    /// The file, which must be the one that was written to `folder`, and its bytes.
    pub(super) fn read(&self, folder: &Path) -> Result<(PathBuf, Vec<u8>)> {
        let path = folder.join(&self.file);
        if Path::new(&self.file).file_name() != Some(self.file.as_ref()) {
            return Err(Error::file(folder.join("manifest.json"), format!("{:?} is no shard's name", self.file)));
        }
        let bytes = file::read_bytes(&path)?;
        if fingerprint(&bytes) != self.fingerprint {
            return Err(Error::file(path, "is not the shard that manifest.json tells of; run the same generate again to mend it"));
        }
        Ok((path, bytes))
    }
}

impl Manifest {
    pub(super) fn read(path: &Path) -> Result<Self> {
        serde_json::from_slice(&file::read_bytes(path)?).map_err(|e| Error::file(path, format!("not a manifest of shards: {e}")))
    }

    /// Writes a shard into `folder`, then itself.
    fn add(&mut self, folder: &Path, shard: &Spec, samples: &Samples) -> Result<()> {
        let name = format!("shard-{:06}.npz", self.shards.len());
        let path = folder.join(&name);
        samples.write(&path, shard)?;
        let fingerprint = fingerprint(&file::read_bytes(&path)?);
        self.shards.push(Shard { file: name, count: shard.count, fingerprint });
        self.write(&folder.join("manifest.json"))
    }

    fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::Failed(e.to_string()))?;
        file::write_bytes(path, text.as_bytes())
    }
}

/// The arrays of a shard.
#[derive(Default)]
struct Samples {
    displacement: Vec<f32>,
    mode_area: Vec<f32>,
    energy: Vec<f64>,
    order: Vec<u16>,
    rho: Vec<f32>,
    sigma: Vec<f32>,
    index: Vec<u64>,
}

impl Samples {
    /// Chunk by chunk: drawn, built, solved and reduced on the device; what is kept comes down.
    fn draw<D: Spectra + Deform>(device: &D, spec: &Spec, advance: impl Fn(u64), progress: &dyn Progress) -> Result<Self> {
        let mut samples = Samples::default();
        let row = 2 * spec.lattice.sites();
        let Amplitudes { rho_max, sigma_max } = spec.amplitudes;
        let deformation = Deformation { size: spec.lattice.size as u64, rho_max, sigma_max, seed: spec.seed };
        for first in (0..spec.count).step_by(D::BATCH) {
            let count = (spec.count - first).min(D::BATCH as u64) as usize;
            let (mut images, mut rho, mut sigma) = (device.zeros(count * row)?, device.zeros(count)?, device.zeros(count)?);
            device.deform(&deformation, spec.start + first, count, &mut images, &mut rho, &mut sigma)?;
            let displacement = device.first(&images, count * row)?;
            // The Hamiltonian is built from the displacement as it is stored.
            let stored: Vec<f64> = displacement.iter().map(|d| f64::from(*d)).collect();
            let spectrum = solve_on(device, &spec.labels, &spec.lattice, &stored, &Within(progress))?;
            samples.displacement.extend(displacement);
            samples.mode_area.extend(spectrum.mode_area.iter().map(|w| *w as f32));
            samples.energy.extend(spectrum.energy);
            samples.order.extend(spectrum.order);
            samples.rho.extend(device.first(&rho, count)?);
            samples.sigma.extend(device.first(&sigma, count)?);
            samples.index.extend((first..first + count as u64).map(|k| spec.start + k));
            advance(samples.index.len() as u64);
        }
        Ok(samples)
    }

    fn write(&self, path: &Path, spec: &Spec) -> Result<()> {
        let (n, size, sites) = (self.index.len(), spec.lattice.size, spec.lattice.sites());
        let meta = meta(spec)?;
        write_npz(path, |npz| {
            npz.array("displacement", &[n, 2, size, size], &self.displacement)?;
            npz.array("mode_area", &[n, sites], &self.mode_area)?;
            npz.array("energy", &[n, sites], &self.energy)?;
            npz.array("order", &[n, sites], &self.order)?;
            npz.array("rho", &[n], &self.rho)?;
            npz.array("sigma", &[n], &self.sigma)?;
            npz.array("index", &[n], &self.index)?;
            npz.text("meta", &meta)
        })
    }
}

fn meta(spec: &Spec) -> Result<String> {
    let mut meta = serde_json::to_value(spec).map_err(|e| Error::Failed(e.to_string()))?;
    meta["program"] = concat!("scalefree ", env!("CARGO_PKG_VERSION")).into();
    Ok(meta.to_string())
}

/// One file from a folder of shards, array by array, in the memory of one shard.
fn merge(spec: &Spec, folder: &Path, manifest: &Manifest, out: &Path) -> Result<()> {
    let shards: Vec<PathBuf> = manifest.shards.iter().map(|s| folder.join(&s.file)).collect();
    let (n, size, sites) = (spec.count as usize, spec.lattice.size, spec.lattice.sites());
    let meta = meta(spec)?;
    write_npz(out, |npz| {
        for (key, shape) in [
            ("displacement", &[n, 2, size, size][..]),
            ("mode_area", &[n, sites]),
            ("energy", &[n, sites]),
            ("order", &[n, sites]),
            ("rho", &[n]),
            ("sigma", &[n]),
        ] {
            npz.join(key, shape, &shards)?;
        }
        npz.array("index", &[n], &(spec.start..spec.start + spec.count).collect::<Vec<u64>>())?;
        npz.text("meta", &meta)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(seed: u64, start: u64, count: u64) -> Spec {
        Spec { seed, start, count, lattice: Lattice::default(), amplitudes: Amplitudes::default(), labels: Labels::default() }
    }

    #[test]
    fn sets_follow_without_a_gap() {
        for (start, sets, wanted) in [(0, 0, Some(0)), (5, 3, Some(35)), (u64::MAX - 25, 1, Some(u64::MAX - 15)), (u64::MAX - 25, 2, None)]
        {
            assert_eq!(spec(1, start, 10).following(sets).ok().map(|s| s.start), wanted, "{start} {sets}");
        }
        assert!(spec(1, 0, 10).following(u64::MAX).unwrap_err().to_string().starts_with("--start: 0 and"));
    }

    #[test]
    fn draws_are_shared_by_seed_and_index() {
        let training = spec(1, 100, 10);
        for (other, sets, shared) in [
            (spec(1, 110, 10), 1, false),
            (spec(1, 110, 10), 2, true),
            (spec(1, 119, 1), 2, true),
            (spec(1, 120, 1), 2, false),
            (spec(1, 0, 100), 2, false),
            (spec(1, 0, 101), 2, true),
            (spec(2, 100, 10), 2, false),
            (spec(1, u64::MAX, 1), u64::MAX, false),
        ] {
            assert_eq!(training.shares_draws(&other, sets), shared, "{} from {}, {sets} sets", other.count, other.start);
        }
    }
}
