//! Eigenpairs of a symmetric tridiagonal matrix by divide and conquer (Cuppen); the method is that of `kernels/eigh_tridiagonal.cu`.
//!
//! Cut at a link b between two halves, T = diag(T1, T2) + |b| u u', with u 1 and +-1 beside the cut, if |b| is taken from both diagonal
//! elements there. Every link is cut at once, down to single numbers; then halves are joined. With T1 = Q1 D1 Q1' and T2 = Q2 D2 Q2' a
//! joint is
//!
//! ```text
//! T = Q (D + rho z z') Q',   z = Q' u / sqrt 2,   rho = 2 |b|,   Q = diag(Q1, Q2),   D = diag(D1, D2)
//! ```
//!
//! 1. Deflation: where rho |z_i| is nothing, (d_i, q_i) stays an eigenpair; where two d are all but equal, a rotation of their two
//!    columns makes one z 0, and the pair stays too. What stays joined has d apart and z not small.
//! 2. Its eigenvalues are the roots, one between each two neighbouring d, of the secular equation 1/rho + sum_i z_i^2 / (d_i - x) = 0
//!    (`roots.rs`).
//! 3. Q times the vectors of that: a half's rows need only the columns that are not 0 there.
//!
//! A new column takes the place of one that was joined; what stays, stays. So columns are in no order, and a list tells it.

use super::product::{Columns, TALLEST, pack, panel, product};
use super::roots::Secular;
use crate::device::{Kernel, Vector};
use crate::ops::scratch::Aligned;

/// Where a column is not 0: in the upper half's rows, in both, in the lower half's.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    Upper,
    Both,
    Lower,
}

/// Work space for matrices of n rows.
pub(super) struct Scratch {
    /// z, by columns.
    weights: Vec<f64>,
    kinds: Vec<Rows>,
    /// Columns that are not joined.
    stays: Vec<usize>,
    /// Columns that are, by their poles.
    columns: Vec<usize>,
    /// The joined ones again, those of the upper half's rows first, those of the lower half's last: their poles, and where they begin.
    grouped: Vec<usize>,
    starts: Vec<usize>,
    merged: Vec<usize>,
    secular: Secular,
    /// Both halves of the joined columns, in panels.
    packed: Aligned<f64>,
}

impl Scratch {
    pub(super) fn new(n: usize) -> Self {
        let list = || Vec::with_capacity(n);
        Scratch {
            weights: vec![0.0; n],
            kinds: vec![Rows::Both; n],
            stays: list(),
            columns: list(),
            grouped: list(),
            starts: list(),
            merged: list(),
            secular: Secular::new(n),
            packed: Aligned::zeros(2 * (n / 2 + 1 + TALLEST) * n),
        }
    }
}

/// Solves T, whose diagonal is `values` and whose other elements are `links` (n - 1 of n).
pub(super) struct Conquer<'a> {
    pub stride: usize,
    pub links: &'a [f64],
    /// In the end the energies, by columns (n).
    pub values: &'a mut [f64],
    /// Modes, column by column (n, stride).
    pub vectors: &'a mut [f64],
    /// The columns by their values, ascending (n).
    pub order: &'a mut [usize],
    pub scratch: &'a mut Scratch,
    /// Whether every root was found.
    pub found: &'a mut bool,
}

impl Kernel<f64> for Conquer<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = f64>>(mut self) {
        let n = self.values.len();
        assert!(self.vectors.len() >= n * self.stride && self.stride >= n + TALLEST && self.order.len() == n);
        for (k, link) in self.links[..n - 1].iter().enumerate() {
            self.values[k] -= link.abs();
            self.values[k + 1] -= link.abs();
        }
        for column in 0..n {
            self.vectors[column * self.stride + column] = 1.0;
            self.order[column] = column;
        }
        let mut parts = n.next_power_of_two();
        while parts > 1 {
            parts /= 2;
            for part in 0..parts {
                let at = |half: usize| half * n / (2 * parts);
                let (first, cut, last) = (at(2 * part), at(2 * part + 1), at(2 * part + 2));
                if first < cut && cut < last {
                    // SAFETY: the caller's.
                    *self.found &= unsafe { self.join::<V>(first, cut, last) };
                }
            }
        }
    }
}

