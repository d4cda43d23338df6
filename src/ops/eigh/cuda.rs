//! Eigenpairs on a card, in place: cuSOLVER's batched solvers on matrices in f64, or on their f32 copies.

use super::{LabelPrecision, Labels, Solver};
use crate::Result;
use crate::device::Memory;
use crate::device::cuda::{Batched, Cuda, CudaBuffer, In, Launch, Out, kernels, solve_batched};

kernels! {
    fn narrow(out: Out<f32>, source: In<f64>, count: u64);
    fn widen(out: Out<f64>, source: In<f32>, count: u64);
}

/// Replaces the `count` symmetric `matrices` (count, N, N) by their modes, one after another, and returns the energies (count, N).
///
/// # Errors
/// [`crate::device::cuda::CudaFault::Solver`] when the library refuses or does not converge; the faults of the card.
pub(crate) fn solve(device: &Cuda, labels: Labels, sites: usize, count: usize, matrices: &mut CudaBuffer<f64>) -> Result<Vec<f64>> {
    const THREADS: u32 = 256;
    let solver = if labels.solver == Solver::Syevj { Batched::Syevj } else { Batched::Xsyev };
    let (numbers, entries) = (count * sites, count * sites * sites);
    match labels.precision {
        LabelPrecision::F64 => {
            let mut energies = device.zeros::<f64>(numbers)?;
            solve_batched(device, solver, sites, count, matrices, &mut energies)?;
            device.first(&energies, numbers)
        }
        LabelPrecision::F32 => {
            let (mut single, mut energies) = (device.zeros::<f32>(entries)?, device.zeros::<f32>(numbers)?);
            narrow(device, Launch::over(entries, THREADS), single.at_mut(0), matrices.at(0), entries as u64)?;
            solve_batched(device, solver, sites, count, &mut single, &mut energies)?;
            widen(device, Launch::over(entries, THREADS), matrices.at_mut(0), single.at(0), entries as u64)?;
            Ok(device.first(&energies, numbers)?.into_iter().map(f64::from).collect())
        }
    }
}
