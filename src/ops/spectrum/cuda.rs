//! Spectra on a card: displacements up, energies, mode areas and their order down.

use super::{Spectra, Spectrum, processor, tell_once};
use crate::device::Memory;
use crate::device::cuda::{Batched, Cuda, CudaBuffer, CudaFault};
use crate::ops::eigh::{LabelPrecision, Labels, MOST_ROWS, Modes, Solver, check, eigenpairs, solve};
use crate::ops::hamiltonian::{Hamiltonians, Hopping, hamiltonian};
use crate::ops::mode_area::{ModeAreas, order_areas};
use crate::progress::Progress;
use crate::{Error, Result};
use rayon::prelude::*;

/// The most matrices of a call: above 32 k versions of cuSOLVER answer wrongly.
const MOST: usize = 16_384;

impl Spectra for Cuda {
    const BATCH: usize = 1024;

    fn lacks(&self, labels: Labels, sites: usize) -> Option<&'static str> {
        match labels.solver {
            Solver::Own => (sites > MOST_ROWS).then_some("it is for lattices of at most 256 sites"),
            Solver::Xsyev => Batched::Xsyev.missing(),
            Solver::Syevj => Batched::Syevj.missing(),
            Solver::Auto | Solver::Faer => None,
        }
    }

    fn spectra(
        &self,
        labels: &Labels,
        hopping: &Hopping,
        displacement: &[f64],
        mut modes: Option<&mut Vec<f64>>,
        progress: &dyn Progress,
    ) -> Result<Spectrum> {
        let sites = (hopping.size * hopping.size) as usize;
        let (row, square) = (2 * sites, sites * sites);
        let count = displacement.len() / row;
        let mut solvers = labels.solver.on_a_card(self.capability(), sites);
        let (mut most, mut done) = (MOST, 0);
        // Not anew where it has the size already: its pages would cost more than the copies.
        if let Some(modes) = &mut modes {
            modes.resize(count * square, 0.0);
        }
        let mut spectrum = Spectrum::default();
        while done < count {
            let solver = solvers[0];
            if solver == Solver::Faer {
                let mut rest = modes.is_some().then(Vec::new);
                spectrum.extend(processor(solver, hopping, &displacement[done * row..], rest.as_mut(), done, progress)?);
                if let (Some(modes), Some(rest)) = (modes, rest) {
                    modes.truncate(done * square);
                    modes.extend(rest);
                }
                break;
            }
            if let Some(fault) = self.lacks(Labels { solver, ..*labels }, sites) {
                solvers = &solvers[1..];
                tell_once(solver, fault, solvers[0], progress);
                continue;
            }
            if progress.stop() {
                return Err(Error::Interrupted("no lattice of this batch is kept".into()));
            }
            let chunk = most.min(count - done);
            let part = &displacement[done * row..][..chunk * row];
            let own = modes.as_mut().map(|modes| &mut modes[done * square..][..chunk * square]);
            match on_card(self, Labels { solver, ..*labels }, hopping, chunk, part, own) {
                Ok(solved) => {
                    spectrum.extend(solved);
                    done += chunk;
                    progress.advance(done as u64, "");
                }
                // What does not fit at once may fit in parts, or another solver may need less.
                Err(Error::Cuda(CudaFault::OutOfMemory { .. })) if chunk > 1 => most = chunk / 2,
                Err(Error::Cuda(fault @ (CudaFault::Solver { .. } | CudaFault::OutOfMemory { .. }))) => {
                    (solvers, most) = (&solvers[1..], MOST);
                    progress.note(&format!("{fault}; {} takes over", solvers[0].name()));
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(spectrum)
    }
}

/// One chunk: built, solved, checked, sorted; its modes to `wanted`.
fn on_card(
    device: &Cuda,
    labels: Labels,
    hopping: &Hopping,
    count: usize,
    displacement: &[f64],
    wanted: Option<&mut [f64]>,
) -> Result<Spectrum> {
    let sites = (hopping.size * hopping.size) as usize;
    let numbers = count * sites;
    let mut modes = device.zeros::<f64>(numbers * sites)?;
    {
        let mut structures = device.zeros::<f64>(displacement.len())?;
        device.upload(displacement, &mut structures)?;
        device.hamiltonians(hopping, count, &structures, &mut modes)?;
    }
    let sample = sample(count);
    let (energy, own) = match labels.solver {
        Solver::Own => {
            let written = if wanted.is_some() { Modes::All } else { Modes::Of(&sample) };
            let pairs = eigenpairs(device, labels.precision, sites, count, &mut modes, written)?;
            (pairs.energies, Some(pairs.areas))
        }
        _ => (solve(device, labels, sites, count, &mut modes)?, None),
    };
    let epsilon = match labels.precision {
        LabelPrecision::F64 => f64::EPSILON,
        LabelPrecision::F32 => f64::from(f32::EPSILON),
    };
    if let Some(fault) = first_fault(device, hopping, displacement, &energy, &modes, &sample, epsilon)? {
        return Err(CudaFault::Solver { call: labels.solver.name(), fault }.into());
    }
    if let Some(wanted) = wanted {
        device.download(&modes, wanted)?;
    }
    let (mut sorted, mut order) = (device.zeros(numbers)?, device.zeros(numbers)?);
    match own {
        Some(areas) => order_areas(device, sites, count, &areas, &mut sorted, &mut order)?,
        None => device.mode_areas(sites, count, &modes, &mut device.zeros(numbers)?, &mut sorted, &mut order)?,
    }
    let mut spectrum = Spectrum { energy, ..Spectrum::zeros(numbers) };
    device.download(&sorted, &mut spectrum.mode_area)?;
    device.download(&order, &mut spectrum.order)?;
    Ok(spectrum)
}

/// The matrices of a chunk whose modes are looked at: the first, the middle and the last one.
fn sample(count: usize) -> Vec<usize> {
    let mut sample = vec![0, count / 2, count - 1];
    sample.dedup();
    sample
}

/// What is wrong with a chunk's eigenpairs, if anything: every matrix's energies ascend and add up to its trace, 0; the pairs of
/// those of `sample` solve the equation and are orthonormal, against a Hamiltonian built here.
fn first_fault(
    device: &Cuda,
    hopping: &Hopping,
    displacement: &[f64],
    energy: &[f64],
    modes: &CudaBuffer<f64>,
    sample: &[usize],
    epsilon: f64,
) -> Result<Option<String>> {
    let sites = (hopping.size * hopping.size) as usize;
    let count = energy.len() / sites;
    for (at, energies) in energy.chunks_exact(sites).enumerate() {
        let size = energies.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
        let sum: f64 = energies.iter().sum();
        // The bound of a trace: n times that of one energy.
        let sound = sum.abs() <= 16.0 * (sites * sites) as f64 * epsilon * size;
        if !sound || !energies.is_sorted() {
            return Ok(Some(format!("matrix {at} of {count}: its energies are not those of a matrix without diagonal")));
        }
    }
    let mut pairs = Vec::with_capacity(sample.len());
    for &at in sample {
        let mut own = vec![0.0; sites * sites];
        device.download_from(modes, at * sites * sites, &mut own)?;
        pairs.push((at, own));
    }
    let fault = |(at, own): &(usize, Vec<f64>)| {
        let mut matrix = vec![0.0; sites * sites];
        hamiltonian(hopping, &displacement[at * 2 * sites..][..2 * sites], &mut matrix);
        let fault = check(&matrix, &energy[at * sites..][..sites], own, epsilon)?;
        Some(format!("matrix {at} of {count}: {fault}"))
    };
    let faults: Vec<Option<String>> = pairs.par_iter().map(fault).collect();
    Ok(faults.into_iter().flatten().next())
}
