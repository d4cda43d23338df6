//! What commands read: structures, structures with their mode areas, and target curves. Every array is checked before it is used.

use super::generate::Spec;
use super::npz::{Array, Npz, is_npy, is_npz, parse_npy};
use super::shards::Manifest;
use crate::physics::Lattice;
use crate::text::{is_name, lines};
use crate::{Error, Result, file, manifest};
use serde_json::json;
use std::path::Path;

/// Displacements of many lattices.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Structures {
    /// Sites along one side, L.
    pub size: usize,
    /// Number of lattices, n.
    pub count: usize,
    /// (n, 2, L, L), in lattice periods; f4 files are widened exactly.
    pub displacement: Vec<f64>,
}

/// Displacements with their true mode areas.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Labelled {
    /// The lattices.
    pub structures: Structures,
    /// (n, N), ascending in each row.
    pub mode_area: Vec<f64>,
}

impl Labelled {
    /// Puts the lattices of `other`, of the same size, behind these.
    pub fn extend(&mut self, other: Labelled) {
        self.structures.size = other.structures.size;
        self.structures.count += other.structures.count;
        self.structures.displacement.extend(other.structures.displacement);
        self.mode_area.extend(other.mode_area);
    }
}

/// Mode-area curves to aim at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    /// Sites along one side, L.
    pub size: usize,
    /// Number of curves, n.
    pub count: usize,
    /// (n, N), ascending in each row.
    pub mode_area: Vec<f64>,
}

/// Structures from an NPZ file with `displacement`, a bare NPY array (n, 2, L, L), or a folder of shards.
pub fn load_structures(path: &Path) -> Result<Structures> {
    if path.is_dir() {
        return Ok(load_labelled(path)?.structures);
    }
    let bytes = read(path)?;
    let (key, array) = if is_npy(&bytes) {
        ("the array", parse_npy(path, None, &bytes)?)
    } else {
        ("displacement", Npz::parse(path, bytes)?.array("displacement")?)
    };
    structures(path, key, array)
}

/// Structures with `mode_area`, from an NPZ file or a folder of shards.
pub fn load_labelled(path: &Path) -> Result<Labelled> {
    if path.is_dir() {
        let manifest_path = path.join("manifest.json");
        if !manifest_path.exists() {
            return Err(Error::file(path, "a folder without manifest.json; a data set's folder has one"));
        }
        let manifest = Manifest::<Spec>::read(&manifest_path)?;
        let done = manifest.done();
        if done as u64 != manifest.spec.count {
            let fault = format!("only {done} of {} samples are there; run the same generate again to finish it", manifest.spec.count);
            return Err(Error::file(&manifest_path, fault));
        }
        let mut all = Labelled::default();
        for shard in &manifest.shards {
            let (path, bytes) = shard.read(path)?;
            let some = labelled(&path, bytes)?;
            let found = (some.structures.count as u64, some.structures.size);
            if found != (shard.count, manifest.spec.lattice.size) {
                let fault = format!("has {} lattices of {} sites a side, not what manifest.json tells of", found.0, found.1);
                return Err(Error::file(path, fault));
            }
            all.extend(some);
        }
        return Ok(all);
    }
    labelled(path, read(path)?)
}

/// The labelled structures of an NPZ file.
fn labelled(path: &Path, bytes: Vec<u8>) -> Result<Labelled> {
    let mut npz = Npz::parse(path, bytes)?;
    let structures = structures(path, "displacement", npz.array("displacement")?)?;
    let curves = curves(path, "mode_area", npz.array("mode_area")?)?;
    if (curves.size, curves.count) != (structures.size, structures.count) {
        let fault = format!(
            "mode_area holds {} curves of {} modes for {} structures of {} sites",
            curves.count,
            curves.size * curves.size,
            structures.count,
            structures.size * structures.size
        );
        return Err(Error::file(path, fault));
    }
    Ok(Labelled { structures, mode_area: curves.mode_area })
}

/// What the data set at `path` was drawn from: the `meta` of an NPZ file, or a folder's manifest.
///
/// # Errors
/// [`Error::File`] where it does not tell, as a file of another program.
pub fn load_spec(path: &Path) -> Result<Spec> {
    if path.is_dir() {
        return Ok(Manifest::<Spec>::read(&path.join("manifest.json"))?.spec);
    }
    let meta = Npz::parse(path, read(path)?)?.array("meta")?;
    let text: Vec<u8> = meta.values.iter().map(|byte| *byte as u8).collect();
    serde_json::from_slice(&text).map_err(|e| Error::file(path, format!("meta: not what a set was drawn from: {e}")))
}

