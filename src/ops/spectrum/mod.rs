//! The modes of many lattices: displacement (n, 2, L, L) -> H (Eq. 1) -> eigenpairs -> mode areas (Eq. 2), ascending.
//!
//! On the processor a thread a lattice; on a card everything between the displacements and the results stays there.

mod cpu;
mod cuda;

pub(crate) use cpu::processor;

use super::eigh::{Labels, Solver as Eigensolver};
use super::hamiltonian::Hopping;
use crate::Result;
use crate::device::Memory;
use crate::progress::Progress;
use std::sync::atomic::{AtomicBool, Ordering};

/// Energies and mode areas of n lattices of N sites.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spectrum {
    /// Energies (n, N), ascending; [`Spectra::spectra`] leaves the on-site energy out, `physics::solve_on` adds it.
    pub energy: Vec<f64>,
    /// Mode areas (n, N), ascending (Eq. 2).
    pub mode_area: Vec<f64>,
    /// The index of each mode area's energy (n, N): mode m of a lattice has energy `energy[order[m]]`.
    pub order: Vec<u16>,
}

impl Spectrum {
    /// `numbers` zeros in each array.
    pub(crate) fn zeros(numbers: usize) -> Self {
        Spectrum { energy: vec![0.0; numbers], mode_area: vec![0.0; numbers], order: vec![0; numbers] }
    }

    /// The lattices of `other` behind ours.
    pub(crate) fn extend(&mut self, other: Spectrum) {
        self.energy.extend(other.energy);
        self.mode_area.extend(other.mode_area);
        self.order.extend(other.order);
    }
}

/// Solving lattices on a device.
pub trait Spectra: Memory {
    /// Lattices that should be given at once, at least.
    const BATCH: usize;

    /// Why the device cannot make just such labels of lattices of so many sites, if so. [`Spectra::spectra`] is not that strict: the processor
    /// makes them in f64 whatever the precision.
    fn lacks(&self, labels: Labels, sites: usize) -> Option<&'static str>;

    /// The spectrum of `displacement` (n, 2, L, L), finite numbers; the on-site energy is left out. `progress` hears how many are done.
    /// `modes`, where it is given, becomes the modes themselves (n, N, N), one a row, in the order of the energies.
    ///
    /// # Errors
    /// [`crate::Error::Failed`] from the processor's solver, [`crate::Error::Interrupted`], the faults of a card. A solver that a card
    /// lacks, or that fails there, is no error: the next one takes over, and `progress` is told.
    fn spectra(
        &self,
        labels: &Labels,
        hopping: &Hopping,
        displacement: &[f64],
        modes: Option<&mut Vec<f64>>,
        progress: &dyn Progress,
    ) -> Result<Spectrum>;
}

/// Says, once a process, that `solver` cannot be had.
fn tell_once(solver: Eigensolver, fault: &str, next: Eigensolver, progress: &dyn Progress) {
    static TOLD: [AtomicBool; 5] = [const { AtomicBool::new(false) }; 5];
    if !TOLD[solver as usize].swap(true, Ordering::Relaxed) {
        progress.note(&format!("{} cannot be had: {fault}; {} takes over", solver.name(), next.name()));
    }
}
