//! The modes of A from those of T: V = Q Z, reflections in blocks.
//!
//! ```text
//! H_b ... H_a = I - Y T Y',   Y = (v_a ... v_b),   T lower triangular:  row m is  -tau_m (v_m' Y) T  before the diagonal, tau_m on it
//! ```
//!
//! A block changes V by two products, P = Y' V and V -= (Y T) P, some columns at a time, which stay in the second cache between them.

use super::product::{Columns, TALLEST, pack, panel, product};
use crate::device::{BLOCK, Kernel, Vector};

/// Reflections of a block.
const WIDTH: usize = 48;
/// From one column of P to the next: an odd number of cache lines.
const PITCH: usize = WIDTH + 8;
/// Columns of V that are changed together.
const COLUMNS: usize = 64;

/// Numbers of work space for `n` rows.
pub(super) fn workspace(n: usize) -> usize {
    3 * WIDTH * (n + TALLEST).next_multiple_of(BLOCK) + PITCH * COLUMNS + 3 * WIDTH * PITCH
}

/// Applies the reflections in `rows` (n, stride), as `Reduce` leaves them, to `modes`, column by column (n, stride).
pub(super) struct Back<'a> {
    pub stride: usize,
    pub rows: &'a mut [f64],
    pub taus: &'a [f64],
    pub modes: &'a mut [f64],
    /// Where each column of `modes`, and each row of `rows`, begins (n), `stride` apart.
    pub columns: &'a [usize],
    pub workspace: &'a mut [f64],
}

impl Kernel<f64> for Back<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = f64>>(self) {
        let Back { stride, rows, taus, modes, columns, workspace } = self;
        let (n, height) = (taus.len(), panel::<V>());
        let packed = WIDTH * (n + TALLEST).next_multiple_of(BLOCK);
        let (reflectors, rest) = workspace.split_at_mut(packed);
        let (straight, rest) = rest.split_at_mut(packed);
        let (scaled, rest) = rest.split_at_mut(packed);
        let (part, rest) = rest.split_at_mut(PITCH * COLUMNS);
        let (overlaps, rest) = rest.split_at_mut(WIDTH * PITCH);
        let (t, turned) = rest.split_at_mut(WIDTH * PITCH);
        let pitches: [usize; COLUMNS] = std::array::from_fn(|j| j * PITCH);
        for first in (1..n).step_by(WIDTH) {
            let count = WIDTH.min(n - first);
            // Rows of V that the block changes.
            let length = first + count - 1;
            for k in first..first + count {
                rows[k * stride + k..k * stride + length].fill(0.0);
            }
            let own = &rows[first * stride..];
            let row = |k: usize| &own[k * stride..][..length];
            // Y', panel by panel.
            for (p, panel) in reflectors.chunks_exact_mut(height * length).take(count.div_ceil(height)).enumerate() {
                panel.fill(0.0);
                for r in 0..height.min(count - p * height) {
                    for (x, to) in row(p * height + r).iter().zip(panel[r..].iter_mut().step_by(height)) {
                        *to = *x;
                    }
                }
            }
            let square = Columns { at: &pitches[..count], panel_stride: height };
            // SAFETY: the caller's.
            unsafe { product::<V, false>(count, length, reflectors, own, stride, overlaps, square) };
            for m in 0..count {
                let (above, this) = t.split_at_mut(m * PITCH);
                this[..count].fill(0.0);
                for (l, above) in above.chunks_exact(PITCH).enumerate() {
                    let factor = -taus[first + m] * overlaps[l * PITCH + m];
                    for (to, t) in this[..=l].iter_mut().zip(above) {
                        *to += factor * t;
                    }
                }
                this[m] = taus[first + m];
            }
            for (j, column) in turned.chunks_exact_mut(PITCH).take(count).enumerate() {
                for (to, row) in column.iter_mut().zip(t.chunks_exact(PITCH).take(count)) {
                    *to = row[j];
                }
            }
            // Y, panel by panel, and Y T likewise.
            pack::<V>(own, length, &columns[..count], straight);
            let panels: [usize; WIDTH] = std::array::from_fn(|j| j * height);
            let panels = Columns { at: &panels[..count], panel_stride: height * count };
            // SAFETY: the caller's.
            unsafe { product::<V, false>(length, count, straight, turned, PITCH, scaled, panels) };
            for columns in columns.chunks(COLUMNS) {
                let from = &modes[columns[0]..];
                let pitches = Columns { at: &pitches[..columns.len()], panel_stride: height };
                let columns = Columns { at: columns, panel_stride: height };
                // SAFETY: the caller's.
                unsafe {
                    product::<V, false>(count, length, reflectors, from, stride, part, pitches);
                    product::<V, true>(length, count, scaled, part, PITCH, modes, columns);
                }
            }
        }
    }
}
