//! Definitions: the lattice, its random deformation, its modes and their areas, and the attack on one atom or on many.
//!
//! Displacements are (2, L, L): the x of every site, then the y, in lattice periods; site n = nx L + ny. Energies and mode areas
//! are always computed in f64.

mod attack;
mod deformation;
mod lattice;
mod removal;
mod spectrum;
mod symmetry;

pub use crate::ops::spectrum::Spectrum;
pub use attack::{Answer, Attack, Modes, Shift};
pub use deformation::{Amplitudes, Population};
pub use lattice::{Boundary, Lattice};
pub use removal::mode_areas_without;
pub use spectrum::{Eigenmode, average_mode_area, eigenmodes, solve, solve_on};
pub use symmetry::Symmetry;
