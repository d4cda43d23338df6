//! The modes of many lattices: displacements in, energies and mode areas out.

use super::Lattice;
use crate::ops::eigh::Eigh;
use crate::ops::hamiltonian::hamiltonian;
use crate::ops::mode_area::{mode_area, sort};
use crate::progress::Progress;
use crate::{Error, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Energies and mode areas of n lattices of N sites.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spectrum {
    /// Energies (n, N), ascending, the on-site energy included.
    pub energy: Vec<f64>,
    /// Mode areas (n, N), ascending (Eq. 2).
    pub mode_area: Vec<f64>,
    /// The index of each mode area's energy (n, N): mode m of a lattice has energy `energy[order[m]]`.
    pub order: Vec<u16>,
}

/// Solves every lattice of `displacements` (n, 2, L, L), one thread a lattice. The bits do not depend on the number of threads.
///
/// # Errors
/// [`Error::Value`] for an impossible lattice, or a displacement that is not finite (it names sample and site);
/// [`Error::Failed`] from the eigen-solver; [`Error::Interrupted`].
pub fn solve(lattice: &Lattice, displacements: &[f64], progress: &dyn Progress) -> Result<Spectrum> {
    lattice.validate()?;
    check_displacements(lattice, displacements)?;
    let sites = lattice.sites();
    let count = displacements.len() / (2 * sites);
    let mut spectrum = Spectrum { energy: vec![0.0; count * sites], mode_area: vec![0.0; count * sites], order: vec![0; count * sites] };

    progress.begin("solve", count as u64, "lattices");
    let done = AtomicU64::new(0);
    displacements
        .par_chunks_exact(2 * sites)
        .zip(spectrum.energy.par_chunks_exact_mut(sites))
        .zip(spectrum.mode_area.par_chunks_exact_mut(sites))
        .zip(spectrum.order.par_chunks_exact_mut(sites))
        .try_for_each_init(
            || Solver::new(lattice),
            |solver, (((displacement, energy), areas), order)| {
                if progress.stop() {
                    return Err(Error::Interrupted("no lattice of this batch is kept".into()));
                }
                solver.solve(displacement)?;
                for (out, e) in energy.iter_mut().zip(solver.eigh.energies()) {
                    *out = e + lattice.epsilon;
                }
                sort(&solver.mode_areas(), areas, order);
                progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, "");
                Ok(())
            },
        )?;
    progress.end();
    Ok(spectrum)
}

/// The average mode area of one lattice, w_avg = (1/N) sum_m w_m.
pub fn average_mode_area(mode_area: &[f64]) -> f64 {
    mode_area.iter().sum::<f64>() / mode_area.len() as f64
}

/// Refuses displacements that are no whole number of lattices, or not finite.
pub(super) fn check_displacements(lattice: &Lattice, displacements: &[f64]) -> Result<()> {
    let (size, sites) = (lattice.size, lattice.sites());
    if !displacements.len().is_multiple_of(2 * sites) {
        let fault = format!("{} numbers; a multiple of 2 x {size} x {size} is needed", displacements.len());
        return Err(Error::value("displacement", fault));
    }
    if let Some(at) = displacements.iter().position(|d| !d.is_finite()) {
        let (sample, axis, site) = (at / (2 * sites), ["x", "y"][at / sites % 2], at % sites);
        let fault =
            format!("{axis} of sample {sample}, site ({}, {}) is {}; it must be finite", site / size, site % size, displacements[at]);
        return Err(Error::value("displacement", fault));
    }
    Ok(())
}

/// One thread's work space: the Hamiltonian and its eigenpairs.
pub(super) struct Solver<'a> {
    lattice: &'a Lattice,
    matrix: Vec<f64>,
    pub(super) eigh: Eigh,
}

impl<'a> Solver<'a> {
    pub(super) fn new(lattice: &'a Lattice) -> Self {
        let sites = lattice.sites();
        Solver { lattice, matrix: vec![0.0; sites * sites], eigh: Eigh::new(sites) }
    }

    /// Builds the Hamiltonian of one displacement (2, L, L), on-site energy left out, and solves it.
    pub(super) fn solve(&mut self, displacement: &[f64]) -> Result<()> {
        hamiltonian(&self.lattice.hopping(), displacement, &mut self.matrix);
        self.eigh.solve(&self.matrix)
    }

    /// The mode areas of the last lattice, in the order of its energies.
    pub(super) fn mode_areas(&self) -> Vec<f64> {
        (0..self.lattice.sites()).map(|m| mode_area(self.eigh.mode(m))).collect()
    }
}
