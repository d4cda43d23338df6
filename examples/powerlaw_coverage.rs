//! Bias and coverage of the power-law fit on tails whose exponent and lower bound are known: the table of docs/powerlaw.md.
//!
//! `cargo run --release --example powerlaw_coverage`

use scalefree::Result;
use scalefree::analysis::powerlaw::{bootstrap, fit};
use scalefree::ops::philox::{Stream, draw, uniform};
use scalefree::progress::Silent;

/// Samples behind each row.
const SAMPLES: u64 = 200;

/// Synthetic samples behind each bootstrap error.
const DRAWS: usize = 200;

/// n values, the share `tail` of them x^-alpha from 1 on and the rest flat below.
fn sample(n: usize, alpha: f64, tail: f64, seed: u64) -> Vec<f64> {
    let value = |k| {
        let [a, b, ..] = draw(seed, Stream::Subsample, k, u32::MAX);
        if uniform(a) < tail { uniform(b).powf(-1.0 / (alpha - 1.0)) } else { uniform(b) }
    };
    (0..n as u64).map(value).collect()
}

fn main() -> Result<()> {
    println!(
        "| exponent | values | in the tail | mean exponent - true | scatter | mean sigma | within 1.96 sigma | within 1.96 bootstrap errors | mean xmin - true | scatter | p <= 0.1 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (alpha, n, tail) in
        [(2.0, 1000, 1.0), (2.0, 1000, 0.3), (2.5, 1000, 0.3), (3.0, 300, 0.5), (3.0, 5000, 0.3), (3.79, 1000, 0.3), (3.79, 5000, 0.1)]
    {
        let mut columns: [Vec<f64>; 6] = Default::default();
        for seed in 0..SAMPLES {
            let values = sample(n, alpha, tail, seed);
            let found = fit(&values)?;
            let errors = bootstrap(&values, &found, DRAWS, seed, &Silent)?;
            let off = found.alpha - alpha;
            let inside = |error: f64| f64::from(u8::from(off.abs() <= 1.96 * error));
            let row =
                [off, found.sigma, inside(found.sigma), inside(errors.alpha_error), found.xmin - 1.0, f64::from(u8::from(errors.p <= 0.1))];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let mean = |column: usize| columns[column].iter().sum::<f64>() / SAMPLES as f64;
        let scatter =
            |column: usize| (columns[column].iter().map(|x| (x - mean(column)).powi(2)).sum::<f64>() / (SAMPLES - 1) as f64).sqrt();
        println!(
            "| {alpha} | {n} | {} % | {:+.4} +- {:.4} | {:.4} | {:.4} | {:.1} % | {:.1} % | {:+.3} | {:.3} | {:.1} % |",
            100.0 * tail,
            mean(0),
            scatter(0) / (SAMPLES as f64).sqrt(),
            scatter(0),
            mean(1),
            100.0 * mean(2),
            100.0 * mean(3),
            mean(4),
            scatter(4),
            100.0 * mean(5),
        );
    }
    Ok(())
}
