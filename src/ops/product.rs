//! Matrix products on the CPU, by the `gemm` crate, on all cores. The sum over the inner dimension is never split
//! between threads, so the bits do not depend on their number.

use crate::device::Real;

/// A strided view of a matrix.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, R> {
    data: &'a [R],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, R> Matrix<'a, R> {
    /// A matrix whose rows lie one after another.
    pub(crate) fn new(data: &'a [R], rows: usize, columns: usize) -> Self {
        assert!(data.len() >= rows * columns, "a {rows} x {columns} matrix in {} elements", data.len());
        Matrix { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Its transpose; nothing moves.
    pub(crate) fn transposed(self) -> Self {
        Matrix { rows: self.columns, columns: self.rows, row_stride: self.column_stride, column_stride: self.row_stride, data: self.data }
    }
}

/// `left right` into `destination`, whose rows lie one after another.
pub(crate) fn product<R: Real>(destination: &mut [R], left: Matrix<'_, R>, right: Matrix<'_, R>) {
    let (m, n, k) = (left.rows, right.columns, left.columns);
    assert_eq!(k, right.rows, "inner dimensions");
    assert!(destination.len() >= m * n, "a {m} x {n} product into {} elements", destination.len());
    // SAFETY: the three matrices lie inside their slices (checked here and on construction) and the destination is borrowed alone.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            destination.as_mut_ptr(),
            1,
            n as isize,
            false,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            R::ONE,
            R::ONE,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_agrees_with_the_sum() {
        let (m, n, k) = (7, 5, 11);
        let left: Vec<f64> = (0..m * k).map(|i| (i as f64 * 0.7).sin()).collect();
        let right: Vec<f64> = (0..k * n).map(|i| (i as f64 * 0.3).cos()).collect();
        let mut flipped = vec![0.0; n * k];
        for i in 0..k {
            for j in 0..n {
                flipped[j * k + i] = right[i * n + j];
            }
        }
        for right in [Matrix::new(&right, k, n), Matrix::new(&flipped, n, k).transposed()] {
            let mut out = vec![f64::NAN; m * n];
            product(&mut out, Matrix::new(&left, m, k), right);
            for i in 0..m {
                for j in 0..n {
                    let sum: f64 = (0..k).map(|l| left[i * k + l] * flipped[j * k + l]).sum();
                    assert!((out[i * n + j] - sum).abs() < 1e-13);
                }
            }
        }
    }
}
