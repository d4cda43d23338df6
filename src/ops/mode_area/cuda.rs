//! Mode areas on a card, in f64: a warp a mode, then a thread an area that counts those below it.

use super::ModeAreas;
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, In, Launch, Out, kernels};

const THREADS: u32 = 256;

kernels! {
    fn mode_area(areas: Out<f64>, modes: In<f64>, sites: u64, count: u64);
    fn mode_order(sorted: Out<f64>, order: Out<u16>, areas: In<f64>, sites: u64);
}

impl ModeAreas for Cuda {
    fn mode_areas(
        &self,
        sites: usize,
        count: usize,
        modes: &CudaBuffer<f64>,
        areas: &mut CudaBuffer<f64>,
        sorted: &mut CudaBuffer<f64>,
        order: &mut CudaBuffer<u16>,
    ) -> Result<()> {
        let launch = Launch::over(32 * count * sites, THREADS);
        mode_area(self, launch, areas.at_mut(0), modes.at(0), sites as u64, (count * sites) as u64)?;
        order_areas(self, sites, count, areas, sorted, order)
    }
}

/// The second half of [`ModeAreas::mode_areas`], for areas that are there.
pub(crate) fn order_areas(
    device: &Cuda,
    sites: usize,
    count: usize,
    areas: &CudaBuffer<f64>,
    sorted: &mut CudaBuffer<f64>,
    order: &mut CudaBuffer<u16>,
) -> Result<()> {
    let launch = Launch { grid: [count as u32, sites.div_ceil(THREADS as usize) as u32, 1], block: THREADS, shared: 0 };
    mode_order(device, launch, sorted.at_mut(0), order.at_mut(0), areas.at(0), sites as u64)
}
