//! The few statistics that this room needs more than once, and means with their errors.

use serde::{Deserialize, Serialize};

/// A mean over samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean; NaN of nothing.
    pub mean: f64,
    /// Its standard error; NaN of fewer than two samples.
    pub error: f64,
    /// Samples.
    pub n: usize,
}

impl Estimate {
    /// Mean and standard error of independent `values`.
    pub fn of(values: &[f64]) -> Self {
        Estimate { mean: mean(values), error: standard_deviation(values) / (values.len() as f64).sqrt(), n: values.len() }
    }

    /// Of `left` - `right`, in pairs.
    pub fn of_differences(left: &[f64], right: &[f64]) -> Self {
        Estimate::of(&left.iter().zip(right).map(|(left, right)| left - right).collect::<Vec<_>>())
    }

    /// Does the mean lie above `limit` by more than two standard errors? Of a single sample: does it lie above it?
    pub fn above(&self, limit: f64) -> bool {
        self.mean - if self.n > 1 { 2.0 * self.error } else { 0.0 } > limit
    }

    /// Standard deviation of one sample.
    pub fn deviation(&self) -> f64 {
        self.error * (self.n as f64).sqrt()
    }
}

/// Standard deviation of a sample, with n - 1; NaN of fewer than two values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    (values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// Pearson's correlation of two columns of equal length; NaN where one of them does not vary.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>();
    product(x, mx, y, my) / (product(x, mx, x, mx) * product(y, my, y, my)).sqrt()
}

/// Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&ranks(x), &ranks(y))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        equal.iter().for_each(|&i| ranks[i] = below as f64 + (equal.len() as f64 - 1.0) / 2.0);
        below += equal.len();
    }
    ranks
}

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Median (of an even number, the mean of the middle two); NaN of nothing. Reorders `values`.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let half = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if odd { upper } else { below.iter().copied().fold(f64::NEG_INFINITY, f64::max).midpoint(upper) }
}

/// Population standard deviation over the mean.
pub(super) fn coefficient_of_variation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let variance = values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / values.len() as f64;
    variance.sqrt() / centre
}

/// Gini coefficient of non-negative values: 0 where all are equal, 1 - 1/n where one holds everything.
pub(super) fn gini(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let weighted: f64 = sorted.iter().enumerate().map(|(i, v)| (2.0 * i as f64 + 1.0 - n) * v).sum();
    weighted / (n * sorted.iter().sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(median(&mut [5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&mut [5.0, 1.0, 4.0, 2.0]), 3.0);
        assert!(median(&mut []).is_nan());
        let estimate = Estimate::of(&[1.0, 2.0, 6.0]);
        assert_eq!((estimate.mean, estimate.n), (3.0, 3));
        assert!((estimate.error - (7.0f64 / 3.0).sqrt()).abs() < 1e-15 && (estimate.deviation() - 7f64.sqrt()).abs() < 1e-15);
        assert!(estimate.above(-0.1) && !estimate.above(0.0) && Estimate::of(&[1.0]).above(0.9) && !Estimate::of(&[]).above(0.0));
        assert_eq!(coefficient_of_variation(&[1.0, 3.0]), 0.5);
        assert_eq!(gini(&[2.0, 2.0, 2.0]), 0.0);
        assert_eq!(gini(&[0.0, 0.0, 0.0, 7.0]), 0.75);
    }

    #[test]
    fn correlations_by_hand() {
        let x = [1.0, 2.0, 3.0, 4.0];
        assert!((pearson(&x, &[2.0, 4.0, 6.0, 8.0]) - 1.0).abs() < 1e-15);
        assert!((pearson(&x, &[1.0, 0.0, 0.0, 1.0])).abs() < 1e-15);
        // (-3, -1, 1, 3) . (-1, -1, -1, 3) = 12, over sqrt(20 x 12).
        assert!((pearson(&x, &[0.0, 0.0, 0.0, 4.0]) - 12.0 / 240f64.sqrt()).abs() < 1e-15);
        assert!((spearman(&x, &[1.0, 10.0, 100.0, 1e9]) - 1.0).abs() < 1e-15);
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [1.5, 0.0, 1.5, 3.0]);
        assert!(pearson(&x, &[1.0; 4]).is_nan());
    }
}
