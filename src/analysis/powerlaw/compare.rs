//! Is another law likelier than the power law? Vuong's likelihood-ratio test on the same tail (Clauset, Shalizi and Newman, section 5).
//!
//! With s = x/xmin, y = ln s and bars for means over the tail, every density here is one of y >= 0, maximum likelihood for each:
//!
//! ```text
//! power law               a e^(-a y)                        a = alpha - 1 of the fit
//! exponential             l e^(y - l (s - 1))               l = 1/(mean s - 1)
//! lognormal               e^(-b y - c y^2) / Z              Z = sqrt(pi/c)/2 erfcx(b/(2 sqrt c)), c >= 0
//! stretched exponential   beta L e^(beta y - L (s^beta - 1))     L = 1/(mean s^beta - 1), beta > 0
//! truncated power law     e^(-(alpha - 1) y - l s) / E_alpha(l),  l >= 0
//! ```
//!
//! With d_i = ln(power law) - ln(rival) at value i, R = sum d_i: positive where the power law is likelier. `ratio` is
//! R/sqrt(n var d), normal with mean 0 where both laws are equally far from the truth, and p = erfc(abs(ratio)/sqrt 2). The truncated
//! power law holds the power law (l = 0), so there 2 abs(R) is chi-squared with one degree of freedom, and p = erfc(sqrt(abs(R))).
//!
//! The lognormal (c -> 0) and the stretched exponential (beta -> 0) hold the power law as a limit, so at their true maximum R is never
//! above 0: what says whether they are better is p. Where the maximum *is* that limit, R = 0 and p = 1. The lognormal's mu is not
//! bounded from below, as in the published tables.

use super::optimise::maximise;
use super::special::{erfc, ln_erfcx, ln_expint};
use super::{Fit, check};
use crate::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One rival of the power law.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// Log-likelihood difference over its standard deviation; positive where the power law is likelier.
    pub ratio: f64,
    /// Log-likelihood of the power law less that of the rival.
    pub difference: f64,
    /// Chance of so large a difference, of either sign, where neither law is better.
    pub p: f64,
    /// The rival's parameters, for x in the data's unit.
    pub parameters: BTreeMap<String, f64>,
}

/// The four rivals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// ln x normal with mean `mu` and standard deviation `sigma`, beyond xmin.
    pub lognormal: Rival,
    /// e^(-lambda x).
    pub exponential: Rival,
    /// x^(beta - 1) e^(-rate x^beta).
    pub stretched_exponential: Rival,
    /// x^-alpha e^(-lambda x).
    pub truncated_power_law: Rival,
}

impl Comparison {
    /// The rivals with their names in words.
    pub fn named(&self) -> [(&'static str, &Rival); 4] {
        [
            ("lognormal", &self.lognormal),
            ("exponential", &self.exponential),
            ("stretched exponential", &self.stretched_exponential),
            ("truncated power law", &self.truncated_power_law),
        ]
    }
}

impl Rival {
    /// What the p-value means, in one sentence; `name` as [`Comparison::named`] has it.
    pub fn sentence(&self, name: &str) -> String {
        if self.p.is_nan() {
            format!("The {name} cannot be compared: the values span more than numbers hold.")
        } else if self.difference == 0.0 {
            format!("The likeliest {name} is the power law itself.")
        } else if self.p > 0.1 {
            format!("The data do not tell the {name} from the power law (p > 0.1).")
        } else if self.difference > 0.0 {
            format!("The power law is the better description than the {name} (p <= 0.1).")
        } else {
            format!("The {name} is the better description (p <= 0.1).")
        }
    }
}

/// Compares the power law `fit` of `values` with its rivals.
///
/// # Errors
/// What [`check`] refuses; a fit whose tail holds fewer than two distinct numbers of `values`.
pub fn compare(values: &[f64], fit: &Fit) -> Result<Comparison> {
    check(values)?;
    let tail = Tail::new(values, fit)?;
    Ok(Comparison {
        lognormal: tail.lognormal(),
        exponential: tail.exponential(),
        stretched_exponential: tail.stretched_exponential(),
        truncated_power_law: tail.truncated_power_law(),
    })
}

/// A law that differs from the power law by less than this a value is the power law.
const SAME: f64 = 1e-8;

/// How finely a parameter is searched, relative: a likelihood is flat at its maximum, so this leaves 1e-16 of it.
const FINE: f64 = 1e-9;

struct Tail {
    /// y of each value.
    y: Vec<f64>,
    xmin: f64,
    /// alpha - 1.
    slope: f64,
    /// Means of y, y^2 and s.
    y1: f64,
    y2: f64,
    s1: f64,
}

impl Tail {
    fn new(values: &[f64], fit: &Fit) -> Result<Self> {
        let mut y: Vec<f64> = values.iter().filter(|&&x| x >= fit.xmin).map(|x| (x / fit.xmin).ln()).collect();
        // The sums below must not depend on the order of the data.
        y.par_sort_unstable_by(f64::total_cmp);
        if y.first() == y.last() {
            return Err(Error::value("fit", format!("xmin {} leaves no tail of these values", fit.xmin)));
        }
        let n = y.len() as f64;
        let mean = |f: fn(f64) -> f64| sum(&y, f) / n;
        let (y1, y2, s1) = (mean(|y| y), mean(|y| y * y), mean(f64::exp));
        Ok(Tail { xmin: fit.xmin, slope: fit.alpha - 1.0, y1, y2, s1, y })
    }

