//! Our own eigen-solver on matrices of every kind that is hard for one: the pairs of each must solve the equation and be orthonormal.
//! Errors are told in units: max|A V - V L| in |A| n eps, max|V'V - I| in n eps.

use super::support::{Guarded, Outputs, array, ensure, exact, near, numbers, same_bits};
use super::{Case, Fault, Verdict};
use nalgebra::DMatrix;
use scalefree::device::{Cuda, Memory};
use scalefree::ops::eigh::{Eigh, LabelPrecision, MOST_ROWS, Modes, eigenpairs};
use scalefree::ops::hamiltonian::{Hopping, hamiltonian};
use scalefree::ops::mode_area::mode_area;

/// What is allowed of each error, in units; a label may have 16. From 16 rows on these matrices have less than 0.5, but of 2 rows a
/// unit is two roundings.
const MOST: f64 = 4.0;

/// Every kind of matrix at small sizes on both sides of a tile's 16 and a warp's 32 rows; some at the larger ones.
const ALL: [Kind; 13] = [
    Kind::Random,
    Kind::Lattice,
    Kind::Crystal,
    Kind::Clustered,
    Kind::Graded,
    Kind::Glued,
    Kind::Diagonal,
    Kind::Identity,
    Kind::Ones,
    Kind::Zero,
    Kind::Tiny,
    Kind::Huge,
    Kind::Denormal,
];
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

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Dense.
    Random,
    /// The Hamiltonian of a deformed lattice.
    Lattice,
    /// Of an undeformed one: most energies are degenerate.
    Crystal,
    /// Four energies at a time, 1e-9 apart.
    Clustered,
    /// Elements from 1 to 1e-30.
    Graded,
    /// Wilkinson's of 21 rows, whose largest energies are pairs equal to rounding, linked by 1e-6.
    Glued,
    Diagonal,
    Identity,
    /// Of rank one.
    Ones,
    Zero,
    /// Squares underflow.
    Tiny,
    /// Squares overflow.
    Huge,
    /// The elements themselves have few bits.
    Denormal,
}

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
        check(precision, &matrices[at * n * n..][..n * n], part("energies"), modes, *kind).map_err(|fault| format!("{kind:?}: {fault}"))?;
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

/// Both errors, and that of the energies beside the processor's.
fn check(precision: LabelPrecision, matrix: &[f64], energies: &[f64], modes: &[f64], kind: Kind) -> Verdict {
    let n = energies.len();
    let size = matrix.iter().chain(energies).fold(0.0_f64, |m, v| m.max(v.abs()));
    // In units of the matrix' own size nothing overflows here; energies that are denormal are rounded to whole steps.
    let scale = if size > 0.0 { size } else { 1.0 };
    let unit = n as f64 * (epsilon(precision) + if kind == Kind::Denormal { 5e-324 / scale } else { 0.0 });
    let a = DMatrix::from_fn(n, n, |i, j| matrix[i * n + j] / scale);
    let v = DMatrix::from_column_slice(n, n, modes);
    let l: Vec<f64> = energies.iter().map(|e| e / scale).collect();
    let mut residual = &a * &v;
    for (m, energy) in l.iter().enumerate() {
        residual.column_mut(m).axpy(-energy, &v.column(m), 1.0);
    }
    let overlap = v.tr_mul(&v) - DMatrix::<f64>::identity(n, n);
    let mut reference = Eigh::new(n);
    reference.solve(a.as_slice())?;
    let apart = l.iter().zip(reference.energies()).map(|(a, b)| (a - b).abs()).collect::<Vec<_>>();
    ensure!(energies.is_sorted(), "the energies do not ascend");
    for (name, values) in [("A V - V L", residual.as_slice()), ("V'V - I", overlap.as_slice()), ("energies", &apart)] {
        let worst = values.iter().fold(0.0_f64, |m, v| if v.is_nan() { f64::INFINITY } else { m.max(v.abs()) }) / unit;
        ensure!(worst <= MOST, "{name}: {worst:.2} units");
    }
    Ok(())
}

fn matrix(kind: Kind, n: usize) -> Vec<f64> {
    let from = |element: &dyn Fn(usize, usize) -> f64| (0..n * n).map(|at| element(at / n, at % n)).collect::<Vec<f64>>();
    let random = |scale: f64| {
        let draws = numbers(n * n, 72);
        from(&|i, j| scale * draws[i.max(j) * n + i.min(j)])
    };
    match kind {
        Kind::Random => random(1.0),
        Kind::Lattice => lattice(n, 0.4),
        Kind::Crystal => lattice(n, 0.0),
        Kind::Clustered => {
            // The energies D, reflected: (I - 2 u u') D (I - 2 u u').
            let (draws, energy) = (numbers(n, 73), |i: usize| (i / 4) as f64 + 1e-9 * i as f64);
            let length = draws.iter().map(|u| u * u).sum::<f64>().sqrt();
            let u = |i: usize| draws[i] / length;
            let middle: f64 = (0..n).map(|i| u(i) * u(i) * energy(i)).sum();
            let change = |i: usize, j: usize| u(i) * u(j) * (4.0 * middle - 2.0 * energy(i) - 2.0 * energy(j));
            from(&|i, j| if i == j { energy(i) } else { 0.0 } + change(i, j))
        }
        Kind::Graded => from(&|i, j| 10_f64.powf(-15.0 * (i + j) as f64 / n as f64)),
        Kind::Glued => from(&|i, j| match i.abs_diff(j) {
            0 => ((i % 21) as f64 - 10.0).abs(),
            1 if i.max(j).is_multiple_of(21) => 1e-6,
            1 => 1.0,
            _ => 0.0,
        }),
        Kind::Diagonal => {
            let draws = numbers(n, 74);
            from(&|i, j| if i == j { draws[i] } else { 0.0 })
        }
        Kind::Identity => from(&|i, j| f64::from(u8::from(i == j))),
        Kind::Ones => vec![1.0; n * n],
        Kind::Zero => vec![0.0; n * n],
        Kind::Tiny => random(1e-290),
        Kind::Huge => random(1e300),
        Kind::Denormal => random(1e-310),
    }
}

/// The Hamiltonian of the first n sites of a square lattice, displaced by up to `most`.
fn lattice(n: usize, most: f64) -> Vec<f64> {
    let size = (1..).find(|size| size * size >= n).unwrap_or_default();
    let sites = size * size;
    let displacement: Vec<f64> = numbers(2 * sites, 75).into_iter().map(|d| most * d).collect();
    let mut all = vec![0.0; sites * sites];
    hamiltonian(&Hopping { size: size as u32, periodic: 0, t0: 3.14e-2, alpha: 1.1454 }, &displacement, &mut all);
    (0..n * n).map(|at| all[at / n * sites + at % n]).collect()
}
