//! Every figure from made-up data at the paper's size: well-formed, small enough, the same each time, nothing outside its canvas.
#![cfg(feature = "cli")]

use scalefree::analysis::powerlaw;
use scalefree::figures::*;

const N: usize = 256;

/// Numbers in (0, 1), from a seed alone.
fn uniform(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0
    };
    (0..n).map(|_| next()).collect()
}

/// Rising curves of many heights.
fn mode_area(n: usize) -> Vec<f64> {
    let heights = uniform(1, n);
    let noise = uniform(2, n * N);
    (0..n * N).map(|i| 0.004 + heights[i / N] * (0.05 + 0.9 * ((i % N) as f64 / N as f64).powi(2)) * (0.9 + 0.2 * noise[i])).collect()
}

/// All figures, named, from sets of `n` samples.
fn all(n: usize) -> Vec<(&'static str, String)> {
    let displacement: Vec<f64> = uniform(3, 2 * N).iter().map(|u| 1.6 * (u - 0.5)).collect();
    let w = mode_area(n);
    let structure = Structure { displacement: &displacement, size: 16, hopping_decay: 1.1454 };
    let sample = Prediction { structure, truth: &w[..N], ml: &w[..N] };
    let pair = Redesign { seed: structure, design: structure, seed_mode_area: &w[..N], design_mode_area: &w[..N] };
    let seed = uniform(4, n * N);
    let design: Vec<f64> = uniform(5, n * N).iter().map(|u| 0.432 * u.powf(-1.0 / 2.79)).collect();
    let fit = powerlaw::fit(&design).unwrap();
    let tail = Tail { letter: "b", title: "Weights", label: "*W*_{j}", values: &design, fit: &fit };
    let changes: Vec<f64> = uniform(6, N * N).iter().map(|u| 10f64.powf(-8.0 * u)).collect();
    let attacked = Attacked { by_atom_and_mode: &changes, by_mode: &changes[..N], delta: &seed[..N], w_avg: 0.145 };
    let run = Run { name: "a", validation_accuracy: &[0.8, f64::NAN, 0.9], cost: &[0.3, 0.2, 0.1] };
    vec![
        ("1", lattice(structure)),
        ("training", training(&[run, run], &[])),
        ("2b-e", prediction(sample, sample)),
        ("2fg", d2l_localisation(&w, &w, N)),
        ("3cde", l2d_localisation(&w, &w, &w, N)),
        ("4a-f", self::design(pair, pair)),
        ("4g", self::displacement(&seed, &design, &fit).unwrap()),
        ("5b", tails(&[tail, tail]).unwrap()),
        ("6abcd", attack(attacked, attacked)),
    ]
}

#[test]
fn every_figure_is_listed_and_drawn() {
    let drawn: Vec<_> = all(3).into_iter().map(|(id, _)| id).collect();
    let listed: Vec<_> = FIGURES.iter().map(|(id, _)| *id).collect();
    assert_eq!(drawn, listed);
}

#[test]
fn figures_of_the_papers_size_are_small_and_well_formed() {
    for (id, svg) in all(10_000) {
        assert!(svg.len() > 5_000 && svg.len() < 2_000_000, "{id}: {} bytes", svg.len());
        well_formed(id, &svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{id} draws what is not finite");
        assert!(!svg.contains(" id="), "{id}: ids would clash in one page");
    }
}

#[test]
fn the_same_data_give_the_same_bytes() {
    assert!(all(50) == all(50));
}

/// One sample, and nothing at all, still give a picture.
#[test]
fn tiny_sets() {
    for (id, svg) in all(1) {
        well_formed(id, &svg);
    }
    let run = Run { name: "", validation_accuracy: &[], cost: &[] };
    for svg in [d2l_localisation(&[], &[], N), l2d_localisation(&[], &[], &[], N), training(&[run], &[run])] {
        well_formed("empty", &svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

/// Every tag closes in order, every quote is paired, no stray ampersand.
fn well_formed(id: &str, svg: &str) {
    let mut open = vec![];
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or_else(|| panic!("{id}: a tag does not end: {tag:.60}"));
        assert_eq!(tag.matches('"').count() % 2, 0, "{id}: {tag:.90}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "{id}"),
            (false, false) => open.push(name),
            (false, true) => {}
        }
        for entity in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|e| entity.starts_with(e)), "{id}: {entity:.20}");
        }
    }
    assert!(open.is_empty(), "{id}: {open:?}");
}
