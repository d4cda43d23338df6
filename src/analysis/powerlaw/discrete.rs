//! The power law of counts, p(x) = x^-alpha / zeta(alpha, xmin) for whole x >= xmin.
//!
//! ```text
//! ln L = -n ln zeta(alpha, xmin) - alpha sum ln x                      (largest at the exponent; one hill in alpha)
//! D    = max_x |F(x) - C(x)|,  F(x) = 1 - zeta(alpha, x + 1)/zeta(alpha, xmin),  C(x) = share of the tail up to x
//! ```
//!
//! over all whole x from xmin to the largest value, as plfit does for counts; its grid of exponents is not taken over. Between two
//! values of the data C stands still and F rises, so that only the values and their left neighbours need looking at.

use super::bootstrap::{self, Bootstrap, Law};
use super::fit::{MOST_ALPHA, Search, all_but_equal, thinned};
use super::optimise::root;
use super::special::zeta;
use super::{Candidate, Fit};
use crate::progress::Progress;
use crate::{Error, Result};

/// Fits exponent and lower bound to counts, in any order. `sigma` is the standard error of alpha from the curvature of ln L.
///
/// # Errors
/// What [`check`] refuses; counts that are all but equal.
pub fn fit(values: &[f64]) -> Result<Fit> {
    check(values)?;
    let (_, Candidate { xmin, alpha, ks, n_tail }) = Counts::new(values).best()?;
    let step = 1e-5 * (alpha - 1.0);
    let curvature = (zeta(alpha + step, xmin).1 - zeta(alpha - step, xmin).1) / (2.0 * step);
    Ok(Fit { alpha, xmin, ks, n_tail, n: values.len(), sigma: 1.0 / (n_tail as f64 * curvature).sqrt() })
}

/// Exponent and distance for every candidate, ascending, as many as [`super::scan`] gives.
///
/// # Errors
/// Those of [`fit`].
pub fn scan(values: &[f64]) -> Result<Vec<Candidate>> {
    check(values)?;
    let counts = Counts::new(values);
    let (best, _) = counts.best()?;
    let mut walk = Walk::default();
    let shown = thinned((0..counts.value.len() - 1).collect(), |u| counts.value[u].ln(), best);
    Ok(shown.into_iter().filter_map(|u| counts.candidate(u, f64::INFINITY, &mut walk)).collect())
}

/// [`super::bootstrap`] for counts.
///
/// # Errors
/// What [`super::check_draws`] and [`check`] refuse; a stop.
pub fn bootstrap(values: &[f64], fit: &Fit, draws: usize, seed: u64, progress: &dyn Progress) -> Result<Bootstrap> {
    check(values)?;
    bootstrap::run(&Discrete, values, fit, draws, seed, progress)
}

/// Are these counts that a power law can be fitted to?
///
/// # Errors
/// [`Error::Value`] for what [`super::check`] refuses, and for a number that is not whole, or too large to tell from its neighbours.
pub fn check(values: &[f64]) -> Result<()> {
    super::check(values)?;
    if let Some(at) = values.iter().position(|v| v.fract() != 0.0 || *v >= LARGEST) {
        let number = if values[at] < LARGEST { values[at].to_string() } else { format!("{:e}", values[at]) };
        let fault = format!("number {} of {} is {number}; counts are whole numbers below 2^53", at + 1, values.len());
        return Err(Error::value("values", fault));
    }
    Ok(())
}

const LARGEST: f64 = (1u64 << 53) as f64;

struct Discrete;

impl Law for Discrete {
    fn fit(&self, values: &[f64]) -> Result<Fit> {
        fit(values)
    }

    /// The largest whole x with P(X >= x) = zeta(alpha, x)/zeta(alpha, xmin) >= u: doubling, then halving.
    fn quantile(&self, fit: &Fit, u: f64) -> f64 {
        let level = zeta(fit.alpha, fit.xmin).0 + u.ln();
        let reached = |x: f64| zeta(fit.alpha, x).0 >= level;
        let (mut low, mut high) = (fit.xmin, 2.0 * fit.xmin);
        while high < LARGEST && reached(high) {
            (low, high) = (high, 2.0 * high);
        }
        let mut high = high.min(LARGEST - 1.0);
        while high - low > 1.0 {
            let middle = low.midpoint(high).floor();
            if reached(middle) { low = middle } else { high = middle }
        }
        low
    }
}

