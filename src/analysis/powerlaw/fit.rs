//! The continuous power law p(x) = (alpha - 1)/xmin (x/xmin)^-alpha for x >= xmin, in the convention of the program plfit.
//!
//! For a lower bound xmin with tail z_0 <= ... <= z_{n-1}:
//!
//! ```text
//! alpha = 1 + n / T,   T = sum_i ln(z_i / xmin)                   (maximum likelihood)
//! D     = max_i |F(z_i) - i/n|,   F(z) = 1 - (xmin/z)^(alpha-1)   (Kolmogorov-Smirnov; i counts from 0)
//! ```
//!
//! and xmin is the distinct value, any but the largest, whose D is smallest; the smaller xmin wins a tie. Read literally that is
//! quadratic. Here every distance that matters is still found exactly, but cheaply, because:
//!
//! - T for all candidates is one pass from the top: T_u = T_{u+1} + n_{u+1} ln(x_{u+1}/x_u), sums of positive terms only;
//! - F and i/n both rise, so their values at the ends of a block bound the deviation inside it: blocks that cannot hold the maximum
//!   are skipped, the others halved;
//! - a candidate is dropped at the first point that deviates more than the best D so far. Neighbouring candidates deviate most at
//!   the same place, so that point is tried first, and most candidates cost one exponential.

use crate::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A fitted tail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Exponent of the density, x^-alpha.
    pub alpha: f64,
    /// Lower bound of the tail, in the unit of the data; a value of the data.
    pub xmin: f64,
    /// Kolmogorov-Smirnov distance D between the tail and the fit.
    pub ks: f64,
    /// Values at or above xmin.
    pub n_tail: usize,
    /// All values.
    pub n: usize,
    /// Standard error of alpha, (alpha - 1)/sqrt(n_tail), with xmin taken as known.
    pub sigma: f64,
}

impl Fit {
    /// The fitted P(X >= x) among *all* values, for x >= xmin: (n_tail/n) (x/xmin)^(1 - alpha).
    pub fn ccdf(&self, x: f64) -> f64 {
        self.n_tail as f64 / self.n as f64 * (x / self.xmin).powf(1.0 - self.alpha)
    }
}

/// Fits exponent and lower bound to `values`, in any order.
///
/// # Errors
/// What [`check`] refuses; values that are all but equal.
pub fn fit(values: &[f64]) -> Result<Fit> {
    check(values)?;
    let sample = Sample::new(values);
    let (ks, u) = sample.best(&sample.candidates()?);
    let n_tail = sample.tail(u);
    let alpha = sample.alpha(u);
    let sigma = (alpha - 1.0) / (n_tail as f64).sqrt();
    Ok(Fit { alpha, xmin: sample.value[u], ks, n_tail, n: sample.n(), sigma })
}

/// Largest exponent of a tail. Beyond it the values are one value and its rounding, and so small a difference has no digits left.
pub(super) const MOST_ALPHA: f64 = 1e5;

/// What is said where no lower bound leaves a tail whose exponent is at most [`MOST_ALPHA`].
pub(super) fn all_but_equal() -> Error {
    Error::value(
        "values",
        format!("are all but equal: they fall faster than x^-{MOST_ALPHA:e} from every one on, so no tail can be fitted"),
    )
}

/// One candidate for the lower bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The lower bound, in the unit of the data.
    pub xmin: f64,
    /// Exponent of the tail from there on.
    pub alpha: f64,
    /// Kolmogorov-Smirnov distance of that tail from its power law.
    pub ks: f64,
    /// Values in that tail.
    pub n_tail: usize,
}

/// Candidates that a scan gives at most, beside the best.
const SHOWN: usize = 2000;

/// Where there are more than 2000 of the ascending `candidates`, the first of each of 2000 equal steps of their logarithm, and the best.
pub(super) fn thinned(mut candidates: Vec<usize>, log: impl Fn(usize) -> f64, best: usize) -> Vec<usize> {
    if candidates.len() > SHOWN {
        let [low, high] = [0, candidates.len() - 1].map(|at| log(candidates[at]));
        let step = |u| (((log(u) - low) / (high - low) * SHOWN as f64) as usize).min(SHOWN - 1);
        let mut before = None;
        candidates.retain(|&u| before.replace(step(u)) != Some(step(u)) || u == best);
    }
    candidates
}

