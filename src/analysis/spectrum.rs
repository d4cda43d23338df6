//! Energies of one lattice, ascending: how they are spaced, and which stand apart (Fig. S6).

use super::statistics::mean;

/// Mean ratio of neighbouring spacings, r with r_i = min(s_i, s_{i+1}) / max(s_i, s_{i+1}), which needs no unfolding (Oganesyan and
/// Huse, 2007). Of levels that repel each other as those of random symmetric matrices it is 0.5307, of levels that do not know of each
/// other 2 ln 2 - 1 = 0.3863 (Atas et al., 2013). NaN of fewer than three levels.
pub fn spacing_ratio(levels: &[f64]) -> f64 {
    let ratios = levels.windows(3).map(|e| {
        let (below, above) = (e[1] - e[0], e[2] - e[1]);
        // Two equal spacings of zero are as even as can be.
        if below == above { 1.0 } else { below.min(above) / below.max(above) }
    });
    mean(&ratios.collect::<Vec<_>>())
}

/// The N - 1 spacings, each over the mean spacing round it: of itself and `half` neighbours on either side, fewer at the ends. Their mean
/// is about 1 wherever the density of states varies little over such a stretch.
pub fn unfolded_spacings(levels: &[f64], half: usize) -> Vec<f64> {
    let spacing = |i: usize| levels[i + 1] - levels[i];
    let last = levels.len().saturating_sub(1);
    let local = |i: usize| {
        let (first, end) = (i.saturating_sub(half), (i + half + 1).min(last));
        (levels[end] - levels[first]) / (end - first) as f64
    };
    (0..last).map(|i| spacing(i) / local(i)).collect()
}

/// How many levels are discrete: stand apart from the band by a gap. Wherever two neighbours are more than `gap` apart, the levels are
/// parted; the largest part is the band, and the levels of all others count.
pub fn discrete_levels(levels: &[f64], gap: f64) -> usize {
    levels.len() - levels.chunk_by(|below, above| above - below <= gap).map(<[f64]>::len).max().unwrap_or(0)
}

/// The widest spacing of neighbours; 0 of fewer than two levels.
pub fn widest_spacing(levels: &[f64]) -> f64 {
    levels.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
}

/// Counts of `values` in `bins` equal bins of [low, high]; what lies outside is not counted.
pub fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> Vec<f64> {
    let mut counts = vec![0.0; bins];
    for value in values.iter().filter(|v| (low..=high).contains(*v)) {
        counts[bin(*value, low, high, bins)] += 1.0;
    }
    counts
}

/// The bin of a value in [low, high].
pub fn bin(value: f64, low: f64, high: f64, bins: usize) -> usize {
    ((value - low) / (high - low) * bins as f64).min(bins as f64 - 1.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_by_hand_and_of_chance() {
        assert_eq!(spacing_ratio(&[0.0, 1.0, 3.0, 3.0]), 0.25);
        assert_eq!(spacing_ratio(&[2.0, 2.0, 2.0]), 1.0);
        assert!(spacing_ratio(&[0.0, 1.0]).is_nan());
        // Independent levels: multiples of the golden ratio are too even, their squares' fractions are not.
        let mut levels: Vec<f64> = (0..20_000u32).map(|k| f64::from(k.wrapping_mul(k).wrapping_mul(2_654_435_761) >> 4)).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let r = spacing_ratio(&levels);
        assert!((r - 0.3863).abs() < 0.01, "{r}");
    }

    #[test]
    fn unfolding_takes_the_density_out() {
        // Spacings that grow from 1 to 100: unfolded, all about 1.
        let levels: Vec<f64> = (0..200).map(|k| 0.25 * f64::from(k * k) + f64::from(k)).collect();
        let spacings = unfolded_spacings(&levels, 8);
        assert_eq!(spacings.len(), 199);
        assert!(spacings[8..191].iter().all(|s| (s - 1.0).abs() < 1e-12));
        assert_eq!(unfolded_spacings(&[0.0, 1.0, 4.0], 1), [0.5, 1.5]);
        assert!(unfolded_spacings(&[], 3).is_empty());
    }

    #[test]
    fn discrete_levels_stand_apart() {
        let band: Vec<f64> = (0..100).map(f64::from).collect();
        for (below, above, expected) in
            [(&[][..], &[][..], 0), (&[-20.0], &[], 1), (&[-50.0, -20.0], &[120.0, 121.0], 4), (&[-9.0], &[], 0)]
        {
            let levels = [below, &band, above].concat();
            assert_eq!(discrete_levels(&levels, 10.0), expected, "{below:?} {above:?}");
        }
        assert_eq!((discrete_levels(&[1.0], 10.0), discrete_levels(&[], 10.0)), (0, 0));
        assert_eq!((widest_spacing(&[1.0, 2.0, 5.0, 6.0]), widest_spacing(&[1.0])), (3.0, 0.0));
    }

    #[test]
    fn histograms_count_both_ends() {
        assert_eq!(histogram(&[0.0, 0.49, 0.5, 1.0, 1.1, -0.1], 0.0, 1.0, 2), [2.0, 2.0]);
    }
}
