//! Data sets: generated from a counter, kept as NPZ files or folders of shards, loaded with every fault named.

mod attacked;
mod generate;
mod load;
pub mod npz;
mod shards;
mod solved;

pub use attacked::Attacked;
pub use generate::{Spec, generate, is_file, realise};
pub use load::{Curves, Labelled, Structures, check_lattice, load_labelled, load_spec, load_structures, load_targets};
pub use shards::Finished;
pub use solved::solve_beside;

use crate::ops::philox::{Stream, draw};

/// The order in which epoch `epoch` visits `n` samples: a Fisher-Yates shuffle from (seed, epoch) alone.
pub fn epoch_order(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        let [high, low, ..] = draw(seed, Stream::Shuffle, epoch, last as u32);
        // A 64-bit draw scaled to 0 ..= last: the bias is below 2^-32.
        let word = u128::from(high) << 32 | u128::from(low);
        order.swap(last, ((word * (last as u128 + 1)) >> 64) as usize);
    }
    order
}

/// A fingerprint of numbers or bytes: FNV-1a over them, 64 bits, as hexadecimal.
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_visits_every_sample_once_and_each_epoch_differs() {
        let mut order = epoch_order(3, 0, 1000);
        assert_eq!(order, epoch_order(3, 0, 1000));
        assert_ne!(order, epoch_order(3, 1, 1000));
        assert_ne!(order, epoch_order(4, 0, 1000));
        order.sort_unstable();
        assert!(order.into_iter().eq(0..1000));
    }

    #[test]
    fn first_places_are_evenly_drawn() {
        let mut counts = [0; 5];
        (0..5000).for_each(|epoch| counts[epoch_order(1, epoch, 5)[0] as usize] += 1);
        assert!(counts.iter().all(|c| (900..1100).contains(c)), "{counts:?}");
    }
}
