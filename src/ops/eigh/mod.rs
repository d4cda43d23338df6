//! Eigenpairs of a real symmetric matrix: H (N, N) -> energies (N) ascending, modes (N, N).
//!
//! Eq. 1 of the paper: H psi_m = E_m psi_m, every pair, the modes orthonormal. Our own solver (Householder tridiagonalisation, then
//! divide and conquer) is on the processor, in f64, and on a card, many matrices at once; beside it stand faer there and cuSOLVER's here.
//! `docs/eigensolvers.md` compares them, and tells how one is chosen and what is checked.

mod check;
mod cpu;
mod cuda;
mod own;

pub(crate) use check::check;
pub use cpu::Eigh;
pub(crate) use cuda::solve;
pub use own::{MOST_ROWS, Modes, Pairs, eigenpairs};

use serde::{Deserialize, Serialize};

/// How labels (energies and mode areas) are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Who diagonalises.
    pub solver: Solver,
    /// In what a card diagonalises; the processor always has f64, and so has the attack.
    pub precision: LabelPrecision,
}

/// An eigen-solver. One that is not there, or fails, hands over to the next in this order; for `auto` ours comes before faer, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Solver {
    /// On the processor and on a Hopper card, where it was seen faster and as accurate, `own`; on other cards `xsyev`.
    #[default]
    Auto,
    /// Ours; on a card for matrices of at most [`MOST_ROWS`] rows.
    Own,
    /// cuSOLVER's cusolverDnXsyevBatched, from CUDA 12.6 on.
    Xsyev,
    /// cuSOLVER's cusolverDn{S,D}syevjBatched: Jacobi's rotations.
    Syevj,
    /// faer on the processor.
    Faer,
}

/// The numbers that a card's solver computes in; everything around it is f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelPrecision {
    /// Double.
    #[default]
    F64,
    /// Single.
    F32,
}

impl LabelPrecision {
    /// As the configuration spells it.
    pub fn name(self) -> &'static str {
        match self {
            LabelPrecision::F64 => "f64",
            LabelPrecision::F32 => "f32",
        }
    }
}

impl Solver {
    /// The solvers that a card of that compute capability tries, in order, for matrices of `rows` rows.
    pub(crate) fn on_a_card(self, capability: (u32, u32), rows: usize) -> &'static [Solver] {
        match self {
            Solver::Auto if capability == (9, 0) && rows <= MOST_ROWS => Solver::Own.on_a_card(capability, rows),
            // Ours is sooner done on a card than another's on the processor.
            Solver::Auto if rows <= MOST_ROWS => &[Solver::Xsyev, Solver::Syevj, Solver::Own, Solver::Faer],
            Solver::Auto | Solver::Xsyev => &[Solver::Xsyev, Solver::Syevj, Solver::Faer],
            Solver::Own => &[Solver::Own, Solver::Xsyev, Solver::Syevj, Solver::Faer],
            Solver::Syevj => &[Solver::Syevj, Solver::Faer],
            Solver::Faer => &[Solver::Faer],
        }
    }

    /// As the configuration spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Solver::Auto => "auto",
            Solver::Own => "own",
            Solver::Xsyev => "xsyev",
            Solver::Syevj => "syevj",
            Solver::Faer => "faer",
        }
    }
}
