//! The power-law fit against published-convention references, and the fast scan against the definition read literally.

use scalefree::analysis::{numbers, powerlaw};

#[test]
fn reference_tails() {
    let expected: serde_json::Value = serde_json::from_str(include_str!("data/tail.json")).unwrap();
    for (name, text) in [
        ("tail_0", include_str!("data/tail_0.txt")),
        ("tail_1", include_str!("data/tail_1.txt")),
        ("tail_2", include_str!("data/tail_2.txt")),
    ] {
        let fit = powerlaw::fit(&numbers::parse_text(text).unwrap()).unwrap();
        let expected = |key: &str| expected[name][key].as_f64().unwrap();
        assert_eq!(fit.xmin, expected("xmin"), "{name}");
        assert_eq!(fit.n_tail as f64, expected("n_tail"), "{name}");
        assert!((fit.alpha - expected("alpha")).abs() < 1e-10, "{name}: {fit:?}");
        assert!((fit.ks - expected("ks")).abs() < 1e-10, "{name}: {fit:?}");
    }
}

/// Every candidate, every point: xmin, alpha, D and the size of the tail.
fn literally(values: &[f64]) -> (f64, f64, f64, usize) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut best = (f64::NAN, f64::NAN, f64::INFINITY, 0);
    for start in 0..sorted.len() {
        let (tail, xmin) = (&sorted[start..], sorted[start]);
        if (start > 0 && sorted[start - 1] == xmin) || xmin == sorted[sorted.len() - 1] {
            continue;
        }
        let n = tail.len() as f64;
        let alpha = 1.0 + n / tail.iter().map(|x| (x / xmin).ln()).sum::<f64>();
        let deviation = |(i, x): (usize, &f64)| (1.0 - (xmin / x).powf(alpha - 1.0) - i as f64 / n).abs();
        let ks = tail.iter().enumerate().map(deviation).fold(0.0, f64::max);
        if ks < best.2 {
            best = (xmin, alpha, ks, tail.len());
        }
    }
    best
}

/// Numbers in (0, 1), from a seed alone.
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0
    })
}

#[test]
fn the_fast_scan_is_the_literal_one() {
    type Shape = fn(f64) -> f64;
    let shapes: [(&str, Shape); 5] = [
        ("pure power law", |u| u.powf(-1.0 / 2.8)),
        ("flat", |u| u),
        ("exponential", |u| -u.ln()),
        ("flat below a power law", |u| if u < 0.6 { u + 0.01 } else { 0.6 * ((1.0 - u) / 0.4).max(1e-12).powf(-1.0 / 2.5) }),
        ("very wide", |u| (40.0 * u).exp()),
    ];
    let ties: [(&str, Shape); 3] =
        [("distinct", |x| x), ("some ties", |x| (x * 300.0).ceil() / 300.0), ("many ties", |x| (x * 12.0).ceil())];
    for (shape, draw) in shapes {
        for (tie, round) in ties {
            for (seed, n) in [(1, 2500), (2, 1500), (3, 300), (4, 40), (5, 7)] {
                let values: Vec<f64> = uniform(seed).take(n).map(|u| round(draw(u))).collect();
                if powerlaw::check(&values).is_err() {
                    continue;
                }
                let fit = powerlaw::fit(&values).unwrap();
                let (xmin, alpha, ks, n_tail) = literally(&values);
                let case = format!("{shape}, {tie}, n = {n}: {fit:?} against xmin {xmin} D {ks}");
                assert_eq!((fit.xmin, fit.n_tail), (xmin, n_tail), "{case}");
                assert!((fit.ks - ks).abs() < 1e-12 && (fit.alpha / alpha - 1.0).abs() < 1e-12, "{case}");
            }
        }
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let values: Vec<f64> = uniform(9).take(20_000).map(|u| u.powf(-0.4)).collect();
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| powerlaw::fit(&values).unwrap());
    let one = with(1);
    assert!((2..6).all(|threads| with(threads) == one));
}
