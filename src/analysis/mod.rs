//! What the numbers say: power laws, attacks, populations. Plain slices of f64 in, numbers out; no network code, no files.
//!
//! - [`powerlaw`]: exponent and lower bound of a heavy tail (Fig. 4g-1, 5).
//! - [`attack`]: robustness and hub atoms (Fig. 6).
//! - [`population`]: accuracy, baselines, displacement lengths, and which samples a figure shows (Fig. 2-4).
//! - [`network`]: weight strengths and spectra of layers (Fig. 5, S9).
//! - [`spectrum`]: spacings of energies, discrete states (Fig. S6).
//! - [`statistics`]: means with errors, correlations.
//! - [`numbers`]: a column of numbers from text.

pub mod attack;
pub mod network;
pub mod numbers;
pub mod population;
pub mod powerlaw;
pub mod spectrum;
pub mod statistics;
