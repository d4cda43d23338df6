//! The power law of a heavy tail, to the standard of the field (Clauset, Shalizi, Newman, SIAM Review 51, 661, 2009; Fig. 4g-1, 5, S3, S5).
//!
//! - [`fit`]: exponent and lower bound, in the convention of that paper's program plfit; [`scan`]: all lower bounds beside it;
//!   [`exponent_from`]: the exponent from a given bound on.
//! - [`bootstrap`]: is the power law possible at all? A p-value, and the errors of exponent and bound.
//! - [`compare`]: is another law likelier? Vuong's likelihood ratios against four of them.
//! - [`discrete`]: the same for counts.
//! - [`subsample`]: the fit against the number of realisations.
//! - `special`: the special functions that the likelihoods need, good in the far tail.
//!
//! Seeded draws are Philox draws at (seed, draw), so every result has the same bits for any number of threads.

mod bootstrap;
mod compare;
pub mod discrete;
mod fit;
mod optimise;
mod special;
mod subsample;

pub use bootstrap::{Bootstrap, LARGE, bootstrap, check_draws, sentence};
pub use compare::{Comparison, Rival, compare};
pub use fit::{Candidate, Fit, ccdf, check, exponent_from, fit, scan};
pub use subsample::{Growth, subsample};
