//! The symmetric eigenproblem on the processor, in f64, one thread a matrix: ours, or faer's.
//!
//! Ours goes the way of the card's (`kernels/eigh_*.cu`): `reduce.rs`, A = Q T Q'; `conquer.rs`, T = Z L Z'; `back.rs`, V = Q Z.

mod back;
mod conquer;
mod library;
mod product;
mod reduce;
mod roots;

use crate::device::{BLOCK, Kernel, Vector, Vectorised};
use crate::ops::scratch::Aligned;
use crate::{Error, Result};
use back::Back;
use conquer::{Conquer, Scratch};
use library::Library;
use reduce::Reduce;

/// A solver for matrices of one size, and the eigenpairs of the last one it solved. The result's bits depend on the matrix alone, and
/// on the kind of the processor's vectors.
pub struct Eigh {
    solver: Who,
}

/// Who solves.
enum Who {
    Own(Box<Own>),
    Library(Library),
}

impl Eigh {
    /// Our solver, with work space for matrices of `n` rows, at least one.
    pub fn new(n: usize) -> Self {
        Eigh { solver: Who::Own(Box::new(Own::new(n))) }
    }

    /// faer's.
    pub fn faer(n: usize) -> Self {
        Eigh { solver: Who::Library(Library::new(n)) }
    }

    /// Solves `matrix` (n, n), of which the lower triangle is read.
    ///
    /// # Errors
    /// [`Error::Failed`] when the iteration does not converge, the matrix holds what is no number, or an energy is none.
    pub fn solve(&mut self, matrix: &[f64]) -> Result<()> {
        let solved = match &mut self.solver {
            Who::Own(own) => own.solve(matrix),
            Who::Library(library) => library.solve(matrix),
        };
        let fault = || Error::Failed(format!("the eigen-solver found no finite pairs of a matrix of {} rows", self.rows()));
        if solved { Ok(()) } else { Err(fault()) }
    }

    fn rows(&self) -> usize {
        match &self.solver {
            Who::Own(own) => own.values.len(),
            Who::Library(library) => library.rows(),
        }
    }

    /// The energies, ascending.
    pub fn energies(&self) -> impl Iterator<Item = f64> {
        (0..self.rows()).map(|m| match &self.solver {
            Who::Own(own) => own.values[own.order[m]],
            Who::Library(library) => library.energy(m),
        })
    }

    /// The mode of the m-th energy: its amplitude psi at every site.
    pub fn mode(&self, m: usize) -> &[f64] {
        match &self.solver {
            Who::Own(own) => &own.modes[own.order[m] * own.stride..][..own.values.len()],
            Who::Library(library) => library.mode(m),
        }
    }
}

/// Our solver's work space.
struct Own {
    /// From one row of the matrix, or one mode, to the next: an odd number of cache lines, and a panel longer than a mode.
    stride: usize,
    /// The matrix, then the reflections.
    rows: Aligned<f64>,
    links: Vec<f64>,
    taus: Vec<f64>,
    vectors: Aligned<f64>,
    /// By columns.
    values: Vec<f64>,
    modes: Aligned<f64>,
    /// The columns by their values.
    order: Vec<usize>,
    /// Where each column, and each row, begins.
    columns: Vec<usize>,
    scratch: Scratch,
    workspace: Aligned<f64>,
}

impl Own {
    fn new(n: usize) -> Self {
        let stride = (n + product::TALLEST).next_multiple_of(BLOCK) + 8;
        Own {
            stride,
            rows: Aligned::zeros(n * stride),
            links: vec![0.0; n],
            taus: vec![0.0; n],
            vectors: Aligned::zeros(reduce::VECTORS * stride),
            values: vec![0.0; n],
            modes: Aligned::zeros(n * stride),
            order: vec![0; n],
            columns: (0..n).map(|column| column * stride).collect(),
            scratch: Scratch::new(n),
            workspace: Aligned::zeros(back::workspace(n)),
        }
    }

    /// The rows of `matrix` (n, n), times both factors, as `Reduce` takes them.
    fn fill(&mut self, matrix: &[f64], [once, again]: [f64; 2]) {
        let n = self.values.len();
        for (i, row) in self.rows.chunks_exact_mut(self.stride).enumerate() {
            for (to, x) in row.iter_mut().zip(&matrix[i * n..=i * n + i]) {
                *to = *x * once * again;
            }
            for (j, to) in row.iter_mut().enumerate().take((i + 1).next_multiple_of(BLOCK)).skip(i + 1) {
                *to = if j < n { matrix[j * n + i] * once * again } else { 0.0 };
            }
        }
    }

