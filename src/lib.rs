//! `scalefree` predicts, designs and analyses wave localisation in disordered lattices.
//!
//! It implements "Machine learning identifies scale-free properties in disordered materials"
//! (Yu, Piao, Park, Nat. Commun. 11, 4842, 2020). The rooms of the house, top to bottom; arrows go down only:
//!
//! - `cli`: the program; `grid`: a sweep, reproductions at many settings and one table over them; `reproduce`: the stages of a reproduction;
//!   `config`: presets, files, `--set` (feature `cli`, as all that names it).
//! - `bench`: every op, whole steps and the eigen-solver, timed beside the device's roofs (feature `cli`).
//! - `report`: results against the paper's, verdicts, and the page that shows them (feature `cli`).
//! - `figures`: one file a figure of the paper; plain data in, SVG out (feature `cli`).
//! - [`analysis`]: power laws, attacks, populations; numbers in, numbers out.
//! - [`gradcheck`]: every gradient against central differences.
//! - [`design`]: structures for target localisations, by an L2D, with their Hamiltonian truth.
//! - [`train`]: the loop, its files and options; [`train::Predictor`] runs trained networks.
//! - [`models`]: what a model file tells of itself.
//! - [`nn`]: networks as data, the tape, model files.
//! - [`dataset`]: made, kept and loaded: NPZ files and folders of shards.
//! - [`physics`]: lattice, deformation (Eq. 5), Hamiltonian (Eq. 1), mode area (Eq. 2), attack (Fig. 6).
//! - [`ops`]: the computations, one folder an operation: the maths, the trait, and each device's code.
//! - [`device`]: where the buffers live: [`device::Cpu`] in f32 or f64, [`device::Cuda`].

pub mod analysis;
#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod config;
pub mod dataset;
pub mod design;
pub mod device;
mod error;
#[cfg(feature = "cli")]
pub mod figures;
pub mod file;
pub mod gradcheck;
#[cfg(feature = "cli")]
pub mod grid;
pub mod manifest;
pub mod models;
pub mod nn;
pub mod ops;
pub mod physics;
pub mod progress;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod reproduce;
mod text;
pub mod train;

pub use error::{Error, Result};
