//! A symmetric matrix to a tridiagonal one by Householder's reflections, from the last row to the first.
//!
//! ```text
//! Q' A Q = T,   Q = H_(n-1) ... H_2 H_1,   H_k = I - tau_k v_k v_k',   v_k is 1 in row k - 1 and 0 from row k on
//! ```
//!
//! Step k reflects row k's elements before the diagonal to one number, beta = -sign(alpha) |x|, and changes the matrix before it:
//!
//! ```text
//! p = tau A v,   w = p - tau/2 (p'v) v,   A <- A - v w' - w v'
//! ```
//!
//! The change waits for the next step, which makes it and multiplies by its own v in one pass over the matrix: half of it, the rows up
//! to the diagonal, 256 KiB of 256 rows, in the second cache.

use super::total;
use crate::device::{BLOCK, Kernel, Vector};

/// What is smaller than its root means nothing beside a matrix of elements near 1, and its square is no number to divide by.
const NOTHING: f64 = 1e-280;

/// Vectors of work space.
pub(super) const VECTORS: usize = 4;

/// Reduces the matrix in `rows` (n, stride), scaled to elements below 1. Row i is given up to the diagonal and on to the end of the block
/// that holds it (symmetric there, 0 outside the matrix); in the end it has v_i. The stride holds whole blocks.
pub(super) struct Reduce<'a> {
    pub stride: usize,
    pub rows: &'a mut [f64],
    /// T's diagonal (n).
    pub diagonal: &'a mut [f64],
    /// T's elements (k, k - 1) at k - 1 (n - 1 of n).
    pub beside: &'a mut [f64],
    /// tau_k at k (n).
    pub taus: &'a mut [f64],
    /// Work space ([`VECTORS`], stride).
    pub vectors: &'a mut [f64],
}

impl Kernel<f64> for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = f64>>(self) {
        let Reduce { stride, rows, diagonal, beside, taus, vectors } = self;
        let n = diagonal.len();
        assert!(stride >= n.next_multiple_of(BLOCK) && rows.len() >= n * stride && vectors.len() == VECTORS * stride);
        vectors.fill(0.0);
        let (mut v, rest) = vectors.split_at_mut(stride);
        let (mut before, rest) = rest.split_at_mut(stride);
        let (w, y) = rest.split_at_mut(stride);
        for k in (1..n).rev() {
            let (head, row) = rows.split_at_mut(k * stride);
            let row = &mut row[..k + 1];
            let (v_k, w_k) = (before[k], w[k]);
            for ((x, v), w) in row.iter_mut().zip(&before[..]).zip(&w[..]) {
                *x -= v_k * w + w_k * v;
            }
            diagonal[k] = row[k];
            let alpha = row[k - 1];
            let square: f64 = row[..k - 1].iter().map(|x| x * x).sum();
            v[k..].fill(0.0);
            if square < NOTHING {
                (taus[k], beside[k - 1]) = (0.0, alpha);
                v[..k - 1].fill(0.0);
            } else {
                let beta = -(alpha * alpha + square).sqrt().copysign(alpha);
                (taus[k], beside[k - 1]) = ((beta - alpha) / beta, beta);
                let scale = 1.0 / (alpha - beta);
                for (v, x) in v[..k - 1].iter_mut().zip(&row[..]) {
                    *v = scale * x;
                }
            }
            v[k - 1] = 1.0;
            row[..k].copy_from_slice(&v[..k]);
            y.fill(0.0);
            let mut pass = Pass { stride, rows: head, v, before, w, y };
            let mut i = 0;
            // SAFETY: the caller's; the rows and vectors are there (checked above).
            unsafe {
                if V::LANES > 4 {
                    while i + 4 <= k {
                        pass.rows_from::<V, 4>(i);
                        i += 4;
                    }
                }
                while i + 2 <= k {
                    pass.rows_from::<V, 2>(i);
                    i += 2;
                }
                if i < k {
                    pass.rows_from::<V, 1>(i);
                }
            }
            let tau = taus[k];
            let half = 0.5 * tau * tau * v.iter().zip(&y[..]).map(|(v, y)| v * y).sum::<f64>();
            for ((w, y), v) in w.iter_mut().zip(&y[..]).zip(&v[..]) {
                *w = tau * y - half * v;
            }
            std::mem::swap(&mut v, &mut before);
        }
        diagonal[0] = rows[0];
    }
}

/// One pass over the rows before k: the change of the step before, `before` w' + w `before`', and y = A v.
struct Pass<'a> {
    stride: usize,
    rows: &'a mut [f64],
    v: &'a [f64],
    before: &'a [f64],
    w: &'a [f64],
    y: &'a mut [f64],
}

impl Pass<'_> {
    /// The part of `N` rows, whose diagonal elements one vector holds.
    ///
    /// # Safety
    /// The processor has vectors `V`; rows and vectors are there, up to the end of the vector that holds the last row's diagonal.
    #[inline(always)]
    unsafe fn rows_from<V: Vector<Real = f64>, const N: usize>(&mut self, first: usize) {
        let diagonal = first / V::LANES * V::LANES;
        // SAFETY: the caller's.
        unsafe {
            let rows: [*mut f64; N] = std::array::from_fn(|r| self.rows.as_mut_ptr().add((first + r) * self.stride));
            let (before, w, v) = (self.before.as_ptr(), self.w.as_ptr(), self.v.as_ptr());
            let zero = V::splat(0.0);
            let (mut before_r, mut w_r, mut v_r) = ([zero; N], [zero; N], [zero; N]);
            for r in 0..N {
                before_r[r] = V::splat(-*before.add(first + r));
                w_r[r] = V::splat(-*w.add(first + r));
                v_r[r] = V::splat(*v.add(first + r));
            }
            let mut sums = [zero; N];
            let mut at = 0;
            while at <= diagonal {
                let (before, w, v) = (V::load(before.add(at)), V::load(w.add(at)), V::load(v.add(at)));
                let mut y = V::load(self.y.as_ptr().add(at));
                for r in 0..N {
                    let a = V::load(rows[r].add(at)).add_product(before_r[r], w).add_product(w_r[r], before);
                    a.store(rows[r].add(at));
                    sums[r] = sums[r].add_product(a, v);
                    // The diagonal's vector is whole: what lies behind the diagonal is a row's of its own.
                    if at < diagonal {
                        y = y.add_product(a, v_r[r]);
                    }
                }
                y.store(self.y.as_mut_ptr().add(at));
                at += V::LANES;
            }
            for (r, sum) in sums.into_iter().enumerate() {
                *self.y.as_mut_ptr().add(first + r) += total(sum);
            }
        }
    }
}
