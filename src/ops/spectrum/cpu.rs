//! Spectra on the processor, in f64, one thread a lattice.

use super::{Spectra, Spectrum, tell_once};
use crate::device::{Cpu, Real};
use crate::ops::eigh::{self, Eigh, LabelPrecision, Labels};
use crate::ops::hamiltonian::{Hopping, hamiltonian};
use crate::ops::mode_area::{mode_area, sort};
use crate::progress::Progress;
use crate::{Error, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

impl<R: Real> Spectra for Cpu<R> {
    const BATCH: usize = 64;

    fn lacks(&self, labels: Labels, _: usize) -> Option<&'static str> {
        match labels {
            Labels { solver: eigh::Solver::Xsyev | eigh::Solver::Syevj, .. } => Some("it is for NVIDIA cards"),
            Labels { precision: LabelPrecision::F32, .. } => Some("in f32 it is for NVIDIA cards"),
            _ => None,
        }
    }

    fn spectra(
        &self,
        labels: &Labels,
        hopping: &Hopping,
        displacement: &[f64],
        modes: Option<&mut Vec<f64>>,
        progress: &dyn Progress,
    ) -> Result<Spectrum> {
        let mut solver = labels.solver;
        if let Some(fault) = self.lacks(Labels { solver, precision: LabelPrecision::F64 }, (hopping.size * hopping.size) as usize) {
            solver = eigh::Solver::Own;
            tell_once(labels.solver, fault, solver, progress);
        }
        processor(solver, hopping, displacement, modes, 0, progress)
    }
}

/// [`Spectra::spectra`] by faer, if that is `solver`, else by ours; `before` lattices are done already. The bits do not depend on the
/// number of threads.
pub(crate) fn processor(
    solver: eigh::Solver,
    hopping: &Hopping,
    displacement: &[f64],
    modes: Option<&mut Vec<f64>>,
    before: usize,
    progress: &dyn Progress,
) -> Result<Spectrum> {
    let sites = (hopping.size * hopping.size) as usize;
    let mut spectrum = Spectrum::zeros(displacement.len() / 2);
    let done = AtomicU64::new(before as u64);
    let each: Vec<Vec<f64>> = displacement
        .par_chunks_exact(2 * sites)
        .zip(spectrum.energy.par_chunks_exact_mut(sites))
        .zip(spectrum.mode_area.par_chunks_exact_mut(sites))
        .zip(spectrum.order.par_chunks_exact_mut(sites))
        .map_init(
            || Solver::new(solver, *hopping),
            |solver, (((displacement, energy), areas), order)| {
                if progress.stop() {
                    return Err(Error::Interrupted("no lattice of this batch is kept".into()));
                }
                solver.solve(displacement)?;
                for (out, e) in energy.iter_mut().zip(solver.eigh.energies()) {
                    *out = e;
                }
                sort(&solver.mode_areas(), areas, order);
                progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, "");
                Ok(if modes.is_some() { (0..sites).flat_map(|m| solver.eigh.mode(m)).copied().collect() } else { Vec::new() })
            },
        )
        .collect::<Result<_>>()?;
    if let Some(modes) = modes {
        *modes = each.concat();
    }
    Ok(spectrum)
}

/// One thread's work space: the Hamiltonian and its eigenpairs.
struct Solver {
    hopping: Hopping,
    matrix: Vec<f64>,
    eigh: Eigh,
}

impl Solver {
    fn new(solver: eigh::Solver, hopping: Hopping) -> Self {
        let sites = (hopping.size * hopping.size) as usize;
        let eigh = if solver == eigh::Solver::Faer { Eigh::faer(sites) } else { Eigh::new(sites) };
        Solver { hopping, matrix: vec![0.0; sites * sites], eigh }
    }

    /// Builds the Hamiltonian of one displacement (2, L, L), on-site energy left out, and solves it.
    fn solve(&mut self, displacement: &[f64]) -> Result<()> {
        hamiltonian(&self.hopping, displacement, &mut self.matrix);
        self.eigh.solve(&self.matrix)
    }

    /// The mode areas of the last lattice, in the order of its energies.
    fn mode_areas(&self) -> Vec<f64> {
        let sites = (self.hopping.size * self.hopping.size) as usize;
        (0..sites).map(|m| mode_area(self.eigh.mode(m))).collect()
    }
}
