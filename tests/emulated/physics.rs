//! The ops before the networks: deformation, Hamiltonian, mode areas.

use super::support::{Guarded, Outputs, array, ensure, exact, near, numbers, twice};
use super::{Case, Fault, Verdict};
use scalefree::device::Cpu;
use scalefree::ops::Device;
use scalefree::ops::deformation::Deformation;
use scalefree::ops::hamiltonian::Hopping;
use scalefree::ops::mode_area::mode_area;

pub fn cases<D: Device<Real = f32>>(cases: &mut Vec<Case<D>>) {
    // The seed and the index of the realisation have two words each.
    for (size, first, count, seed) in [(1, 0, 1, 0), (5, 3, 7, 9), (16, (1 << 32) - 1, 3, (5 << 32) + 1)] {
        let config = Deformation { size, rho_max: 0.6, sigma_max: 0.3, seed };
        let name = format!("deformation {count} of {size}x{size} from {first}");
        cases.push(Case::new(name, move |device| deformation(device, &config, first, count)));
    }
    for (size, count) in [(1, 2), (3, 5), (6, 2), (16, 1)] {
        for periodic in [0, 1] {
            let config = Hopping { size, periodic, t0: 3.14e-2, alpha: 1.1454 };
            let name = format!("hamiltonian {count} of {size}x{size}{}", if periodic == 1 { ", periodic" } else { "" });
            cases.push(Case::new(name, move |device| hamiltonians(device, &config, count)));
        }
    }
    for (sites, count) in [(1, 3), (9, 4), (50, 2), (256, 1), (289, 1)] {
        cases.push(Case::new(format!("mode areas {count} of {sites} sites"), move |device| mode_areas(device, sites, count)));
    }
}

fn deformation<D: Device>(device: &D, config: &Deformation, first: u64, count: usize) -> Verdict {
    let ours = twice(|| deformed(device, config, first, count))?;
    for (name, expected) in deformed(&Cpu::<f64>::new(), config, first, count)? {
        exact(name, array(&ours, name), &expected)?;
    }
    Ok(())
}

fn deformed<D: Device>(device: &D, config: &Deformation, first: u64, count: usize) -> Result<Outputs, Fault> {
    let sites = (config.size * config.size) as usize;
    let mut displacement = Guarded::<D, f32>::blank(device, 2 * sites * count)?;
    let (mut rho, mut sigma) = (Guarded::<D, f32>::blank(device, count)?, Guarded::<D, f32>::blank(device, count)?);
    device.deform(config, first, count, &mut displacement.buffer, &mut rho.buffer, &mut sigma.buffer)?;
    let mut outputs = Vec::new();
    for (name, buffer) in [("displacement", displacement), ("rho", rho), ("sigma", sigma)] {
        outputs.push((name, buffer.written(device)?.into_iter().map(f64::from).collect()));
    }
    Ok(outputs)
}

fn hamiltonians<D: Device>(device: &D, config: &Hopping, count: usize) -> Verdict {
    let sites = (config.size * config.size) as usize;
    let displacement = numbers(2 * sites * count, 51);
    let ours = twice(|| built(device, config, count, &displacement))?;
    let expected = built(&Cpu::<f64>::new(), config, count, &displacement)?;
    // Square root and exponential may round differently in their last place.
    near("matrices", array(&ours, "matrices"), array(&expected, "matrices"), 1e-15 * config.t0)?;
    let matrices = array(&ours, "matrices");
    for at in 0..matrices.len() {
        let (matrix, row, column) = (at / (sites * sites), at / sites % sites, at % sites);
        let mirrored = matrices[(matrix * sites + column) * sites + row];
        ensure!(matrices[at] == mirrored, "matrix {matrix} is not symmetric at ({row}, {column})");
    }
    Ok(())
}

fn built<D: Device>(device: &D, config: &Hopping, count: usize, displacement: &[f64]) -> Result<Outputs, Fault> {
    let sites = (config.size * config.size) as usize;
    let displacement = Guarded::<D, f64>::holding(device, displacement)?;
    let mut matrices = Guarded::<D, f64>::blank(device, sites * sites * count)?;
    device.hamiltonians(config, count, &displacement.buffer, &mut matrices.buffer)?;
    Ok(vec![("matrices", matrices.written(device)?)])
}

/// Modes of several magnitudes, not normalised, with ties: every fourth mode is the one before it, shifted by a site.
fn mode_areas<D: Device>(device: &D, sites: usize, count: usize) -> Verdict {
    let mut modes: Vec<f64> = numbers(sites * sites * count, 52).iter().map(|v| v * v * v).collect();
    for m in (3..sites * count).step_by(4) {
        // Two sites with one amplitude: the sums of both modes are exact, whatever their order.
        for (mode, site) in [(m - 1, 0), (m, sites - 1)] {
            modes[mode * sites..][..sites].fill(0.0);
            modes[mode * sites + site] = 0.5;
        }
    }
    let ours = twice(|| sorted(device, sites, count, &modes))?;
    let expected: Vec<f64> = modes.chunks_exact(sites).map(mode_area).collect();
    let areas = array(&ours, "areas");
    near("areas", areas, &expected, 1e-14)?;
    // Equal areas keep the order of their energies, in the device's own numbers.
    for c in 0..count {
        let areas = &areas[c * sites..][..sites];
        let mut order: Vec<usize> = (0..sites).collect();
        order.sort_by(|a, b| areas[*a].total_cmp(&areas[*b]));
        let by_order: Vec<f64> = order.iter().map(|m| areas[*m]).collect();
        exact("order", &array(&ours, "order")[c * sites..][..sites], &order.iter().map(|m| *m as f64).collect::<Vec<_>>())?;
        exact("sorted", &array(&ours, "sorted")[c * sites..][..sites], &by_order)?;
    }
    Ok(())
}

fn sorted<D: Device>(device: &D, sites: usize, count: usize, modes: &[f64]) -> Result<Outputs, Fault> {
    let modes = Guarded::<D, f64>::holding(device, modes)?;
    let mut areas = Guarded::<D, f64>::blank(device, sites * count)?;
    let mut sorted = Guarded::<D, f64>::blank(device, sites * count)?;
    let mut order = Guarded::<D, u16>::blank(device, sites * count)?;
    device.mode_areas(sites, count, &modes.buffer, &mut areas.buffer, &mut sorted.buffer, &mut order.buffer)?;
    let order = order.written(device)?.into_iter().map(f64::from).collect();
    Ok(vec![("areas", areas.written(device)?), ("sorted", sorted.written(device)?), ("order", order)])
}
