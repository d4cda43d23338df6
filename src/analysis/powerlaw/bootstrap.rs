//! Could a power law have made these data? The semi-parametric bootstrap of Clauset, Shalizi and Newman (their section 4.1).
//!
//! A synthetic sample has as many values as the data: each comes with probability n_tail/n from the fitted power law, otherwise it is
//! one of the data below xmin. Exponent *and* lower bound are fitted anew; the p-value is the share of synthetic samples whose distance
//! D is at least the data's. At p <= 0.1 the power law is ruled out.
//!
//! With 1e5 values in a tail the test sees every dent, and p is 0 for anything real. So where the tail has more than [`LARGE`] values,
//! each draw takes a random sub-sample of the data, without replacement, whose tail has about that many, fits it, and sets one synthetic
//! sample of that fit against it: p is then the mean over sub-samples, and says whether 1e4 such values can be told from a power law.

use super::{Fit, fit};
use crate::analysis::statistics::standard_deviation;
use crate::ops::philox::{Stream, draw};
use crate::progress::Progress;
use crate::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Values in a tail beyond which the test works on sub-samples.
pub const LARGE: usize = 10_000;

/// What the synthetic samples say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Synthetic samples.
    pub draws: usize,
    /// Share of synthetic samples that lie at least as far from their power law as the data from theirs.
    pub p: f64,
    /// Standard error of p, from the finite number of draws: sqrt(p (1 - p)/draws).
    pub p_error: f64,
    /// Standard deviation of the exponent over the synthetic samples: its error with the choice of xmin included.
    pub alpha_error: f64,
    /// Standard deviation of the lower bound over the synthetic samples.
    pub xmin_error: f64,
    /// Size of the sub-samples, where the tail has more than [`LARGE`] values; the two errors above are then a sub-sample's.
    pub sample: Option<usize>,
}

/// Synthetic samples at most: far more than tell p to a thousandth.
const MOST_DRAWS: usize = 1_000_000;

/// Can so many synthetic samples be drawn? `name` is where the number comes from.
///
/// # Errors
/// [`Error::Value`] for fewer than 2, and for more than a million.
pub fn check_draws(name: &str, draws: usize) -> Result<()> {
    match draws {
        0 | 1 => Err(Error::value(name, format!("{draws} synthetic samples tell nothing; two are the least, 1000 are usual"))),
        2..=MOST_DRAWS => Ok(()),
        _ => Err(Error::value(name, format!("{draws} synthetic samples; {MOST_DRAWS} are the most, 1000 are usual"))),
    }
}

/// Draws synthetic samples of `values` with their `fit`; see the head of this file. Draw k depends on (seed, k) alone.
///
/// # Errors
/// What [`check_draws`] and [`super::check`] refuse; a stop.
pub fn bootstrap(values: &[f64], fit: &Fit, draws: usize, seed: u64, progress: &dyn Progress) -> Result<Bootstrap> {
    run(&Continuous, values, fit, draws, seed, progress)
}

/// A family of laws: how it is fitted and drawn from.
pub(super) trait Law: Sync {
    fn fit(&self, values: &[f64]) -> Result<Fit>;
    /// The value that a share `u` of the fitted tail exceeds, 0 < u < 1; the largest number that the law knows where it is larger still.
    fn quantile(&self, fit: &Fit, u: f64) -> f64;
}

struct Continuous;

impl Law for Continuous {
    fn fit(&self, values: &[f64]) -> Result<Fit> {
        fit(values)
    }

    fn quantile(&self, fit: &Fit, u: f64) -> f64 {
        (fit.xmin * u.powf(-1.0 / (fit.alpha - 1.0))).min(f64::MAX)
    }
}

