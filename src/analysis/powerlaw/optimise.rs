//! One-dimensional searches for the likelihoods: none of them has more than two parameters, and one is always nested inside the other.

/// 2 - golden ratio: where a golden section divides its interval.
const GOLDEN: f64 = 0.381_966_011_250_105_1;

/// Place and value of the largest `f` between `low` and `high`, for an `f` that rises and then falls: golden sections, until the
/// interval is down to `width`. An `f` that only rises or falls ends at its end.
pub(super) fn maximise(low: f64, high: f64, width: f64, mut f: impl FnMut(f64) -> f64) -> (f64, f64) {
    let (mut a, mut b) = (low, high);
    let (mut x, mut y) = (a + GOLDEN * (b - a), b - GOLDEN * (b - a));
    let (mut fx, mut fy) = (f(x), f(y));
    while b - a > width {
        if fx >= fy {
            (b, y, fy) = (y, x, fx);
            x = a + GOLDEN * (b - a);
            fx = f(x);
        } else {
            (a, x, fx) = (x, y, fy);
            y = b - GOLDEN * (b - a);
            fy = f(y);
        }
        // The interval has come down to the spacing of numbers.
        if x <= a || y >= b {
            break;
        }
    }
    let inside = if fx >= fy { (x, fx) } else { (y, fy) };
    [low, high].into_iter().map(|end| (end, f(end))).fold(inside, |best, end| if end.1 > best.1 { end } else { best })
}

/// The root of a falling `f` between `low` (where it is positive) and `high` (where it is negative): regula falsi in Illinois form.
pub(super) fn root(low: f64, high: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let (mut a, mut b) = (low, high);
    let (mut fa, mut fb) = (f(a), f(b));
    if fa <= 0.0 {
        return a;
    }
    if fb >= 0.0 {
        return b;
    }
    let mut kept = 0;
    for _ in 0..200 {
        let mut x = (a * fb - b * fa) / (fb - fa);
        if !(x > a && x < b) {
            x = a.midpoint(b);
        }
        let fx = f(x);
        if fx == 0.0 || b - a <= 4.0 * f64::EPSILON * x.abs() || x == a || x == b {
            return x;
        }
        if fx > 0.0 {
            (a, fa) = (x, fx);
            if kept == 1 {
                fb /= 2.0;
            }
            kept = 1;
        } else {
            (b, fb) = (x, fx);
            if kept == -1 {
                fa /= 2.0;
            }
            kept = -1;
        }
    }
    a.midpoint(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tops_ends_and_roots() {
        let (x, top) = maximise(-3.0, 8.0, 1e-9, |x| 2.0 - (x - 1.25).powi(2));
        assert!((x - 1.25).abs() < 1e-7 && (top - 2.0).abs() < 1e-14);
        assert_eq!(maximise(0.0, 1.0, 1e-9, |x| x), (1.0, 1.0));
        assert_eq!(maximise(0.0, 1.0, 1e-9, |x| -x), (0.0, 0.0));
        assert!((root(0.1, 50.0, |x| 1.0 / x - 0.3) - 1.0 / 0.3).abs() < 1e-13);
        assert_eq!(root(1.0, 2.0, |x| -x), 1.0);
        assert_eq!(root(1.0, 2.0, |x| x), 2.0);
    }
}