/// Refuses the set in `path` where it tells of another lattice than `lattice`, by whose truth it is to be judged; a set that does not tell
/// passes, and so does another on-site energy, which changes no mode.
///
/// # Errors
/// [`Error::File`], with the key and its value.
pub fn check_lattice(path: &Path, lattice: &Lattice) -> Result<()> {
    let Ok(spec) = load_spec(path) else { return Ok(()) };
    let [ours, of_set] = [*lattice, Lattice { epsilon: lattice.epsilon, ..spec.lattice }].map(|lattice| json!(lattice));
    match manifest::differences(&ours, &of_set).first() {
        None => Ok(()),
        Some((key, ours, of_set)) => {
            let value = of_set.as_str().map_or_else(|| of_set.to_string(), str::to_string);
            let fault = format!("was made with lattice.{key} = {of_set}, not {ours}; --set lattice.{key}={value} takes it so");
            Err(Error::file(path, fault))
        }
    }
}

/// Target curves from an NPZ file with `mode_area`, a bare NPY array (n, N), a folder of shards, or a CSV file: one curve a line,
/// or one number a line for a single curve.
pub fn load_targets(path: &Path) -> Result<Curves> {
    if path.is_dir() {
        let Labelled { structures, mode_area } = load_labelled(path)?;
        return Ok(Curves { size: structures.size, count: structures.count, mode_area });
    }
    let bytes = read(path)?;
    if is_npy(&bytes) {
        curves(path, "the array", parse_npy(path, None, &bytes)?)
    } else if is_npz(&bytes) {
        curves(path, "mode_area", Npz::parse(path, bytes)?.array("mode_area")?)
    } else {
        curves(path, "the curve", parse_csv(path, &bytes)?)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = file::read_bytes(path)?;
    if bytes.is_empty() { Err(Error::file(path, "the file is empty")) } else { Ok(bytes) }
}

fn parse_csv(path: &Path, bytes: &[u8]) -> Result<Array> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::file(path, "neither NPZ, NPY nor text; mode areas are needed"))?;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (place, (number, line)) in lines(text).enumerate() {
        let cells = line.split([',', ';', '\t', ' ']).map(str::trim).filter(|cell| !cell.is_empty());
        match cells.map(str::parse).collect::<std::result::Result<Vec<f64>, _>>() {
            Ok(row) => rows.push(row),
            // A first line of names is a header.
            Err(_) if place == 0 && line.split([',', ';', '\t']).all(is_name) => {}
            Err(_) => return Err(Error::file(path, format!("line {number}: {line:?} is not a row of numbers"))),
        }
    }
    let width = rows.first().map_or(0, Vec::len);
    if let Some(row) = rows.iter().position(|row| row.len() != width) {
        return Err(Error::file(path, format!("curve {row} has {} numbers, the first has {width}", rows[row].len())));
    }
    let shape = if width == 1 { vec![1, rows.len()] } else { vec![rows.len(), width] };
    Ok(Array { shape, values: rows.concat() })
}

fn structures(path: &Path, key: &str, array: Array) -> Result<Structures> {
    let fault = |text: String| Err(Error::file(path, format!("{key}: {text}")));
    let &[count, channels, height, width] = array.shape.as_slice() else {
        return fault(format!("has shape {:?}; (n, 2, L, L) is needed", array.shape));
    };
    if channels != 2 {
        return fault(format!("has {channels} channels; 2 are needed, the x and the y displacements"));
    }
    if height != width {
        return fault(format!("has {height} x {width} sites; the lattice is square"));
    }
    if count == 0 || height == 0 {
        return fault("is empty".into());
    }
    let sites = height * width;
    if let Some(at) = array.values.iter().position(|v| !v.is_finite()) {
        let (sample, axis, site) = (at / (2 * sites), ["x", "y"][at / sites % 2], at % sites);
        return fault(format!("{axis} of sample {sample}, site ({}, {}) is {}", site / width, site % width, array.values[at]));
    }
    Ok(Structures { size: height, count, displacement: array.values })
}

fn curves(path: &Path, key: &str, array: Array) -> Result<Curves> {
    let fault = |text: String| Err(Error::file(path, format!("{key}: {text}")));
    let &[count, modes] = array.shape.as_slice() else {
        return fault(format!("has shape {:?}; (n, N) is needed, one row a lattice", array.shape));
    };
    let size = modes.isqrt();
    if count == 0 || modes == 0 {
        return fault("is empty".into());
    }
    if size * size != modes {
        return fault(format!("has {modes} modes a curve; a square lattice has 4, 9, 16, ..., 256, ..."));
    }
    // Mode areas lie in [1/N, 1]; rounding to f4 may leave that by a hair.
    let possible = 0.999 / modes as f64..=1.001;
    if let Some(at) = array.values.iter().position(|w| !possible.contains(w)) {
        return fault(format!("curve {}, mode {} is {}; a mode area lies in [1/N, 1]", at / modes, at % modes, array.values[at]));
    }
    for (curve, row) in array.values.chunks_exact(modes).enumerate() {
        if let Some(m) = row.windows(2).position(|pair| pair[0] > pair[1]) {
            return fault(format!("curve {curve} falls behind mode {m}; mode areas are sorted, the most localised first"));
        }
    }
    Ok(Curves { size, count, mode_area: array.values })
}
