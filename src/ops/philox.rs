//! Philox 4x32-10, the counter-based random numbers of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC11).
//!
//! A draw is a pure function of a key and a counter, so it is the same on every device and in any order of work:
//!
//! ```text
//! key     = [seed low, seed high]
//! counter = [index low, index high, block, stream]
//! ```
//!
//! `index` is what the draws belong to (a sample, a training step, an epoch ...), `block` counts its blocks of four draws,
//! and `stream` keeps the uses apart, so that one seed serves them all.

/// What a random number is for: the last word of the counter. The values are part of the file formats; never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Displacements (Eq. 5): index = sample; block 0 = amplitudes, block 1 + n = site n.
    Deformation = 0,
    /// Dropout masks.
    Dropout = 1,
    /// Start values of the parameters.
    Initialisation = 2,
    /// The order of a training epoch: index = epoch.
    Shuffle = 3,
    /// Angles of an attack (Fig. 6): index = structure.
    Attack = 4,
    /// Synthetic samples behind a p-value: index = draw, block = value.
    Bootstrap = 5,
    /// Sub-samples of data: index = sub-sample, block = place.
    Subsample = 6,
    /// The symmetry under which a structure is seen: index = epoch, block = sample.
    Symmetry = 7,
}

/// Four independent 32-bit draws: block `block` of `index` in `stream`.
#[inline]
pub fn draw(seed: u64, stream: Stream, index: u64, block: u32) -> [u32; 4] {
    philox([index as u32, (index >> 32) as u32, block, stream as u32], [seed as u32, (seed >> 32) as u32])
}

/// A draw as a number in (0, 1): (k + 1/2) 2^-32, exact in f64.
#[inline]
pub fn uniform(draw: u32) -> f64 {
    (f64::from(draw) + 0.5) * (1.0 / 4_294_967_296.0)
}

/// The generator itself: ten rounds of multiply, exchange and xor, the key stepped between rounds.
#[inline]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123 (`kat_vectors`, philox4x32 10).
    #[test]
    fn known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, answer) in cases {
            assert_eq!(philox(counter, key), answer);
        }
    }

    #[test]
    fn every_word_of_the_address_matters() {
        let base = draw(1, Stream::Deformation, 2, 3);
        for other in [
            draw(1 << 32 | 1, Stream::Deformation, 2, 3),
            draw(1, Stream::Attack, 2, 3),
            draw(1, Stream::Deformation, 1 << 32 | 2, 3),
            draw(1, Stream::Deformation, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn uniform_stays_inside() {
        assert_eq!(uniform(0), 0.5f64.powi(33));
        assert_eq!(uniform(u32::MAX), 1.0 - 0.5f64.powi(33));
    }
}
