//! The modes of many lattices: displacements in, energies and mode areas out.

use super::Lattice;
use crate::device::Cpu;
use crate::ops::eigh::Labels;
use crate::ops::spectrum::{Spectra, Spectrum};
use crate::progress::Progress;
use crate::{Error, Result};

/// Solves every lattice of `displacements` (n, 2, L, L) on the processor, one thread a lattice. The bits do not depend on the number of
/// threads.
///
/// # Errors
/// [`Error::Value`] for an impossible lattice, or a displacement that is not finite (it names sample and site);
/// [`Error::Failed`] from the eigen-solver; [`Error::Interrupted`].
pub fn solve(lattice: &Lattice, displacements: &[f64], progress: &dyn Progress) -> Result<Spectrum> {
    solve_on(&Cpu::<f64>::new(), &Labels::default(), lattice, displacements, progress)
}

/// [`solve`] on any device, as `labels` says.
///
/// # Errors
/// Those of [`solve`], and a card's faults.
pub fn solve_on<D: Spectra>(
    device: &D,
    labels: &Labels,
    lattice: &Lattice,
    displacements: &[f64],
    progress: &dyn Progress,
) -> Result<Spectrum> {
    lattice.validate()?;
    check_displacements(lattice, displacements)?;
    progress.begin("solve", (displacements.len() / (2 * lattice.sites())) as u64, "lattices");
    let mut spectrum = device.spectra(labels, &lattice.hopping(), displacements, progress)?;
    spectrum.energy.iter_mut().for_each(|energy| *energy += lattice.epsilon);
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
