//! C = A B, or C -= A B, where A lies in panels: the rows of two vectors at a time, column after column, so that a panel stays in the
//! first cache while it meets all of B. What a panel and some columns of B give is in registers: six columns of 16, twelve of 32.

use crate::device::Vector;

/// Rows of the widest vectors' panel: what is packed has room for a multiple of it.
pub(super) const TALLEST: usize = 16;

/// Rows of a panel.
pub(super) const fn panel<V: Vector>() -> usize {
    2 * V::LANES
}

/// `rows` rows of the columns that begin at `starts`, panel by panel.
#[inline(always)]
pub(super) fn pack<V: Vector<Real = f64>>(vectors: &[f64], rows: usize, starts: &[usize], packed: &mut [f64]) {
    let height = panel::<V>();
    if starts.is_empty() {
        return;
    }
    for (p, panel) in packed.chunks_exact_mut(height * starts.len()).take(rows.div_ceil(height)).enumerate() {
        for (start, to) in starts.iter().zip(panel.chunks_exact_mut(height)) {
            let there = height.min(rows - p * height);
            to[..there].copy_from_slice(&vectors[start + p * height..][..there]);
            to[there..].fill(0.0);
        }
    }
}

/// Where C lies: column j of panel p begins at `p * panel_stride + columns[j]`.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub at: &'a [usize],
    pub panel_stride: usize,
}

/// `c` = `a` `b`, or with `SUBTRACT` `c` -= `a` `b`: `a` (rows, inner) in panels, `b` (inner, columns) column by column, `b_stride` apart.
/// Rows of C are written up to a whole panel.
///
/// # Safety
/// The processor has vectors `V`; no column of C lies in another's.
#[inline(always)]
pub(super) unsafe fn product<V: Vector<Real = f64>, const SUBTRACT: bool>(
    rows: usize,
    inner: usize,
    a: &[f64],
    b: &[f64],
    b_stride: usize,
    c: &mut [f64],
    columns: Columns<'_>,
) {
    let (panels, count) = (rows.div_ceil(panel::<V>()), columns.at.len());
    if panels == 0 || count == 0 {
        return;
    }
    let last = columns.at.iter().max().copied().unwrap_or_default() + (panels - 1) * columns.panel_stride + panel::<V>();
    assert!(a.len() >= panels * panel::<V>() * inner && b.len() >= (count - 1) * b_stride + inner && c.len() >= last);
    for p in 0..panels {
        // SAFETY: the lengths above hold for every tile.
        unsafe {
            let (a, c) = (a.as_ptr().add(p * panel::<V>() * inner), c.as_mut_ptr().add(p * columns.panel_stride));
            let mut j = 0;
            while j < count {
                let (b, at) = (b.as_ptr().add(j * b_stride), &columns.at[j..]);
                j += match count - j {
                    12.. if V::LANES > 4 => tile::<V, 12, SUBTRACT>(inner, a, b, b_stride, c, at),
                    6.. => tile::<V, 6, SUBTRACT>(inner, a, b, b_stride, c, at),
                    2.. => tile::<V, 2, SUBTRACT>(inner, a, b, b_stride, c, at),
                    _ => tile::<V, 1, SUBTRACT>(inner, a, b, b_stride, c, at),
                };
            }
        }
    }
}

/// One panel against `N` columns; answers `N`.
///
/// # Safety
/// As [`product`]; the panel, the columns of B and of C are there.
#[inline(always)]
unsafe fn tile<V: Vector<Real = f64>, const N: usize, const SUBTRACT: bool>(
    inner: usize,
    a: *const f64,
    b: *const f64,
    b_stride: usize,
    c: *mut f64,
    at: &[usize],
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut sum = [[V::splat(0.0); 2]; N];
        for k in 0..inner {
            let a = a.add(k * panel::<V>());
            let a = [V::load(a), V::load(a.add(V::LANES))];
            for (j, sum) in sum.iter_mut().enumerate() {
                let b = V::splat(*b.add(j * b_stride + k));
                *sum = [sum[0].add_product(a[0], b), sum[1].add_product(a[1], b)];
            }
        }
        for (sum, at) in sum.into_iter().zip(at) {
            for (part, sum) in sum.into_iter().enumerate() {
                let to = c.add(at + part * V::LANES);
                if SUBTRACT { V::load(to).sub(sum) } else { sum }.store(to);
            }
        }
    }
    N
}
