//! The processor's eigen-solver on matrices that are hard for one (`tests/matrices`), on this machine's vectors.

mod matrices;

use matrices::{ALL, Kind, check, matrix};
use scalefree::ops::eigh::Eigh;

/// What is allowed of each error, in units; of 2 rows a unit is two roundings.
const MOST: f64 = 4.0;

/// Sizes on both sides of vectors, panels and blocks of reflections, and the paper's.
#[test]
fn every_kind_of_matrix() {
    for n in (1..=50).chain([64, 97, 100, 144, 256, 289]) {
        let mut solver = Eigh::new(n);
        for kind in ALL {
            let mut a = matrix(kind, n);
            // The lower triangle counts, and nothing else.
            for i in 0..n {
                a[i * n + i + 1..(i + 1) * n].fill(f64::NAN);
            }
            solver.solve(&a).unwrap_or_else(|fault| panic!("{kind:?}, {n} rows: {fault}"));
            let energies: Vec<f64> = solver.energies().collect();
            let modes: Vec<f64> = (0..n).flat_map(|m| solver.mode(m).to_vec()).collect();
            check(&matrix(kind, n), &energies, &modes, kind, f64::EPSILON, MOST)
                .unwrap_or_else(|fault| panic!("{kind:?}, {n} rows: {fault}"));
        }
    }
}

#[test]
fn what_is_no_number_is_an_error_and_leaves_nothing_behind() {
    let (n, good) = (70, matrix(Kind::Random, 70));
    let mut solver = Eigh::new(n);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for at in [0, (n - 1) * n, n * n - 1] {
            let mut a = good.clone();
            a[at] = bad;
            assert!(solver.solve(&a).is_err());
        }
    }
    // Numbers whose sum is none: an energy would be infinite.
    assert!(Eigh::new(2).solve(&[1.7e308; 4]).is_err());
    let mut fresh = Eigh::new(n);
    solver.solve(&good).unwrap();
    fresh.solve(&good).unwrap();
    assert!(solver.energies().eq(fresh.energies()) && (0..n).all(|m| solver.mode(m) == fresh.mode(m)));
}