/// Exponent and distance for every candidate, ascending; where there are more than 2000, the first of each of 2000 equal steps of
/// ln xmin, and the best.
///
/// # Errors
/// Those of [`fit`].
pub fn scan(values: &[f64]) -> Result<Vec<Candidate>> {
    check(values)?;
    let sample = Sample::new(values);
    let candidates = sample.candidates()?;
    let (_, best) = sample.best(&candidates);
    let unbounded = AtomicU64::new(f64::INFINITY.to_bits());
    let candidate = |&u: &usize| {
        let ks = sample.distance(u, &unbounded, &mut Search::default())?;
        Some(Candidate { xmin: sample.value[u], alpha: sample.alpha(u), ks, n_tail: sample.tail(u) })
    };
    Ok(thinned(candidates, |u| sample.log[u], best).par_iter().filter_map(candidate).collect())
}

/// Exponent of the tail from a given bound on, and its standard error; none where no group reaches beyond the bound.
///
/// ```text
/// alpha = 1 + sum_g n_g / sum_g T_g,   error = sqrt(k/(k-1) sum_g (n_g - (alpha - 1) T_g)^2) / sum_g T_g
/// ```
///
/// Each group is one draw, as the sites of one structure are: n_g values of it lie at or above `xmin`, with the logarithms' sum T_g. The error is
/// that of a ratio of two sums over the k groups that reach the bound (no number for one), and assumes nothing of the values within a group.
pub fn exponent_from<'a>(groups: impl Iterator<Item = &'a [f64]>, xmin: f64) -> Option<(f64, f64)> {
    let tail = |group: &[f64]| group.iter().filter(|x| **x >= xmin).fold((0.0, 0.0), |(n, t), x| (n + 1.0, t + (x / xmin).ln()));
    let tails: Vec<(f64, f64)> = groups.map(tail).collect();
    let (n, excess) = tails.iter().fold((0.0, 0.0), |(n, excess), tail| (n + tail.0, excess + tail.1));
    let slope = n / excess;
    let scatter: f64 = tails.iter().map(|(n, t)| (n - slope * t).powi(2)).sum();
    let reaching = tails.iter().filter(|(n, _)| *n > 0.0).count() as f64;
    (excess > 0.0).then(|| (1.0 + slope, (scatter * reaching / (reaching - 1.0)).sqrt() / excess))
}

/// The data's own P(X >= x) at each distinct value, ascending in x.
///
/// # Errors
/// What [`check`] refuses.
pub fn ccdf(values: &[f64]) -> Result<Vec<(f64, f64)>> {
    check(values)?;
    let sample = Sample::new(values);
    Ok((0..sample.value.len()).map(|u| (sample.value[u], sample.tail(u) as f64 / sample.n() as f64)).collect())
}

/// Is this a sample that a power law can be fitted to?
///
/// # Errors
/// [`Error::Value`] for a value that is not finite or not positive (its place is named, counted from 1), and for fewer than two
/// distinct values.
pub fn check(values: &[f64]) -> Result<()> {
    if let Some(at) = values.iter().position(|v| !(v.is_finite() && *v > 0.0)) {
        let fault = format!("number {} of {} is {}; a power law needs finite numbers above zero", at + 1, values.len(), values[at]);
        return Err(Error::value("values", fault));
    }
    if values.iter().all(|v| v.ln() == values[0].ln()) {
        let held = if values.is_empty() { "no number at all".into() } else { format!("only the value {}", values[0]) };
        return Err(Error::value("values", format!("hold {held}; a power law needs at least two distinct numbers")));
    }
    Ok(())
}

/// The sample by distinct values (those that `ln` tells apart), ascending.
struct Sample {
    value: Vec<f64>,
    /// ln of each value.
    log: Vec<f64>,
    /// Place of each value's first copy in the sorted sample; one entry more, n.
    first: Vec<usize>,
    /// T of the tail that starts at each value.
    excess: Vec<f64>,
}

/// Neighbouring candidates that one thread works through in a row.
const CHUNK: usize = 1024;

