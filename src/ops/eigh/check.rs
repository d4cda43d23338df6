//! Are these the eigenpairs of that matrix? Asked of a foreign library, whose wrong answers are otherwise silent.

use nalgebra::{DMatrix, DMatrixView};

/// The most that is allowed of max|A V - V L| / (|A| n eps) and of max|V'V - I| / (n eps). Good solvers stay below 1.
const MOST: f64 = 16.0;

/// What is wrong with `energies` (n) and `modes` (n, n), one mode after another, as the eigenpairs of the symmetric `matrix` (n, n),
/// computed with rounding errors of `epsilon`; `None` if nothing is.
pub(crate) fn check(matrix: &[f64], energies: &[f64], modes: &[f64], epsilon: f64) -> Option<String> {
    let n = energies.len();
    let a = DMatrixView::from_slice(matrix, n, n);
    let v = DMatrixView::from_slice(modes, n, n);
    let unit = n as f64 * epsilon;
    let size = energies.iter().fold(0.0_f64, |m, e| m.max(e.abs())).max(a.amax());
    let mut residual = a * v;
    // Not tr_mul: that is no blocked product, and ten times slower.
    let mut overlap = v.transpose() * v - DMatrix::<f64>::identity(n, n);
    for (m, energy) in energies.iter().enumerate() {
        residual.column_mut(m).axpy(-energy, &v.column(m), 1.0);
    }
    // A comparison with NaN is false, so each is asked to be small.
    let small = |values: &mut DMatrix<f64>, limit: f64| values.iter().all(|value| value.abs() <= limit);
    if !energies.is_sorted() {
        Some("the energies do not ascend".into())
    } else if !small(&mut residual, MOST * unit * size) {
        Some(format!("A V - V L is {:.1} units of |A| n eps", residual.amax() / (unit * size)))
    } else if !small(&mut overlap, MOST * unit) {
        Some(format!("V'V - I is {:.1} units of n eps", overlap.amax() / unit))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Eigh;
    use super::*;

    #[test]
    fn right_pairs_pass_and_wrong_ones_do_not() {
        let n = 20;
        let matrix: Vec<f64> = (0..n * n).map(|k| (((k / n) * (k % n) + k / n + k % n) as f64).sin()).collect();
        let mut eigh = Eigh::new(n);
        eigh.solve(&matrix).unwrap();
        let energies: Vec<f64> = eigh.energies().collect();
        let modes: Vec<f64> = (0..n).flat_map(|m| eigh.mode(m).to_vec()).collect();
        assert_eq!(check(&matrix, &energies, &modes, f64::EPSILON), None);
        let with = |change: &dyn Fn(&mut Vec<f64>, &mut Vec<f64>)| {
            let (mut energies, mut modes) = (energies.clone(), modes.clone());
            change(&mut energies, &mut modes);
            check(&matrix, &energies, &modes, f64::EPSILON)
        };
        assert!(with(&|e, _| e.swap(3, 4)).unwrap().contains("ascend"));
        assert!(with(&|e, _| e[5] += 1e-10).unwrap().contains("A V - V L"));
        assert!(with(&|_, v| v[27] = f64::NAN).is_some());
        // Twice the same mode solves the equation, and is no basis; so does one that is not normalised.
        assert!(with(&|_, v| v[..n].iter_mut().for_each(|p| *p *= 1.0 + 1e-10)).unwrap().contains("V'V - I"));
    }
}