pub(super) fn run(law: &impl Law, values: &[f64], fit: &Fit, draws: usize, seed: u64, progress: &dyn Progress) -> Result<Bootstrap> {
    super::check(values)?;
    check_draws("bootstrap", draws)?;
    let size = if fit.n_tail > LARGE { (values.len() as f64 * LARGE as f64 / fit.n_tail as f64).round() as usize } else { values.len() };
    let sampled = size < values.len();
    let done = AtomicU64::new(0);
    progress.begin("bootstrap", draws as u64, "draws");
    let drawn: Result<Vec<(bool, Fit)>> = (0..draws as u64)
        .into_par_iter()
        .map(|k| {
            if progress.stop() {
                return Err(Error::Interrupted("there is no p-value".into()));
            }
            let part = sampled.then(|| choose(values, size, seed, k));
            let data = part.as_deref().unwrap_or(values);
            let real = if sampled { refit(law, data, fit)? } else { *fit };
            let again = refit(law, &synthesise(law, data, &real, seed, k), &real)?;
            progress.advance(done.fetch_add(1, Relaxed) + 1, "");
            Ok((again.ks >= real.ks, again))
        })
        .collect();
    progress.end();
    let drawn = drawn?;
    let p = drawn.iter().filter(|(farther, _)| *farther).count() as f64 / draws as f64;
    let spread = |of: &dyn Fn(&Fit) -> f64| standard_deviation(&drawn.iter().map(|(_, again)| of(again)).collect::<Vec<_>>());
    Ok(Bootstrap {
        draws,
        p,
        p_error: (p * (1.0 - p) / draws as f64).sqrt(),
        alpha_error: spread(&|again| again.alpha),
        // In units of the bound, so that its square neither over- nor underflows.
        xmin_error: fit.xmin * spread(&|again| again.xmin / fit.xmin),
        sample: sampled.then_some(size),
    })
}

/// The fit to values drawn from those of `known`. Drawn from good values they are good ones, and all that can be wrong with them is that they
/// came out equal, or all but equal. Such values lie nowhere off a power law, and say no exponent of their own: they are `known` at D = 0.
fn refit(law: &impl Law, drawn: &[f64], known: &Fit) -> Result<Fit> {
    match law.fit(drawn) {
        Err(Error::Value { .. }) => Ok(Fit { ks: 0.0, ..*known }),
        fitted => fitted,
    }
}

/// What the p-value means, in one sentence.
pub fn sentence(bootstrap: &Bootstrap) -> String {
    let Bootstrap { draws, p, p_error, sample, .. } = bootstrap;
    let of = match sample {
        Some(n) => {
            format!("With so many values the test sees every dent, so of {draws} samples drawn from the fits of sub-samples of {n} values,")
        }
        None => format!("Of {draws} samples drawn from the fit,"),
    };
    let verdict = if *p <= 0.1 {
        "the power law is ruled out (p <= 0.1)"
    } else {
        "the power law cannot be ruled out (p > 0.1), which does not prove it"
    };
    let close = if (p - 0.1).abs() < 2.0 * p_error { "; too close to 0.1 for so few draws" } else { "" };
    format!("{of} {:.1} % lie at least as far from a power law as the data: {verdict}{close}.", 100.0 * p)
}

/// Two random numbers in (0, 1), of 32 and 53 bits, for value `at` of draw `k`.
fn pair(seed: u64, stream: Stream, k: u64, at: usize) -> (f64, f64) {
    let [a, b, c, _] = draw(seed, stream, k, at as u32);
    (crate::ops::philox::uniform(c), share((u64::from(a) << 32 | u64::from(b)) >> 11))
}

/// The middle of step `wide` of 2^53; that of the last rounds to 1, which would choose a value behind the last.
fn share(wide: u64) -> f64 {
    ((wide as f64 + 0.5) / (1u64 << 53) as f64).min(1.0 - f64::EPSILON / 2.0)
}

/// `size` of the values, without replacement: the start of a Fisher-Yates shuffle.
fn choose(values: &[f64], size: usize, seed: u64, k: u64) -> Vec<f64> {
    let mut values = values.to_vec();
    for at in 0..size {
        let (_, u) = pair(seed, Stream::Subsample, k, at);
        let other = at + (u * (values.len() - at) as f64) as usize;
        values.swap(at, other);
    }
    values.truncate(size);
    values
}