/// Distinct counts, ascending, with the tail from each on.
struct Counts {
    value: Vec<f64>,
    /// Place of each value's first copy in the sorted data; one entry more, n.
    first: Vec<usize>,
    /// Sum of ln x over the tail from each value on.
    logs: Vec<f64>,
}

/// What one candidate leaves to the next.
struct Walk {
    /// The last exponent found: the next one is near.
    near: f64,
    search: Search,
}

impl Default for Walk {
    fn default() -> Self {
        Walk { near: 2.5, search: Search::default() }
    }
}

impl Counts {
    fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (mut value, mut first) = (vec![], vec![]);
        for (at, &x) in sorted.iter().enumerate() {
            if value.last() != Some(&x) {
                value.push(x);
                first.push(at);
            }
        }
        first.push(sorted.len());
        let mut logs = vec![0.0; value.len()];
        let mut sum = 0.0;
        for u in (0..value.len()).rev() {
            sum += (first[u + 1] - first[u]) as f64 * f64::ln(value[u]);
            logs[u] = sum;
        }
        Counts { value, first, logs }
    }

    fn tail(&self, u: usize) -> usize {
        self.first[self.value.len()] - self.first[u]
    }

    /// The candidate of the smallest distance, and which distinct value it is.
    fn best(&self) -> Result<(usize, Candidate)> {
        let (mut walk, mut best) = (Walk::default(), None);
        for u in 0..self.value.len() - 1 {
            let bound = best.map_or(f64::INFINITY, |(_, Candidate { ks, .. })| ks);
            if let Some(found) = self.candidate(u, bound, &mut walk).filter(|found| found.ks < bound) {
                best = Some((u, found));
            }
        }
        best.ok_or_else(all_but_equal)
    }

    /// The tail from `u` on; nothing where it has no exponent, or as soon as its D is known to exceed `bound`.
    fn candidate(&self, u: usize, bound: f64, walk: &mut Walk) -> Option<Candidate> {
        walk.near = self.alpha(u, walk.near)?;
        let ks = self.distance(u, walk.near, bound, &mut walk.search)?;
        Some(Candidate { xmin: self.value[u], alpha: walk.near, ks, n_tail: self.tail(u) })
    }

    /// Where the mean of ln x over the tail is the law's, -zeta'/zeta, sought about `near`; nothing where it is beyond [`MOST_ALPHA`].
    fn alpha(&self, u: usize, near: f64) -> Option<f64> {
        let mean = self.logs[u] / self.tail(u) as f64;
        let slope = |alpha: f64| -zeta(alpha, self.value[u]).1 - mean;
        let (mut low, mut high) = (1.0 + 0.9 * (near - 1.0), MOST_ALPHA.min(1.0 + 1.1 * (near - 1.0)));
        while slope(low) < 0.0 {
            low = 1.0 + 0.5 * (low - 1.0);
        }
        while slope(high) > 0.0 {
            if high == MOST_ALPHA {
                return None;
            }
            high = MOST_ALPHA.min(1.0 + 2.0 * (high - 1.0));
        }
        Some(root(low, high, slope))
    }

    /// D of the tail from `u` on, or nothing as soon as it is known to exceed `bound`.
    fn distance(&self, u: usize, alpha: f64, bound: f64, search: &mut Search) -> Option<f64> {
        let (n, whole) = (self.tail(u) as f64, zeta(alpha, self.value[u]).0);
        let up_to = |x: f64| -(zeta(alpha, x + 1.0).0 - whole).exp_m1();
        let share = |v: usize| (self.first[v + 1] - self.first[u]) as f64 / n;
        let deviation = |v: usize, f: f64| {
            // Before the next value of the data, F has risen on, unless that is the next number.
            let before = |next: f64| if next - self.value[v] > 1.0 { up_to(next - 1.0) } else { f };
            let next = self.value.get(v + 1).map_or(f, |next| before(*next));
            (f - share(v)).abs().max((next - share(v)).abs())
        };
        search.largest(u..=self.value.len() - 1, |v| up_to(self.value[v]), |v| (share(v), share(v)), deviation, |d| d > bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    /// Counts at even ranks of the law itself.
    fn even(n: usize, alpha: f64, xmin: f64) -> Vec<f64> {
        let law = Fit { alpha, xmin, ks: 0.0, n_tail: n, n, sigma: 0.0 };
        (0..n).map(|i| Discrete.quantile(&law, (i as f64 + 0.5) / n as f64)).collect()
    }

    #[test]
    fn draws_and_fits_the_law() {
        // P(X >= 2) = 1 - 1/zeta(2) = 0.3921.
        let law = Fit { alpha: 2.0, xmin: 1.0, ks: 0.0, n_tail: 1, n: 1, sigma: 0.0 };
        assert_eq!([0.9, 0.393, 0.391].map(|u| Discrete.quantile(&law, u)), [1.0, 1.0, 2.0]);
        for (alpha, xmin) in [(1.8, 1.0), (2.5, 3.0), (3.5, 20.0)] {
            let found = fit(&even(20_000, alpha, xmin)).unwrap();
            assert!((found.alpha - alpha).abs() < 3.0 * found.sigma, "{alpha}, {xmin}: {found:?}");
            assert!(found.xmin >= xmin && found.ks < 0.01, "{alpha}, {xmin}: {found:?}");
        }
    }

    #[test]
    fn the_distance_is_the_one_read_literally() {
        let counts: Vec<f64> = (1..200).map(|i| f64::from(i * i % 83 + 1).powi(2) / 4.0).map(f64::ceil).collect();
        let found = fit(&counts).unwrap();
        let literal = |candidate: &Candidate| {
            let tail: Vec<f64> = counts.iter().copied().filter(|&x| x >= candidate.xmin).collect();
            let largest = tail.iter().copied().fold(0.0, f64::max) as u64;
            let weight = |x: u64| (x as f64).powf(-candidate.alpha);
            let whole: f64 = zeta(candidate.alpha, candidate.xmin).0.exp();
            let (mut f, mut worst) = (0.0, 0.0_f64);
            for x in candidate.xmin as u64..=largest {
                f += weight(x) / whole;
                let share = tail.iter().filter(|&&t| t <= x as f64).count() as f64 / tail.len() as f64;
                worst = worst.max((f - share).abs());
            }
            worst
        };
        let scan = scan(&counts).unwrap();
        for candidate in &scan {
            assert!((candidate.ks - literal(candidate)).abs() < 1e-10, "{candidate:?}");
        }
        let best = scan.iter().min_by(|a, b| a.ks.total_cmp(&b.ks)).unwrap();
        assert_eq!((found.xmin, found.n_tail), (best.xmin, best.n_tail));
    }

    #[test]
    fn counts_stand_and_others_are_refused() {
        let counts = even(300, 2.2, 1.0);
        assert!(bootstrap(&counts, &fit(&counts).unwrap(), 20, 1, &Silent).unwrap().p > 0.5);
        for (values, says) in [
            (&[1.0, 2.5][..], "number 2 of 2 is 2.5"),
            (&[1.0, 1e300], "below 2^53"),
            (&[1.0, 1.0], "distinct"),
            (&[1e9, 1e9 + 1.0], "all but equal"),
        ] {
            for said in [fit(values).unwrap_err(), scan(values).unwrap_err()].map(|e| e.to_string()) {
                assert!(said.contains(says), "{values:?}: {said}");
            }
        }
        // The tail of the two largest, whose logarithms are the same number, is no candidate beside others.
        assert_eq!(scan(&[1.0, 2.0, LARGEST - 2.0, LARGEST - 1.0]).unwrap().len(), 2);
    }

    #[test]
    fn the_scan_holds_the_fit_and_is_thin() {
        let counts: Vec<f64> = (1..6000).map(|i| f64::from(i * i % 5987 + 1)).collect();
        let (found, scan) = (fit(&counts).unwrap(), scan(&counts).unwrap());
        assert!((500..=2001).contains(&scan.len()), "{}", scan.len());
        let best = scan.iter().min_by(|a, b| a.ks.total_cmp(&b.ks)).unwrap();
        assert_eq!((best.xmin, best.n_tail), (found.xmin, found.n_tail));
        assert!((best.alpha / found.alpha - 1.0).abs() < 1e-10 && (best.ks - found.ks).abs() < 1e-10, "{best:?} {found:?}");
    }
}
