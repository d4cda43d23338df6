//! The exact fit of 819,200 values, as many as Fig. 4g has, of a shape like theirs: a flat bulk with a power-law tail, drawn without ties
//! and with many; and one draw of the bootstrap, which is what a p-value costs per synthetic sample.
//!
//! `cargo bench --bench powerlaw`; docs/powerlaw.md has the table.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scalefree::analysis::powerlaw;
use scalefree::ops::philox::{Stream, draw, uniform};
use scalefree::progress::Silent;

const VALUES: u64 = 819_200;

/// The share `tail` of the values follows x^-3.79 from 0.432 on, the rest is flat below.
fn lengths(tail: f64, tick: f64) -> Vec<f64> {
    let value = |k| {
        let [a, b, ..] = draw(1, Stream::Bootstrap, k, 0);
        let (coin, u) = (uniform(a), uniform(b));
        let x = if coin < tail { 0.432 * u.powf(-1.0 / 2.79) } else { 0.432 * u };
        if tick > 0.0 { (x / tick).ceil() * tick } else { x }
    };
    (0..VALUES).map(value).collect()
}

fn scan(c: &mut Criterion) {
    let mut group = c.benchmark_group("819,200 values");
    group.sample_size(10);
    for (name, tail, tick) in [("tail 10 %", 0.1, 0.0), ("tail 60 %", 0.6, 0.0), ("ties of 1e-3", 0.1, 1e-3), ("ties of 1e-5", 0.1, 1e-5)] {
        let values = lengths(tail, tick);
        group.bench_function(BenchmarkId::new("fit", name), |b| b.iter(|| powerlaw::fit(&values).unwrap()));
        if tick == 0.0 {
            let fit = powerlaw::fit(&values).unwrap();
            group.bench_function(BenchmarkId::new("2 bootstrap draws", name), |b| {
                b.iter(|| powerlaw::bootstrap(&values, &fit, 2, 1, &Silent).unwrap());
            });
            group.bench_function(BenchmarkId::new("ratios", name), |b| b.iter(|| powerlaw::compare(&values, &fit).unwrap()));
        }
    }
    group.finish();
}

criterion_group!(benches, scan);
criterion_main!(benches);
