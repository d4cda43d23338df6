//! Random lattices with their modes. Sample k depends on (seed, k) alone: not on the start, the shard or the threads.

use super::npz::write_npz;
use super::shards::{LATTICES, Sharded};
use super::{Labelled, Structures};
use crate::ops::deformation::{Deform, Deformation};
use crate::ops::eigh::Labels;
use crate::ops::spectrum::Spectra;
use crate::physics::{Amplitudes, Lattice, solve_on};
use crate::progress::{Progress, Within};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

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
    let arrays = &["displacement", "mode_area", "energy", "order", "rho", "sigma", "index"];
    let job = Sharded { spec: spec.clone(), count: spec.count as usize, shard: LATTICES, rows: "samples", arrays };
    let part = |rows: Range<usize>| Spec { start: spec.start + rows.start as u64, count: rows.len() as u64, ..spec.clone() };
    let draw = |rows: Range<usize>| {
        let done = rows.start as u64;
        Samples::draw(device, &part(rows), |n| progress.advance(done + n, ""), progress)
    };
    let write = |path: &Path, rows, samples: &Samples| samples.write(path, &part(rows));
    progress.begin("generate", spec.count, "sample");
    if is_file(out) {
        let meta = meta(spec)?;
        job.beside(out, draw, write)?.join(out, |npz| npz.text("meta", &meta))?;
    } else {
        job.in_folder(out, draw, write)?;
    }
    progress.end();
    Ok(())
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