    /// Whether the matrix has pairs, and they were found.
    fn solve(&mut self, matrix: &[f64]) -> bool {
        let n = self.values.len();
        let lower = || (0..n).flat_map(|i| &matrix[i * n..=i * n + i]);
        if !lower().all(|x| x.is_finite()) {
            return false;
        }
        let largest = lower().fold(0.0, |most: f64, x| most.max(x.abs()));
        // By a power of two, so that no square overflows and none that matters underflows; exact, and in two steps, as 2^-e may be none.
        let exponent = if largest > 0.0 { largest.log2().floor() as i32 + 1 } else { 0 };
        let [once, again] = [-(exponent / 2), exponent / 2 - exponent].map(|e| 2.0_f64.powi(e));
        self.fill(matrix, [once, again]);
        let mut found = true;
        f64::vectorised(Solve { own: self, found: &mut found });
        // Not by their product: 2^e may be none.
        let [once, again] = [exponent / 2, exponent - exponent / 2].map(|e| 2.0_f64.powi(e));
        self.values.iter_mut().for_each(|value| *value = *value * once * again);
        found && self.values.iter().all(|value| value.is_finite())
    }
}

/// The pairs of the scaled matrix, and whether they were found.
struct Solve<'a> {
    own: &'a mut Own,
    found: &'a mut bool,
}

impl Kernel<f64> for Solve<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = f64>>(self) {
        let Solve { own, found } = self;
        let Own { stride, rows, links, taus, vectors, values, modes, order, columns, scratch, workspace } = own;
        let stride = *stride;
        // SAFETY: the caller's.
        unsafe {
            Reduce { stride, rows, diagonal: values, beside: links, taus, vectors }.run::<V>();
            Conquer { stride, links, values, vectors: modes, order, scratch, found }.run::<V>();
            Back { stride, rows, taus, modes, columns, workspace }.run::<V>();
        }
    }
}

/// The sum of a vector's numbers.
///
/// # Safety
/// The processor has vectors `V`.
#[inline(always)]
unsafe fn total<V: Vector<Real = f64>>(vector: V) -> f64 {
    let mut numbers = [0.0; BLOCK];
    // SAFETY: the caller's; a block holds a vector.
    unsafe { vector.store(numbers.as_mut_ptr()) };
    numbers[..V::LANES].iter().sum()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    /// A dense symmetric matrix without structure.
    fn matrix(n: usize) -> Vec<f64> {
        let entry = |i: usize, j: usize| ((i * i + 3 * i * j + j * j) as f64).sin();
        (0..n * n).map(|k| entry((k / n).max(k % n), (k / n).min(k % n))).collect()
    }

    /// Sizes on both sides of a panel and a block of reflections.
    #[test]
    fn eigenpairs_satisfy_the_equation_and_are_orthonormal() {
        for n in [1, 2, 5, 17, 64, 150] {
            let h = matrix(n);
            let mut solver = Eigh::new(n);
            solver.solve(&h).unwrap();
            let energies: Vec<f64> = solver.energies().collect();
            assert!(energies.is_sorted());
            for (m, energy) in energies.iter().enumerate() {
                let psi = solver.mode(m);
                for i in 0..n {
                    let h_psi: f64 = (0..n).map(|j| h[i * n + j] * psi[j]).sum();
                    assert!((h_psi - energy * psi[i]).abs() < 1e-12 * n as f64);
                }
                for other in 0..=m {
                    let overlap: f64 = psi.iter().zip(solver.mode(other)).map(|(a, b)| a * b).sum();
                    assert!((overlap - f64::from(u8::from(other == m))).abs() < 1e-12);
                }
            }
        }
    }

    /// Vectors of two, of four and of eight numbers, as AVX2 and AVX-512 have, whatever this processor has; dense, of rank one, and nothing.
    #[test]
    fn vectors_of_any_length_find_the_pairs() {
        // SAFETY: arrays need nothing of the processor.
        let runs: [fn(Solve<'_>); 3] = unsafe { [|s| s.run::<[f64; 2]>(), |s| s.run::<[f64; 4]>(), |s| s.run::<[f64; 8]>()] };
        for n in [1, 2, 3, 7, 16, 30, 65, 150] {
            for h in [matrix(n), vec![0.5; n * n], vec![0.0; n * n]] {
                for run in runs {
                    let (mut own, mut found) = (Own::new(n), true);
                    own.fill(&h, [1.0, 1.0]);
                    run(Solve { own: &mut own, found: &mut found });
                    let eigh = Eigh { solver: Who::Own(Box::new(own)) };
                    let energies: Vec<f64> = eigh.energies().collect();
                    let modes: Vec<f64> = (0..n).flat_map(|m| eigh.mode(m)).copied().collect();
                    assert_eq!((check(&h, &energies, &modes, f64::EPSILON), found), (None, true), "{n} rows");
                }
            }
        }
    }

    #[test]
    fn a_used_solver_gives_the_bits_of_a_fresh_one() {
        let (a, b) = (matrix(150), matrix(151)[..22500].to_vec());
        let mut used = Eigh::new(150);
        used.solve(&b).unwrap();
        used.solve(&a).unwrap();
        let mut fresh = Eigh::new(150);
        fresh.solve(&a).unwrap();
        assert!(used.energies().eq(fresh.energies()));
        assert!((0..150).all(|m| used.mode(m) == fresh.mode(m)));
    }

    #[test]
    fn nan_is_an_error() {
        assert!(matches!(Eigh::new(4).solve(&[f64::NAN; 16]), Err(Error::Failed(_))));
    }
}
