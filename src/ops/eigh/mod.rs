//! Eigenpairs of a real symmetric matrix: H (N, N) -> energies (N) ascending, modes (N, N), in f64.
//!
//! Eq. 1 of the paper: H psi_m = E_m psi_m, every pair, the modes orthonormal. The CPU's solver is faer's (Householder
//! tridiagonalisation, then divide and conquer); `docs/eigensolvers.md` has it beside LAPACK and nalgebra.

mod cpu;

pub use cpu::Eigh;
