//! Our own eigen-solver on matrices of every kind that is hard for one (`tests/matrices`).

use super::matrices::{ALL, Kind, check, matrix, numbers};
use super::support::{Guarded, Outputs, array, ensure, exact, near, same_bits};
use super::{Case, Fault, Verdict};
use scalefree::device::{Cuda, Memory};
use scalefree::ops::eigh::{LabelPrecision, MOST_ROWS, Modes, eigenpairs};
use scalefree::ops::mode_area::mode_area;

/// What is allowed of each error, in units; a label may have 16. From 16 rows on these matrices have less than 0.5, but of 2 rows a
/// unit is two roundings.
const MOST: f64 = 4.0;

/// Every kind at small sizes on both sides of a tile's 16 and a warp's 32 rows; some at the larger ones.
const SIZES: [(usize, &[Kind]); 11] = [
    (1, &ALL),
    (2, &ALL),
    (3, &ALL),
    (4, &ALL),
    (16, &ALL),
    (17, &ALL),
    (33, &ALL),
    (64, &ALL),
    (100, &[Kind::Lattice, Kind::Crystal, Kind::Clustered]),
    (144, &[Kind::Glued, Kind::Random]),
    (256, &[Kind::Lattice, Kind::Crystal]),
];

pub fn cases() -> Vec<Case<Cuda>> {
    let mut cases = Vec::new();
    for precision in [LabelPrecision::F32, LabelPrecision::F64] {
        for (n, kinds) in SIZES {
            let name = format!("eigen: {} of {n} rows, {}", kinds.len(), precision.name());
            cases.push(Case::new(name, move |device: &Cuda| pairs(device, precision, n, kinds)));
        }
        let name = format!("eigen: more matrices than are under way at once, {}", precision.name());
        cases.push(Case::new(name, move |device: &Cuda| many(device, precision)));
    }
    cases.push(Case::new("eigen: what is no matrix of numbers is told".into(), faults));
    cases
}

fn pairs(device: &Cuda, precision: LabelPrecision, n: usize, kinds: &[Kind]) -> Verdict {
    let matrices: Vec<f64> = kinds.iter().flat_map(|kind| matrix(*kind, n)).collect();
    let ours = solved(device, precision, n, &matrices)?;
    for (at, kind) in kinds.iter().enumerate() {
        let part = |name| &array(&ours, name)[at * n..][..n];
        let modes = &array(&ours, "modes")[at * n * n..][..n * n];
        let matrix = &matrices[at * n * n..][..n * n];
        check(matrix, part("energies"), modes, *kind, epsilon(precision), MOST).map_err(|fault| format!("{kind:?}: {fault}"))?;
        let areas: Vec<f64> = modes.chunks_exact(n).map(mode_area).collect();
        near("areas", part("areas"), &areas, 8.0 * epsilon(precision))?;
    }
    // The lower triangle counts, and nothing else: NaN above it, and the last matrix alone.
    let mut poisoned = matrices.clone();
    for at in (0..poisoned.len()).filter(|at| at % n > at / n % n) {
        poisoned[at] = f64::NAN;
    }
    same_bits(&solved(device, precision, n, &poisoned)?, &ours).map_err(|fault| format!("with NaN in the upper triangle: {fault}"))?;
    let last = (kinds.len() - 1) * n * n;
    let alone = solved(device, precision, n, &matrices[last..])?;
    Ok(same_bits(&alone, &share(&ours, kinds.len() - 1, n)).map_err(|fault| format!("alone: {fault}"))?)
}

/// The second part of the matrices is solved in the work space of the first. Whose modes are not asked for, its areas are the same.
fn many(device: &Cuda, precision: LabelPrecision) -> Verdict {
    const COUNT: usize = 700;
    const N: usize = 3;
    let matrices: Vec<f64> = numbers(COUNT * N * N, 71);
    let ours = solved(device, precision, N, &matrices)?;
    for at in [0, COUNT - 1] {
        same_bits(&solved(device, precision, N, &matrices[at * N * N..][..N * N])?, &share(&ours, at, N))?;
    }
    let mut buffer = Guarded::<Cuda, f64>::holding(device, &matrices)?;
    let some = eigenpairs(device, precision, N, COUNT, &mut buffer.buffer, Modes::Of(&[COUNT - 1]))?;
    exact("energies", &some.energies, array(&ours, "energies"))?;
    exact("areas", &device.first(&some.areas, COUNT * N)?, array(&ours, "areas"))?;
    exact("the last modes", &buffer.content(device)?[(COUNT - 1) * N * N..], &array(&ours, "modes")[(COUNT - 1) * N * N..])
}

fn faults(device: &Cuda) -> Verdict {
    let told = |n: usize, matrices: &[f64], fault: &str| -> Verdict {
        for precision in [LabelPrecision::F32, LabelPrecision::F64] {
            let said = solved(device, precision, n, matrices).err().map(|fault| fault.to_string());
            ensure!(said.as_deref() == Some(fault), "said {said:?}, not {fault}");
        }
        Ok(())
    };
    let n = 20;
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for at in [0, n * n - 1] {
            let mut matrices: Vec<f64> = [Kind::Random, Kind::Lattice, Kind::Ones].into_iter().flat_map(|kind| matrix(kind, n)).collect();
            matrices[n * n + at] = bad;
            told(n, &matrices, "own: matrix 1 of 3 is not finite")?;
        }
    }
    let n = MOST_ROWS + 1;
    told(n, &vec![0.0; n * n], "own: matrices of 257 rows; 256 are the most")
}

fn solved(device: &Cuda, precision: LabelPrecision, n: usize, matrices: &[f64]) -> Result<Outputs, Fault> {
    let count = matrices.len() / (n * n);
    let mut buffer = Guarded::<Cuda, f64>::holding(device, matrices)?;
    let pairs = eigenpairs(device, precision, n, count, &mut buffer.buffer, Modes::All)?;
    let areas = device.first(&pairs.areas, count * n)?;
    Ok(vec![("energies", pairs.energies), ("areas", areas), ("modes", buffer.content(device)?)])
}

/// Matrix `at` of what was solved together.
fn share(outputs: &Outputs, at: usize, n: usize) -> Outputs {
    let part = |(name, values): &(&'static str, Vec<f64>)| {
        let len = if *name == "modes" { n * n } else { n };
        (*name, values[at * len..][..len].to_vec())
    };
    outputs.iter().map(part).collect()
}

fn epsilon(precision: LabelPrecision) -> f64 {
    match precision {
        LabelPrecision::F32 => f64::from(f32::EPSILON),
        LabelPrecision::F64 => f64::EPSILON,
    }
}
