//! The mode area on the CPU, in f64.

use super::ModeAreas;
use crate::Result;
use crate::device::{Cpu, Real};
use rayon::prelude::*;

impl<R: Real> ModeAreas for Cpu<R> {
    fn mode_areas(
        &self,
        sites: usize,
        count: usize,
        modes: &Vec<f64>,
        areas: &mut Vec<f64>,
        sorted: &mut Vec<f64>,
        order: &mut Vec<u16>,
    ) -> Result<()> {
        modes.par_chunks_exact(sites).zip(&mut areas[..count * sites]).for_each(|(psi, area)| *area = mode_area(psi));
        let lattices = areas.par_chunks_exact(sites).zip(sorted.par_chunks_exact_mut(sites)).zip(order.par_chunks_exact_mut(sites));
        lattices.take(count).for_each(|((areas, sorted), order)| sort(areas, sorted, order));
        Ok(())
    }
}

/// The mode area of one mode, `psi` (N), normalised or not.
pub fn mode_area(psi: &[f64]) -> f64 {
    let (square, fourth) = psi.iter().fold((0.0, 0.0), |(square, fourth), &p| {
        let density = p * p;
        (square + density, fourth + density * density)
    });
    square * square / (psi.len() as f64 * fourth)
}

/// Sorts mode areas that stand in the order of their energies: `sorted[m] = areas[order[m]]`, ascending.
pub fn sort(areas: &[f64], sorted: &mut [f64], order: &mut [u16]) {
    for (energy, slot) in order.iter_mut().enumerate() {
        *slot = energy as u16;
    }
    order.sort_by(|&a, &b| areas[a as usize].total_cmp(&areas[b as usize]));
    for (w, &energy) in sorted.iter_mut().zip(order.iter()) {
        *w = areas[energy as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_modes() {
        assert_eq!(mode_area(&[0.0, 1.0, 0.0, 0.0]), 0.25);
        assert_eq!(mode_area(&[0.5, -0.5, 0.5, 0.5]), 1.0);
        assert_eq!(mode_area(&[3.0, 3.0, 0.0, 0.0]), 0.5);
    }

    #[test]
    fn ties_keep_the_order_of_the_energies() {
        let (mut sorted, mut order) = ([0.0; 5], [0; 5]);
        sort(&[0.5, 0.25, 0.5, 0.125, 0.25], &mut sorted, &mut order);
        assert_eq!(sorted, [0.125, 0.25, 0.25, 0.5, 0.5]);
        assert_eq!(order, [3, 1, 4, 0, 2]);
    }
}
