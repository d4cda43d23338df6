//! Fig. S3: how many realisations does a fit need? Random sub-samples of the realisations, each fitted.

use super::fit;
use crate::analysis::statistics::{mean, standard_deviation};
use crate::ops::philox::{Stream, draw};
use crate::progress::Progress;
use crate::{Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The fits to sub-samples of one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Realisations in a sub-sample.
    pub realisations: usize,
    /// Sub-samples.
    pub repeats: usize,
    /// Mean exponent.
    pub alpha: f64,
    /// Its standard deviation over the sub-samples: how far off one fit to so many realisations is. Sub-samples near the whole overlap,
    /// so there it falls to 0.
    pub alpha_error: f64,
    /// Mean lower bound.
    pub xmin: f64,
    /// Its standard deviation over the sub-samples.
    pub xmin_error: f64,
}

/// For each of `sizes`: `repeats` sub-samples of so many of the realisations `groups`, without replacement, and their fits. Sub-sample r
/// of a size depends on (seed, size, r) alone; there is only one of the whole.
///
/// # Errors
/// A size of 0 or above the number of realisations, no repeats, a stop, what [`super::check`] refuses.
pub fn subsample(groups: &[Vec<f64>], sizes: &[usize], repeats: usize, seed: u64, progress: &dyn Progress) -> Result<Vec<Growth>> {
    if let Some(size) = sizes.iter().find(|size| !(1..=groups.len()).contains(*size)) {
        return Err(Error::value("sizes", format!("{size} of {} realisations cannot be taken", groups.len())));
    }
    if repeats == 0 {
        return Err(Error::value("repeats", "0 sub-samples tell nothing; give at least 1"));
    }
    let jobs: Vec<(usize, usize)> =
        sizes.iter().flat_map(|&size| (0..if size == groups.len() { 1 } else { repeats }).map(move |repeat| (size, repeat))).collect();
    let done = AtomicU64::new(0);
    progress.begin("sub-samples", jobs.len() as u64, "fits");
    let fits: Result<Vec<_>> = jobs
        .par_iter()
        .map(|&(size, repeat)| {
            if progress.stop() {
                return Err(Error::Interrupted("the sub-samples are not complete".into()));
            }
            let found = fit(&choose(groups, size, repeat, seed).concat())?;
            progress.advance(done.fetch_add(1, Relaxed) + 1, "");
            Ok((size, found))
        })
        .collect();
    progress.end();
    let fits = fits?;
    let growth = |&size: &usize| {
        let (alpha, xmin): (Vec<f64>, Vec<f64>) = fits.iter().filter(|f| f.0 == size).map(|f| (f.1.alpha, f.1.xmin)).unzip();
        let spread = |of: &[f64]| if of.len() > 1 { standard_deviation(of) } else { 0.0 };
        let [alpha_error, xmin_error] = [spread(&alpha), spread(&xmin)];
        Growth { realisations: size, repeats: alpha.len(), alpha: mean(&alpha), alpha_error, xmin: mean(&xmin), xmin_error }
    };
    Ok(sizes.iter().map(growth).collect())
}

/// The start of a Fisher-Yates shuffle of the realisations.
fn choose(groups: &[Vec<f64>], size: usize, repeat: usize, seed: u64) -> Vec<&[f64]> {
    let mut order: Vec<&[f64]> = groups.iter().map(Vec::as_slice).collect();
    for at in 0..size {
        let [high, low, ..] = draw(seed, Stream::Subsample, (size as u64) << 32 | repeat as u64, at as u32);
        let wide = u64::from(high) << 32 | u64::from(low);
        let left = (order.len() - at) as u128;
        order.swap(at, at + ((u128::from(wide) * left) >> 64) as usize);
    }
    order.truncate(size);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn the_whole_is_the_fit_and_parts_scatter_about_it() {
        let value = |i: usize| ((i * 7919 % 4000) as f64 + 0.5) / 4000.0;
        let groups: Vec<Vec<f64>> = (0..40).map(|g| (0..100).map(|i| value(100 * g + i).powf(-1.0 / 1.5)).collect()).collect();
        let growth = subsample(&groups, &[2, 20, 40], 12, 5, &Silent).unwrap();
        let whole = fit(&groups.concat()).unwrap();
        assert_eq!((growth[2].repeats, growth[2].alpha, growth[2].xmin, growth[2].alpha_error), (1, whole.alpha, whole.xmin, 0.0));
        assert!((growth[1].alpha - whole.alpha).abs() < 3.0 * growth[1].alpha_error, "{growth:?}");
        assert!(growth[0].alpha_error > growth[1].alpha_error, "{growth:?}");
        assert_eq!(growth, subsample(&groups, &[2, 20, 40], 12, 5, &Silent).unwrap());
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let groups = vec![vec![1.0, 2.0]; 3];
        for (sizes, repeats, says) in [(&[0][..], 2, "0 of 3"), (&[1, 4], 2, "4 of 3"), (&[1], 0, "at least 1")] {
            let said = subsample(&groups, sizes, repeats, 1, &Silent).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
