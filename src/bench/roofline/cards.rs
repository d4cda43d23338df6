//! The cards of the predictions, by their data sheets and by what our kernels issue there.

use super::Pass;
use crate::device::cuda::Precision;
use crate::ops::tiles::{LARGE, SKINNY, TALL, Tile};

/// A card by its data sheet.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// Multiprocessors.
    pub processors: u32,
    /// Compute capability.
    pub capability: (u32, u32),
    /// Cycles a second.
    pub clock: f64,
    /// Bytes of memory a second.
    pub bandwidth: f64,
    /// Bytes of its L2.
    pub l2: f64,
    /// Bytes of L2 a second: published microbenchmarks, an estimate.
    pub l2_bandwidth: f64,
    /// Square, tall and large blocks of a product that a multiprocessor holds (occupancy in docs/kernels.md).
    pub resident: [usize; 3],
    /// Instructions of a warp for the rows of weights that it takes at once (`kernels/dense_dx_dw.cu`, counted likewise).
    pub one_pass: u32,
    /// Of each precision.
    pub rates: &'static [(Precision, Rate)],
}

/// What a multiprocessor does of a product.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Flop in a cycle, sums in f32.
    pub flop: f64,
    /// Instructions of a warp in one step of k, on the path of 16-byte copies (`scripts/sass-report.py`): square tiles, by `Pass`.
    pub square: [u32; 6],
    /// The same of tall tiles and of large ones; `None` where none is used.
    pub tall_and_large: Option<[[u32; 6]; 2]>,
    /// The same of skinny ones: the dense layer's forward pass and input gradient.
    pub skinny: [u32; 2],
}

impl Rate {
    const fn new(flop: f64, square: [u32; 6], tall_and_large: Option<[[u32; 6]; 2]>, skinny: [u32; 2]) -> Self {
        Rate { flop, square, tall_and_large, skinny }
    }

    /// The instructions for a tile of this kind.
    pub(super) fn issue(&self, pass: Pass, tile: Tile) -> u32 {
        match (tile, pass) {
            (SKINNY, Pass::DenseForward) => self.skinny[0],
            (SKINNY, _) => self.skinny[1],
            (TALL, _) => self.tall_and_large.map_or(self.square, |[tall, _]| tall)[pass as usize],
            (LARGE, _) => self.tall_and_large.map_or(self.square, |[_, large]| large)[pass as usize],
            _ => self.square[pass as usize],
        }
    }
}

/// The cards of the predictions. Hopper's tensor cores are reached by `mma.sync`, at 62 % of their peak (published for such kernels, and measured
/// on the H200).
pub const CARDS: [Card; 4] = [
    Card {
        name: "RTX 2080 Ti",
        processors: 68,
        capability: (7, 5),
        clock: 1.545e9,
        bandwidth: 616e9,
        l2: 5.5e6,
        l2_bandwidth: 2.0e12,
        resident: [2, 1, 1],
        one_pass: 635,
        rates: &[
            (Precision::F32, Rate::new(128.0, [741, 806, 852, 723, 786, 823], None, [429, 501])),
            (Precision::F16, Rate::new(512.0, [301, 332, 367, 284, 310, 340], None, [229, 258])),
        ],
    },
    Card {
        name: "RTX 4090",
        processors: 128,
        capability: (8, 9),
        clock: 2.52e9,
        bandwidth: 1008e9,
        l2: 72e6,
        l2_bandwidth: 5.0e12,
        resident: [4, 2, 2],
        one_pass: 621,
        rates: &[
            (
                Precision::F32,
                Rate::new(
                    256.0,
                    [742, 810, 842, 733, 795, 810],
                    Some([[1362, 1430, 1522, 1369, 1426, 1496], [2921, 3021, 2715, 2927, 2993, 2662]]),
                    [439, 503],
                ),
            ),
            (
                Precision::Tf32,
                Rate::new(
                    256.0,
                    [145, 172, 197, 136, 155, 158],
                    Some([[200, 225, 282, 195, 215, 228], [288, 337, 391, 282, 322, 315]]),
                    [125, 139],
                ),
            ),
            (
                Precision::Bf16,
                Rate::new(
                    512.0,
                    [121, 148, 173, 112, 131, 134],
                    Some([[160, 185, 242, 155, 175, 188], [224, 273, 327, 218, 258, 251]]),
                    [109, 122],
                ),
            ),
        ],
    },
    Card { name: "H100 SXM", bandwidth: 3350e9, ..H200 },
    H200,
];

const H200: Card = Card {
    name: "H200",
    processors: 132,
    capability: (9, 0),
    clock: 1.83e9,
    bandwidth: 4800e9,
    l2: 50e6,
    l2_bandwidth: 5.5e12,
    resident: [4, 3, 2],
    one_pass: 620,
    rates: &[
        (
            Precision::F32,
            Rate::new(
                256.0,
                [784, 864, 898, 775, 849, 864],
                Some([[1436, 1516, 1619, 1441, 1510, 1591], [3068, 3178, 2877, 3070, 3151, 2822]]),
                [467, 544],
            ),
        ),
        (
            Precision::Tf32,
            Rate::new(
                0.62 * 2048.0,
                [147, 178, 209, 142, 165, 165],
                Some([[204, 229, 300, 196, 219, 241], [284, 337, 413, 279, 326, 330]]),
                [130, 146],
            ),
        ),
        (
            Precision::Bf16,
            Rate::new(
                0.62 * 4096.0,
                [123, 154, 185, 117, 139, 141],
                Some([[160, 185, 255, 154, 177, 201], [220, 273, 345, 215, 262, 264]]),
                [114, 130],
            ),
        ),
    ],
};

/// Seconds from the end of a kernel of a graph to the work of the next, an estimate.
pub const GAP: f64 = 1.5e-6;
/// Bytes that a multiprocessor's shared memory passes in a cycle.
pub(super) const SHARED: f64 = 128.0;
