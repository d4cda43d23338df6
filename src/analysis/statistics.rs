//! The few statistics that this room needs more than once.

/// Arithmetic mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
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
        assert_eq!(coefficient_of_variation(&[1.0, 3.0]), 0.5);
        assert_eq!(gini(&[2.0, 2.0, 2.0]), 0.0);
        assert_eq!(gini(&[0.0, 0.0, 0.0, 7.0]), 0.75);
    }
}
