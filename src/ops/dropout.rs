//! Dropout's masks: which units stay, from a counter, so that no mask is ever stored and every device draws the same.
//!
//! Unit `e` (batch-major) of step `s` stays where the Philox word e mod 4 of block e / 4, index s, is below keep 2^32.

use super::philox::{Stream, draw};

/// The share of units that stay, as a threshold on a 32-bit draw.
#[inline]
pub(crate) fn threshold(keep: f64) -> u64 {
    (keep * 4_294_967_296.0) as u64
}

/// Do the units `4 block .. 4 block + 4` stay at `step`?
#[inline]
pub(crate) fn stay(seed: u64, step: u64, block: u32, threshold: u64) -> [bool; 4] {
    draw(seed, Stream::Dropout, step, block).map(|word| u64::from(word) < threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_units_that_stay_is_keep() {
        for keep in [0.25, 0.5, 0.6, 1.0] {
            let blocks = 20_000;
            let staying: usize = (0..blocks).map(|b| stay(7, 3, b, threshold(keep)).iter().filter(|&&s| s).count()).sum();
            let share = staying as f64 / f64::from(4 * blocks);
            assert!((share - keep).abs() < 0.01, "keep {keep}: {share}");
        }
    }

    #[test]
    fn steps_and_seeds_draw_different_masks() {
        let mask = |seed, step| (0..8).flat_map(|b| stay(seed, step, b, threshold(0.5))).collect::<Vec<_>>();
        assert_eq!(mask(1, 1), mask(1, 1));
        assert_ne!(mask(1, 1), mask(1, 2));
        assert_ne!(mask(1, 1), mask(2, 1));
    }
}
