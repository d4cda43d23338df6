//! A lattice with some of its atoms taken out.

use super::Lattice;
use super::spectrum::check_structure;
use crate::ops::eigh::Eigh;
use crate::ops::hamiltonian::hamiltonian;
use crate::ops::mode_area::mode_area;
use crate::{Error, Result};

/// The mode areas, ascending, of the N - k modes that are left when the k atoms `removed` are taken out of one lattice,
/// `displacement` (2, L, L). They stay shares of the whole lattice: a taken site counts as one where every mode is zero,
///
/// ```text
/// w = (sum_s psi_s^2)^2 / (N sum_s psi_s^4),    s over the N - k atoms that are left
/// ```
///
/// so a mode that never touched a removed atom keeps its area.
///
/// # Errors
/// [`Error::Value`] for an impossible lattice or displacement, for an atom that is not there or named twice, and where none is left;
/// [`Error::Failed`] from the eigen-solver.
pub fn mode_areas_without(lattice: &Lattice, displacement: &[f64], removed: &[usize]) -> Result<Vec<f64>> {
    check_structure(lattice, displacement)?;
    let sites = lattice.sites();
    let mut there = vec![true; sites];
    for &atom in removed {
        match there.get_mut(atom) {
            None => return Err(Error::value("removed", format!("there is no atom {atom}; the lattice has 0 to {}", sites - 1))),
            Some(false) => return Err(Error::value("removed", format!("atom {atom} is named twice"))),
            Some(left) => *left = false,
        }
    }
    let left: Vec<usize> = (0..sites).filter(|&atom| there[atom]).collect();
    if left.is_empty() {
        return Err(Error::value("removed", "every atom is named; at least one must be left"));
    }
    let mut whole = vec![0.0; sites * sites];
    hamiltonian(&lattice.hopping(), displacement, &mut whole);
    let matrix: Vec<f64> = left.iter().flat_map(|&i| left.iter().map(move |&j| (i, j))).map(|(i, j)| whole[i * sites + j]).collect();
    let mut solver = Eigh::new(left.len());
    solver.solve(&matrix)?;
    let share = left.len() as f64 / sites as f64;
    let mut areas: Vec<f64> = (0..left.len()).map(|m| share * mode_area(solver.mode(m))).collect();
    areas.sort_unstable_by(f64::total_cmp);
    Ok(areas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::solve;
    use crate::progress::Silent;

    const LATTICE: Lattice = Lattice { size: 3, boundary: crate::physics::Boundary::Open, t0: 3.14e-2, alpha: 1.1454, epsilon: 1.0 };

    fn displacement() -> Vec<f64> {
        (0..18).map(|k| 0.3 * f64::from(k * k % 19).sin()).collect()
    }

    #[test]
    fn nothing_removed_changes_nothing() {
        let areas = mode_areas_without(&LATTICE, &displacement(), &[]).unwrap();
        assert_eq!(areas, solve(&LATTICE, &displacement(), &Silent).unwrap().mode_area);
    }

    /// An atom that is pushed far out of reach takes one mode with it, that of itself alone, and leaves the others as if it were gone.
    #[test]
    fn a_removed_atom_is_one_out_of_reach() {
        for atom in [0, 4, 7] {
            let mut far = displacement();
            far[atom] += 60.0;
            let mut expected = solve(&LATTICE, &far, &Silent).unwrap().mode_area;
            assert!((expected.remove(0) - 1.0 / 9.0).abs() < 1e-12);
            let areas = mode_areas_without(&LATTICE, &displacement(), &[atom]).unwrap();
            assert!(areas.len() == 8 && areas.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{areas:?} {expected:?}");
        }
    }

    #[test]
    fn impossible_atoms_are_named() {
        for (removed, says) in [
            (&[9][..], "removed: there is no atom 9; the lattice has 0 to 8"),
            (&[2, 3, 2], "removed: atom 2 is named twice"),
            (&[0, 1, 2, 3, 4, 5, 6, 7, 8], "removed: every atom is named"),
        ] {
            let said = mode_areas_without(&LATTICE, &displacement(), removed).unwrap_err().to_string();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
