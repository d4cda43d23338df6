//! The modes of many lattices: displacements in, energies and mode areas out.

use super::Lattice;
use crate::device::Cpu;
use crate::ops::eigh::{Eigh, Labels};
use crate::ops::hamiltonian::hamiltonian;
use crate::ops::mode_area::mode_area;
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
    let mut spectrum = device.spectra(labels, &lattice.hopping(), displacements, None, progress)?;
    spectrum.energy.iter_mut().for_each(|energy| *energy += lattice.epsilon);
    progress.end();
    Ok(spectrum)
}

/// A mode of one lattice.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenmode {
    /// Its mode area w.
    pub mode_area: f64,
    /// psi_s^2 at each site; their sum is 1.
    pub intensity: Vec<f64>,
}

/// Every mode of one lattice, `displacement` (2, L, L), the most localised first.
///
/// # Errors
/// Those of [`solve`]; several lattices.
pub fn eigenmodes(lattice: &Lattice, displacement: &[f64]) -> Result<Vec<Eigenmode>> {
    check_structure(lattice, displacement)?;
    let sites = lattice.sites();
    let mut matrix = vec![0.0; sites * sites];
    hamiltonian(&lattice.hopping(), displacement, &mut matrix);
    let mut solver = Eigh::new(sites);
    solver.solve(&matrix)?;
    let one = |psi: &[f64]| Eigenmode { mode_area: mode_area(psi), intensity: psi.iter().map(|p| p * p).collect() };
    let mut modes: Vec<Eigenmode> = (0..sites).map(|m| one(solver.mode(m))).collect();
    modes.sort_by(|a, b| a.mode_area.total_cmp(&b.mode_area));
    Ok(modes)
}

/// The average mode area of one lattice, w_avg = (1/N) sum_m w_m.
pub fn average_mode_area(mode_area: &[f64]) -> f64 {
    mode_area.iter().sum::<f64>() / mode_area.len() as f64
}

/// Refuses displacements that are no whole number of lattices, or not finite.
fn check_displacements(lattice: &Lattice, displacements: &[f64]) -> Result<()> {
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

/// Refuses what is not one lattice that can be, with finite displacements (2, L, L).
pub(super) fn check_structure(lattice: &Lattice, displacement: &[f64]) -> Result<()> {
    lattice.validate()?;
    check_displacements(lattice, displacement)?;
    if displacement.len() != 2 * lattice.sites() {
        let fault = format!("{} numbers; one structure has {}", displacement.len(), 2 * lattice.sites());
        return Err(Error::value("displacement", fault));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn eigenmodes_have_the_areas_of_solve() {
        let lattice = Lattice { size: 4, ..Lattice::default() };
        let displacement: Vec<f64> = (0..32).map(|i| 0.4 * f64::from(i * i).sin()).collect();
        let modes = eigenmodes(&lattice, &displacement).unwrap();
        let solved = solve(&lattice, &displacement, &Silent).unwrap();
        for (mode, w) in modes.iter().zip(&solved.mode_area) {
            assert!((mode.mode_area - w).abs() < 1e-7, "{} {w}", mode.mode_area);
            assert!((mode.intensity.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