fn synthesise(law: &impl Law, data: &[f64], fit: &Fit, seed: u64, k: u64) -> Vec<f64> {
    let body: Vec<f64> = data.iter().copied().filter(|&x| x < fit.xmin).collect();
    let share = fit.n_tail as f64 / fit.n as f64;
    let value = |at| {
        let (coin, u) = pair(seed, Stream::Bootstrap, k, at);
        if body.is_empty() || coin < share { law.quantile(fit, u) } else { body[(u * body.len() as f64) as usize] }
    };
    (0..data.len()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    /// n values at even ranks of the law x^-alpha from 1 on: as close to it as values can be.
    fn even(n: usize, alpha: f64) -> Vec<f64> {
        (0..n).map(|i| ((i as f64 + 0.5) / n as f64).powf(-1.0 / (alpha - 1.0))).collect()
    }

    #[test]
    fn what_is_a_power_law_stands_and_what_is_none_falls() {
        let p = |values: &[f64]| bootstrap(values, &fit(values).unwrap(), 100, 1, &Silent).unwrap();
        assert!(p(&even(500, 2.5)).p > 0.9);
        // The same count of values at two heights only.
        let steps: Vec<f64> = (0..500).map(|i| if i % 3 == 0 { 2.0 } else { 1.0 }).collect();
        let fallen = p(&steps);
        assert!(fallen.p <= 0.1 && sentence(&fallen).contains("is ruled out"), "{fallen:?}");
    }

    #[test]
    fn large_tails_are_sampled_and_it_is_said() {
        let values = even(15_000, 2.2);
        let found = bootstrap(&values, &fit(&values).unwrap(), 4, 3, &Silent).unwrap();
        assert!(found.sample.is_some_and(|n| (9_990..=15_000).contains(&n)), "{found:?}");
        assert!(sentence(&found).contains("sub-samples of"));
        let part = choose(&values, 7000, 3, 0);
        let mut distinct = part.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        assert_eq!((part.len(), distinct.len()), (7000, 7000), "without replacement");
        assert_ne!(part, choose(&values, 7000, 3, 1));
    }

    #[test]
    fn a_share_is_never_all_of_it() {
        for (wide, expected) in [(0, 2f64.powi(-54)), (1 << 51, 0.25 + 2f64.powi(-54)), ((1 << 53) - 1, 1.0 - 2f64.powi(-53))] {
            assert_eq!(share(wide), expected);
        }
    }

    #[test]
    fn extreme_data_have_a_p_value() {
        // An exponent of 1.003: one synthetic value in three is beyond all numbers.
        let wide: Vec<f64> = (0..60).map(|i| 10f64.powi(10 * i - 300)).collect();
        let found = fit(&wide).unwrap();
        let p = bootstrap(&wide, &found, 50, 1, &Silent).unwrap();
        assert!(p.alpha_error > 0.0 && p.alpha_error.is_finite(), "{p:?}");
        // Three of 30,000 counts differ, and hardly any of a sub-sample's: nowhere off a power law.
        let counts: Vec<f64> = (0..30_000).map(|i| if i % 10_000 == 0 { 2.0 } else { 1.0 }).collect();
        let fit = crate::analysis::powerlaw::discrete::fit(&counts).unwrap();
        let p = crate::analysis::powerlaw::discrete::bootstrap(&counts, &fit, 20, 1, &Silent).unwrap();
        assert!(p.p > 0.5 && p.sample == Some(LARGE), "{p:?}");
    }

    #[test]
    fn a_stop_is_heard_and_impossible_draws_are_refused() {
        struct Stop;
        impl Progress for Stop {
            fn stop(&self) -> bool {
                true
            }
        }
        let values = even(50, 2.0);
        let fit = fit(&values).unwrap();
        assert!(matches!(bootstrap(&values, &fit, 10, 1, &Stop), Err(Error::Interrupted(_))));
        for (draws, says) in [(0, "two are the least"), (1, "1 synthetic samples tell nothing"), (1_000_001, "1000000 are the most")] {
            assert!(bootstrap(&values, &fit, draws, 1, &Silent).unwrap_err().to_string().contains(says));
        }
    }
}