    /// Sets the power law against the density e^(`log_density`(y)).
    fn rival<const P: usize>(&self, nested: bool, parameters: [(&str, f64); P], log_density: impl Fn(f64) -> f64 + Sync) -> Rival {
        let n = self.y.len() as f64;
        let own = self.slope.ln();
        let difference = |y: f64| own - self.slope * y - log_density(y);
        let total = sum(&self.y, difference);
        let parameters = parameters.map(|(name, value)| (name.to_string(), value)).into();
        if total.abs() <= SAME * n {
            return Rival { ratio: 0.0, difference: 0.0, p: 1.0, parameters };
        }
        let mean = total / n;
        let ratio = total / sum(&self.y, |y| (difference(y) - mean).powi(2)).sqrt();
        let p = if nested { erfc(total.abs().sqrt()) } else { erfc(ratio.abs() / std::f64::consts::SQRT_2) };
        Rival { ratio, difference: total, p, parameters }
    }

    fn exponential(&self) -> Rival {
        let rate = 1.0 / (self.s1 - 1.0);
        let log_density = |y: f64| rate.ln() + y - rate * y.exp_m1();
        self.rival(false, [("lambda", rate / self.xmin)], log_density)
    }

    /// In units of the mean of y, where b lies between -2c (all weight at the mean) and 1 (c = 0).
    fn lognormal(&self) -> Rival {
        let second = self.y2 / (self.y1 * self.y1);
        let ln_z = |b: f64, c: f64| 0.5 * (std::f64::consts::PI / c).ln() - std::f64::consts::LN_2 + ln_erfcx(b / (2.0 * c.sqrt()));
        let best_b = |c: f64| maximise(-2.0 * c, 1.0, FINE * (1.0 + 2.0 * c), |b| -b - c * second - ln_z(b, c));
        let c = maximise(1e-11_f64.ln(), 1e6_f64.ln(), FINE, |ln_c| best_b(ln_c.exp()).1).0.exp();
        let b = best_b(c).0;
        let ln_z = ln_z(b, c) + self.y1.ln();
        let (b, c) = (b / self.y1, c / (self.y1 * self.y1));
        let parameters = [("mu", self.xmin.ln() - b / (2.0 * c)), ("sigma", (0.5 / c).sqrt())];
        self.rival(false, parameters, |y| -b * y - c * y * y - ln_z)
    }

