//! faer's solver, with work space that is allocated once.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Col, Mat, MatRef, Par};

/// Work space and the pairs of the last matrix. The bits do not depend on where it lies: buffers always have faer's own alignment.
pub(super) struct Library {
    energies: Col<f64>,
    modes: Mat<f64>,
    scratch: MemBuffer,
}

impl Library {
    pub(super) fn new(n: usize) -> Self {
        let need = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
        Library { energies: Col::zeros(n), modes: Mat::zeros(n, n), scratch: MemBuffer::new(need) }
    }

    pub(super) fn rows(&self) -> usize {
        self.modes.nrows()
    }

    /// Whether the iteration converged, to numbers.
    pub(super) fn solve(&mut self, matrix: &[f64]) -> bool {
        let n = self.rows();
        let converged = self_adjoint_evd(
            MatRef::from_row_major_slice(matrix, n, n),
            self.energies.as_diagonal_mut(),
            Some(self.modes.as_mut()),
            Par::Seq,
            MemStack::new(&mut self.scratch),
            Default::default(),
        );
        converged.is_ok() && self.energies.iter().all(|e| e.is_finite())
    }

    pub(super) fn energy(&self, m: usize) -> f64 {
        self.energies[m]
    }

    pub(super) fn mode(&self, m: usize) -> &[f64] {
        self.modes.col_as_slice(m)
    }
}