impl Sample {
    fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.par_sort_unstable_by(f64::total_cmp);
        let (mut value, mut log, mut first) = (vec![], vec![], vec![]);
        for (i, &x) in sorted.iter().enumerate() {
            let ln = x.ln();
            if log.last() != Some(&ln) {
                value.push(x);
                log.push(ln);
                first.push(i);
            }
        }
        first.push(sorted.len());
        let mut excess = vec![0.0; value.len()];
        for u in (0..value.len() - 1).rev() {
            excess[u] = excess[u + 1] + (sorted.len() - first[u + 1]) as f64 * (log[u + 1] - log[u]);
        }
        Sample { value, log, first, excess }
    }

    fn n(&self) -> usize {
        self.first[self.value.len()]
    }

    /// Size of the tail from distinct value `u` on.
    fn tail(&self, u: usize) -> usize {
        self.n() - self.first[u]
    }

    /// Exponent of the tail from distinct value `u` on.
    fn alpha(&self, u: usize) -> f64 {
        1.0 + self.tail(u) as f64 / self.excess[u]
    }

    /// The distinct values that may be the lower bound: any but the largest that leaves a tail with an exponent.
    fn candidates(&self) -> Result<Vec<usize>> {
        let found: Vec<usize> = (0..self.value.len() - 1).filter(|&u| self.alpha(u) <= MOST_ALPHA).collect();
        if found.is_empty() { Err(all_but_equal()) } else { Ok(found) }
    }

    /// Smallest distance and its candidate. A coarse pass first, so that the full one starts with a good bound.
    fn best(&self, candidates: &[usize]) -> (f64, usize) {
        let bound = AtomicU64::new(f64::INFINITY.to_bits());
        self.scan(candidates.iter().step_by(candidates.len() / 256 + 1), &bound);
        candidates.par_chunks(CHUNK).filter_map(|chunk| self.scan(chunk.iter(), &bound)).reduce(|| (f64::INFINITY, usize::MAX), smaller)
    }

    /// The best of some candidates, unless the bound beats them all. The bits of non-negative floats order as the floats do, so the
    /// bound is shared as an integer.
    fn scan<'a>(&self, candidates: impl Iterator<Item = &'a usize>, bound: &AtomicU64) -> Option<(f64, usize)> {
        let mut search = Search::default();
        let distances = candidates.filter_map(|&u| {
            let ks = self.distance(u, bound, &mut search)?;
            bound.fetch_min(ks.to_bits(), Relaxed);
            Some((ks, u))
        });
        distances.reduce(smaller)
    }

    /// D of the tail from `u` on, or nothing as soon as it is known to exceed `bound`.
    fn distance(&self, u: usize, bound: &AtomicU64, search: &mut Search) -> Option<f64> {
        let n = self.tail(u) as f64;
        let slope = n / self.excess[u];
        let fitted = |v: usize| -(-slope * (self.log[v] - self.log[u])).exp_m1();
        let counted = |place: usize| (place - self.first[u]) as f64 / n;
        // Among equal values the first lies lowest against F, the last highest.
        let shares = |v: usize| (counted(self.first[v]), counted(self.first[v + 1] - 1));
        let deviation = |v: usize, f: f64| (f - shares(v).0).max(shares(v).1 - f);
        search.largest(u..=self.value.len() - 1, fitted, shares, deviation, |d| d > f64::from_bits(bound.load(Relaxed)))
    }
}

/// The search for the largest deviation of a tail, and what one candidate leaves to the next.
#[derive(Default)]
pub(super) struct Search {
    /// The distinct value where the last candidate deviated most.
    hint: usize,
    /// Scratch space.
    blocks: Vec<Block>,
}

/// Distinct values `left < right` whose F is known, and what lies between them, of which nothing is known yet.
#[derive(Clone, Copy)]
struct Block {
    left: usize,
    f_left: f64,
    right: usize,
    f_right: f64,
}

/// A bound must beat the maximum by more than the rounding of both, so that no order of work can change the result.
const ROUNDING: f64 = 1e-14;

impl Search {
    /// The largest `deviation(v, F(v))` over the distinct values v of a tail, or nothing as soon as it is known that it `exceeds` a bound.
    /// `fitted` is F, `shares` the least and the most of the tail that F is held against; all of them rise with v.
    pub(super) fn largest(
        &mut self,
        tail: RangeInclusive<usize>,
        fitted: impl Fn(usize) -> f64,
        shares: impl Fn(usize) -> (f64, f64),
        deviation: impl Fn(usize, f64) -> f64,
        exceeds: impl Fn(f64) -> bool,
    ) -> Option<f64> {
        let (&first, &last) = (tail.start(), tail.end());
        let start = self.hint.max(first);
        let hinted = deviation(start, fitted(start));
        if exceeds(hinted) {
            return None;
        }
        let (f_first, f_last) = (fitted(first), fitted(last));
        let mut worst = hinted.max(deviation(last, f_last)).max(deviation(first, f_first));
        if exceeds(worst) {
            return None;
        }
        self.blocks.clear();
        self.blocks.push(Block { left: first, f_left: f_first, right: last, f_right: f_last });
        let mut next = 0;
        while let Some(&Block { left, f_left, right, f_right }) = self.blocks.get(next) {
            next += 1;
            let inside = || (f_right - shares(left + 1).0).max(shares(right - 1).1 - f_left);
            if right - left < 2 || inside() + ROUNDING < worst {
                continue;
            }
            let middle = left.midpoint(right);
            let f = fitted(middle);
            let d = deviation(middle, f);
            if d > worst {
                (worst, self.hint) = (d, middle);
                if exceeds(d) {
                    return None;
                }
            }
            self.blocks.push(Block { left, f_left, right: middle, f_right: f });
            self.blocks.push(Block { left: middle, f_left: f, right, f_right });
        }
        Some(worst)
    }
}

