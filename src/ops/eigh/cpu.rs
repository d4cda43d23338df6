//! The symmetric eigenproblem on the CPU: faer on one thread, with work space that is allocated once.

use crate::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Col, Mat, MatRef, Par};

/// A solver for matrices of one size, and the eigenpairs of the last one it solved.
///
/// The result's bits depend on the matrix alone: one thread, and buffers that always have faer's own alignment.
pub struct Eigh {
    energies: Col<f64>,
    modes: Mat<f64>,
    scratch: MemBuffer,
}

impl Eigh {
    /// Work space for matrices of `n` rows.
    pub fn new(n: usize) -> Self {
        let need = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
        Eigh { energies: Col::zeros(n), modes: Mat::zeros(n, n), scratch: MemBuffer::new(need) }
    }

    /// Solves `matrix` (n, n), of which the lower triangle is read.
    ///
    /// # Errors
    /// [`Error::Failed`] when the iteration does not converge, or ends in NaN because the matrix held one.
    pub fn solve(&mut self, matrix: &[f64]) -> Result<()> {
        let n = self.modes.nrows();
        let converged = self_adjoint_evd(
            MatRef::from_row_major_slice(matrix, n, n),
            self.energies.as_diagonal_mut(),
            Some(self.modes.as_mut()),
            Par::Seq,
            MemStack::new(&mut self.scratch),
            Default::default(),
        );
        if converged.is_err() || self.energies().any(|e| !e.is_finite()) {
            return Err(Error::Failed(format!("the eigen-solver did not converge on a matrix of {n} rows")));
        }
        Ok(())
    }

    /// The energies, ascending.
    pub fn energies(&self) -> impl Iterator<Item = f64> {
        self.energies.iter().copied()
    }

    /// The mode of the m-th energy: its amplitude psi at every site.
    pub fn mode(&self, m: usize) -> &[f64] {
        self.modes.col_as_slice(m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dense symmetric matrix without structure.
    fn matrix(n: usize) -> Vec<f64> {
        let entry = |i: usize, j: usize| ((i * i + 3 * i * j + j * j) as f64).sin();
        (0..n * n).map(|k| entry((k / n).max(k % n), (k / n).min(k % n))).collect()
    }

    /// Sizes on both sides of faer's change from QR steps to divide and conquer.
    #[test]
    fn eigenpairs_satisfy_the_equation_and_are_orthonormal() {
        for n in [1, 2, 5, 64, 150] {
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