    fn stretched_exponential(&self) -> Rival {
        let n = self.y.len() as f64;
        let scale = |beta: f64| n / sum(&self.y, |y| (beta * y).exp_m1());
        let likelihood = |ln_beta: f64| {
            let beta = ln_beta.exp();
            ln_beta + scale(beta).ln() + beta * self.y1
        };
        // s^beta of the largest value must stay a number. A coarse look first: nothing says that there is one hill only.
        let (low, high) = (1e-8_f64.ln(), (300.0 / self.y[self.y.len() - 1]).ln());
        let step = (high - low) / 40.0;
        let hill = (0..=40).map(|i| low + step * i as f64).max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b))).unwrap_or(low);
        let beta = maximise((hill - step).max(low), (hill + step).min(high), FINE, likelihood).0.exp();
        let scale = scale(beta);
        let parameters = [("beta", beta), ("rate", scale * self.xmin.powf(-beta))];
        self.rival(false, parameters, |y| beta.ln() + scale.ln() + beta * y - scale * (beta * y).exp_m1())
    }

    /// The exponent with a cut-off is never above the one without. Bounded from below at -20, where the law has long become a hump.
    fn truncated_power_law(&self) -> Rival {
        let alpha = 1.0 + self.slope;
        let log_density = |a: f64, l: f64, y: f64, s: f64| (1.0 - a) * y - l * s - ln_expint(a, l);
        let best = |l: f64| maximise(-20.0_f64.min(alpha), alpha, FINE, |a| log_density(a, l, self.y1, self.s1));
        // The cut-off in units of the mean, from far beyond the largest value to far below the mean.
        let l = maximise((1e-9 / self.s1).ln(), (1e3 / (self.s1 - 1.0)).ln(), FINE, |ln_l| best(ln_l.exp()).1).0.exp();
        let a = best(l).0;
        let norm = ln_expint(a, l);
        self.rival(true, [("alpha", a), ("lambda", l / self.xmin)], |y| (1.0 - a) * y - l * y.exp() - norm)
    }
}

/// The sum of f over the values in chunks of fixed size: the same bits for any number of threads.
fn sum(values: &[f64], f: impl Fn(f64) -> f64 + Sync) -> f64 {
    let chunks: Vec<f64> = values.par_chunks(8192).map(|chunk| chunk.iter().map(|&v| f(v)).sum()).collect();
    chunks.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::powerlaw::fit;

    /// n values at even ranks of a law, given by the value that a share u exceeds.
    fn even(n: usize, quantile: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..n).map(|i| quantile((i as f64 + 0.5) / n as f64)).collect()
    }

    fn whole(values: &[f64]) -> Comparison {
        let xmin = values.iter().copied().fold(f64::INFINITY, f64::min);
        let alpha = 1.0 + values.len() as f64 / values.iter().map(|x| (x / xmin).ln()).sum::<f64>();
        compare(values, &Fit { alpha, xmin, ks: 0.0, n_tail: values.len(), n: values.len(), sigma: 0.0 }).unwrap()
    }

    #[test]
    fn finds_the_law_that_made_the_data() {
        let exponential = whole(&even(4000, |u| 2.0 - u.ln() / 3.0));
        assert!(exponential.exponential.difference < 0.0 && exponential.exponential.p < 1e-3);
        assert!((exponential.exponential.parameters["lambda"] - 3.0).abs() < 0.01);
        assert!((exponential.stretched_exponential.parameters["beta"] - 1.0).abs() < 0.02, "{exponential:?}");

        let stretched = whole(&even(4000, |u| (1.0 - u.ln()).powf(1.0 / 0.6)));
        assert!((stretched.stretched_exponential.parameters["beta"] - 0.6).abs() < 0.01, "{stretched:?}");
        assert!((stretched.stretched_exponential.parameters["rate"] - 1.0).abs() < 0.03, "{stretched:?}");
    }

    #[test]
    fn a_tail_heavier_than_any_rival_is_left_to_the_power_law() {
        // Steeper first, flatter later: no cut-off, no bend downwards.
        let heavy = whole(&even(2000, |u| u.powf(-0.4) + 0.02 * u.powf(-1.2)));
        for (name, rival) in heavy.named() {
            let says = rival.sentence(name);
            if name == "exponential" {
                assert!(rival.ratio > 2.0 && says.starts_with("The power law is the better"), "{rival:?}");
            } else {
                assert_eq!((rival.ratio, rival.difference, rival.p), (0.0, 0.0, 1.0), "{name}: {rival:?}");
                assert!(says.contains("is the power law itself"), "{says}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_values_beyond_all_numbers() {
        let values = [1e-300, 1.0, 1e300];
        for (name, rival) in compare(&values, &fit(&values).unwrap()).unwrap().named() {
            assert!(rival.sentence(name).contains("cannot be compared"), "{rival:?}");
        }
    }

    #[test]
    fn a_fit_of_other_data_is_refused() {
        let fit = fit(&[10.0, 20.0, 30.0]).unwrap();
        assert!(compare(&[1.0, 2.0, 3.0], &fit).unwrap_err().to_string().contains("leaves no tail"));
    }
}