impl Conquer<'_> {
    /// Joins the halves `first .. cut` and `cut .. last`; answers whether all roots were found.
    ///
    /// # Safety
    /// The processor has vectors `V`.
    #[inline(always)]
    unsafe fn join<V: Vector<Real = f64>>(&mut self, first: usize, cut: usize, last: usize) -> bool {
        let rho = 2.0 * self.links[cut - 1].abs();
        self.merge(first, cut, last);
        self.deflate(rho, first, cut, last);
        let Conquer { stride, values, vectors, order, scratch, .. } = self;
        let Scratch { kinds, stays, columns, grouped, starts, merged, secular, packed, .. } = &mut **scratch;
        let stride = *stride;
        // What stays is 0 in the other half's rows.
        for &column in stays.iter() {
            let whole = &mut vectors[column * stride..][..stride];
            match kinds[column] {
                Rows::Upper => whole[cut..last].fill(0.0),
                Rows::Lower => whole[first..cut].fill(0.0),
                Rows::Both => {}
            }
        }
        grouped.clear();
        let mut group = |kind: Rows| {
            grouped.extend((0..columns.len()).filter(|&i| kinds[columns[i]] == kind));
            grouped.len()
        };
        let (upper, not_lower) = (group(Rows::Upper), group(Rows::Both));
        group(Rows::Lower);
        // SAFETY: the caller's.
        let found = unsafe { secular.solve::<V>(rho, grouped) };
        starts.clear();
        starts.extend(grouped.iter().map(|&i| columns[i] * stride));
        // New columns, one after another, where joined ones were.
        let factors = secular.factors();
        merged.clear();
        merged.extend(columns.iter().map(|column| column * stride));
        // SAFETY: the caller's. The lower half comes last: what the upper one's last panel leaves behind its rows is replaced. What the lower
        // one's leaves, a later joint takes for 0, and writes before it reads.
        unsafe {
            // Both are packed before one is written.
            let (above, below) = (cut - first, last - cut);
            let split = above.next_multiple_of(panel::<V>()) * not_lower;
            let (upper_rows, lower_rows) = packed.split_at_mut(split);
            pack::<V>(&vectors[first..], above, &starts[..not_lower], upper_rows);
            pack::<V>(&vectors[cut..], below, &starts[upper..], lower_rows);
            let to = Columns { at: merged, panel_stride: panel::<V>() };
            let pitch = secular.pitch();
            product::<V, false>(above, not_lower, upper_rows, factors, pitch, &mut vectors[first..], to);
            product::<V, false>(below, columns.len() - upper, lower_rows, &factors[upper..], pitch, &mut vectors[cut..], to);
        }
        for (column, value) in columns.iter().zip(secular.values()) {
            values[*column] = value;
        }
        // The roots ascend; what stays need not.
        stays.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]).then(a.cmp(b)));
        interleave(columns, stays, values, &mut order[first..last]);
        found
    }

    /// z and where each column is not 0; `merged`: all columns by their values.
    #[inline(always)]
    fn merge(&mut self, first: usize, cut: usize, last: usize) {
        let Conquer { stride, links, values, vectors, order, scratch, .. } = self;
        let Scratch { weights, kinds, merged, .. } = &mut **scratch;
        let half = std::f64::consts::FRAC_1_SQRT_2;
        for column in first..last {
            let upper = column < cut;
            let z = half * vectors[column * *stride + if upper { cut - 1 } else { cut }];
            weights[column] = if !upper && links[cut - 1] < 0.0 { -z } else { z };
            kinds[column] = if upper { Rows::Upper } else { Rows::Lower };
        }
        merged.clear();
        merged.resize(last - first, 0);
        let (above, below) = order[first..last].split_at(cut - first);
        interleave(above, below, values, merged);
    }

    /// Parts `merged` into `stays` and `columns`, whose poles and weights `secular` takes.
    #[inline(always)]
    fn deflate(&mut self, rho: f64, first: usize, cut: usize, last: usize) {
        let Conquer { stride, values, vectors, scratch, .. } = self;
        let Scratch { weights, kinds, merged, stays, columns, secular, .. } = &mut **scratch;
        let size = |column: usize| values[column].abs();
        let nothing: f64 = 4.0 * f64::EPSILON * size(merged[0]).max(size(merged[last - first - 1])).max(0.5);
        stays.clear();
        columns.clear();
        secular.clear();
        let mut held: Option<usize> = None;
        for &column in merged.iter() {
            let z = weights[column];
            if rho * z.abs() <= nothing {
                stays.push(column);
                continue;
            }
            if let Some(held) = held {
                // A rotation by the angle whose sine and cosine are as the two z leaves the product of both and the values' distance.
                let (other, apart): (f64, f64) = (weights[held], values[column] - values[held]);
                let square = z * z + other * other;
                if (apart * z * other).abs() <= nothing * square {
                    let length = square.sqrt();
                    let (c, s) = (z / length, -other / length);
                    rotate(vectors, *stride, [held, column], [kinds[held], kinds[column]], c, s, [first, cut, last]);
                    if kinds[held] != kinds[column] {
                        (kinds[held], kinds[column]) = (Rows::Both, Rows::Both);
                    }
                    let (a, b) = (values[held], values[column]);
                    // Between both, whatever rounding says: what is joined must stay apart.
                    values[held] = (a * c * c + b * s * s).max(a).min(b);
                    values[column] = (a * s * s + b * c * c).max(a).min(b);
                    weights[column] = length;
                    stays.push(held);
                } else {
                    columns.push(held);
                    secular.push(values[held], other);
                }
            }
            held = Some(column);
        }
        if let Some(held) = held {
            columns.push(held);
            secular.push(values[held], weights[held]);
        }
    }
}

/// Turns two columns into one another: x <- c x + s y, y <- c y - s x, in the rows where one of them is not 0.
#[inline(always)]
fn rotate(vectors: &mut [f64], stride: usize, pair: [usize; 2], kinds: [Rows; 2], c: f64, s: f64, [first, cut, last]: [usize; 3]) {
    let rows = match kinds {
        [Rows::Upper, Rows::Upper] => first..cut,
        [Rows::Lower, Rows::Lower] => cut..last,
        _ => {
            for (column, kind) in pair.into_iter().zip(kinds) {
                let zeros = match kind {
                    Rows::Upper => cut..last,
                    Rows::Lower => first..cut,
                    Rows::Both => first..first,
                };
                vectors[column * stride..][zeros].fill(0.0);
            }
            first..last
        }
    };
    for row in rows {
        let [x, y] = pair.map(|column| vectors[column * stride + row]);
        vectors[pair[0] * stride + row] = c * x + s * y;
        vectors[pair[1] * stride + row] = c * y - s * x;
    }
}

/// Two lists of columns whose values ascend into one; of equal ones the first list's come first.
#[inline(always)]
fn interleave(a: &[usize], b: &[usize], values: &[f64], to: &mut [usize]) {
    let (mut i, mut j) = (0, 0);
    for to in to {
        let first = j == b.len() || (i < a.len() && values[a[i]] <= values[b[j]]);
        *to = if first { a[i] } else { b[j] };
        (i, j) = if first { (i + 1, j) } else { (i, j + 1) };
    }
}
