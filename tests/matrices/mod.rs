//! Matrices of every kind that is hard for an eigen-solver: the pairs of each must solve the equation and be orthonormal. Errors are told
//! in units: max|A V - V L| in |A| n eps, max|V'V - I| in n eps.

use nalgebra::DMatrix;
use scalefree::ops::eigh::Eigh;
use scalefree::ops::hamiltonian::{Hopping, hamiltonian};
use scalefree::ops::philox::{Stream, draw, uniform};

/// All of them.
pub const ALL: [Kind; 13] = [
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

/// A kind of matrix that is hard for an eigen-solver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
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

/// Draws in (-1, 1) that an f32 holds, the same on every run.
pub fn numbers(len: usize, series: u64) -> Vec<f64> {
    words(len, series).map(|word| f64::from((2.0 * uniform(word) - 1.0) as f32)).collect()
}

/// The words behind draws.
pub fn words(len: usize, series: u64) -> impl Iterator<Item = u32> {
    (0..len.div_ceil(4) as u32).flat_map(move |block| draw(series, Stream::Initialisation, u64::MAX, block)).take(len)
}

/// Both errors of the pairs of `matrix` (n, n), modes one after another, and that of the energies beside faer's: at most `most` units,
/// where numbers are rounded by `epsilon`.
pub fn check(matrix: &[f64], energies: &[f64], modes: &[f64], kind: Kind, epsilon: f64, most: f64) -> Result<(), String> {
    let n = energies.len();
    let size = matrix.iter().chain(energies).fold(0.0_f64, |m, v| m.max(v.abs()));
    // In units of the matrix' own size nothing overflows here; energies that are denormal are rounded to whole steps.
    let scale = if size > 0.0 { size } else { 1.0 };
    let unit = n as f64 * (epsilon + if kind == Kind::Denormal { 5e-324 / scale } else { 0.0 });
    let a = DMatrix::from_fn(n, n, |i, j| matrix[i * n + j] / scale);
    let v = DMatrix::from_column_slice(n, n, modes);
    let l: Vec<f64> = energies.iter().map(|e| e / scale).collect();
    let mut residual = &a * &v;
    for (m, energy) in l.iter().enumerate() {
        residual.column_mut(m).axpy(-energy, &v.column(m), 1.0);
    }
    let overlap = v.tr_mul(&v) - DMatrix::<f64>::identity(n, n);
    let mut reference = Eigh::faer(n);
    reference.solve(a.as_slice()).map_err(|fault| fault.to_string())?;
    let apart = l.iter().zip(reference.energies()).map(|(a, b)| (a - b).abs()).collect::<Vec<_>>();
    if !energies.is_sorted() {
        return Err("the energies do not ascend".into());
    }
    for (name, values) in [("A V - V L", residual.as_slice()), ("V'V - I", overlap.as_slice()), ("energies", &apart)] {
        let worst = values.iter().fold(0.0_f64, |m, v| if v.is_nan() { f64::INFINITY } else { m.max(v.abs()) }) / unit;
        if worst > most {
            return Err(format!("{name}: {worst:.2} units"));
        }
    }
    Ok(())
}

/// The matrix of that kind, (n, n).
pub fn matrix(kind: Kind, n: usize) -> Vec<f64> {
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