/// The smaller distance; at a tie the smaller xmin.
fn smaller(a: (f64, usize), b: (f64, usize)) -> (f64, usize) {
    if b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).is_lt() { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponent_from_a_given_bound() {
        // The quantiles of x^-3.5 from 2 on.
        let values: Vec<f64> = (0..2000).map(|k| 2.0 * ((f64::from(k) + 0.5) / 2000.0).powf(-1.0 / 2.5)).collect();
        let single = |xmin| exponent_from(values.chunks(1), xmin).unwrap();
        for xmin in [2.0, 3.0] {
            assert!((single(xmin).0 - 3.5).abs() < 0.01, "{xmin}: {:?}", single(xmin));
        }
        // At the fit's own bound it is the fit; of independent values the error is sigma.
        let fitted = fit(&values).unwrap();
        let (alpha, error) = single(fitted.xmin);
        assert!((alpha - fitted.alpha).abs() < 1e-9 && (error / fitted.sigma - 1.0).abs() < 0.05, "{alpha} {error}: {fitted:?}");
        // Values that come in fours of the same tell a quarter as much.
        let fours: Vec<Vec<f64>> = values.iter().map(|x| vec![*x; 4]).collect();
        let (same, wider) = exponent_from(fours.iter().map(Vec::as_slice), 2.0).unwrap();
        assert!((same - single(2.0).0).abs() < 1e-9 && (wider - single(2.0).1).abs() < 1e-9);
        assert_eq!(exponent_from(values.chunks(1), 1e9), None);
        assert!(exponent_from(values.chunks(2000), 2.0).is_some_and(|(alpha, error)| alpha > 3.4 && error.is_nan()));
    }

    #[test]
    fn refuses_what_is_no_sample() {
        for (values, says) in [
            (&[][..], "no number at all"),
            (&[2.0, 2.0], "only the value 2"),
            (&[1.0, f64::NAN], "number 2 of 2 is NaN"),
            (&[f64::INFINITY, 1.0], "number 1 of 2 is inf"),
            (&[1.0, 2.0, -3.0], "number 3 of 3 is -3"),
            (&[1.0, 0.0], "number 2 of 2 is 0"),
        ] {
            let said = fit(values).unwrap_err().to_string();
            assert!(said.contains(says), "{values:?}: {said}");
            assert_eq!(said, ccdf(values).unwrap_err().to_string());
        }
    }

    #[test]
    fn values_that_are_all_but_equal_are_no_tail() {
        let close = 3.0 + 1e-9;
        for values in [&[3.0, close][..], &[3.0, 3.0, close, close + 1e-9]] {
            for said in [fit(values).unwrap_err(), scan(values).unwrap_err()].map(|e| e.to_string()) {
                assert!(said.contains("all but equal"), "{values:?}: {said}");
            }
        }
        // The tail of the two largest is no candidate beside others.
        let values = [1.0, 2.0, 3.0, close];
        assert_eq!(scan(&values).unwrap().iter().map(|candidate| candidate.xmin).collect::<Vec<_>>(), [1.0, 2.0]);
        assert!(fit(&values).unwrap().xmin < 3.0);
    }

    #[test]
    fn two_values_are_the_smallest_sample() {
        let fit = fit(&[1.0, std::f64::consts::E]).unwrap();
        assert_eq!((fit.xmin, fit.n_tail, fit.n), (1.0, 2, 2));
        assert!((fit.alpha - 3.0).abs() < 1e-14 && (fit.sigma - 2.0 / 2f64.sqrt()).abs() < 1e-14);
        // F(1) = 0 against 0, F(e) = 1 - e^-2 against 1/2.
        assert!((fit.ks - (0.5 - (-2f64).exp())).abs() < 1e-14);
    }

    #[test]
    fn the_ccdf_counts_ties_once() {
        assert_eq!(ccdf(&[3.0, 1.0, 3.0, 2.0]).unwrap(), [(1.0, 1.0), (2.0, 0.75), (3.0, 0.5)]);
    }

    #[test]
    fn the_fitted_ccdf_starts_at_the_share_of_the_tail() {
        let fit = Fit { alpha: 3.0, xmin: 2.0, ks: 0.0, n_tail: 25, n: 100, sigma: 0.4 };
        assert_eq!(fit.ccdf(2.0), 0.25);
        assert_eq!(fit.ccdf(4.0), 0.0625);
    }
}
