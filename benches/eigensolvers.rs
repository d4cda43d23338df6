//! One symmetric matrix, every eigenpair, one thread: ours, faer and nalgebra on the Hamiltonian of a deformed lattice.
//!
//! `cargo bench --bench eigensolvers`; the peer: `benches/peers/eigh.py`. docs/eigensolvers.md has the table.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scalefree::ops::eigh::Eigh;
use scalefree::physics::Lattice;

fn solvers(c: &mut Criterion) {
    let mut group = c.benchmark_group("eigh");
    group.sample_size(10);
    for size in [8, 16, 24, 32] {
        let sites = size * size;
        let displacement: Vec<f64> = (0..2 * sites).map(|i| 0.4 * (1.7 * i as f64).sin()).collect();
        let matrix = Lattice { size, epsilon: 0.0, ..Lattice::default() }.hamiltonian(&displacement);
        for (name, mut eigh) in [("own", Eigh::new(sites)), ("faer", Eigh::faer(sites))] {
            group.bench_function(BenchmarkId::new(name, sites), |b| b.iter(|| eigh.solve(matrix.as_slice()).unwrap()));
        }
        group.bench_function(BenchmarkId::new("nalgebra", sites), |b| b.iter(|| matrix.clone().symmetric_eigen()));
    }
    group.finish();
}

criterion_group!(benches, solvers);
criterion_main!(benches);
