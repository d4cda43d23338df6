//! Every figure from made-up data at the paper's size: well-formed, small enough, the same each time, nothing outside its canvas.
#![cfg(feature = "cli")]

use scalefree::analysis::powerlaw::{self, Candidate, Growth};
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
    // The sites of the designs in Fig. 4g's window: 3200 of the paper's 10 000.
    let sites = N * n.min(3200);
    let seed = uniform(4, sites);
    let design: Vec<f64> = uniform(5, sites).iter().map(|u| 0.432 * u.powf(-1.0 / 2.79)).collect();
    let fit = powerlaw::fit(&design).unwrap();
    let tail = |letter, label| Tail { letter, title: "A sample", label, values: &design, fit: &fit };
    let (dr, strength) = ("Displacement Δ*r* (period)", "*W*_{j}");
    let displaced = |letter| Displaced { letter, title: "A population", seed: &seed, design: &design, fit: &fit };
    let window = |letter| Window { letter, title: "0.20 ≤ *w*_{avg} ≤ 0.25", seed: &seed, design: &design };
    let bound = |i: usize| Candidate { xmin: 0.1 * 1.003f64.powi(i as i32), alpha: 2.0 + 0.001 * i as f64, ks: 0.1, n_tail: 2000 - i };
    let tried: Vec<Candidate> = (0..1990).map(bound).collect();
    let candidates = |letters| Scan { title: "Designs", letters, candidates: &tried, fit: &fit };
    let changes: Vec<f64> = uniform(6, N * N).iter().map(|u| 10f64.powf(-8.0 * u)).collect();
    let attacked = Attacked { by_atom_and_mode: &changes, by_mode: &changes[..N], delta: &seed[..N], w_avg: 0.145 };
    let run =
        Run { name: "a", validation_accuracy: &[0.8, f64::NAN, 0.9], validation_truth: &[0.7, f64::NAN, 0.6], cost: &[0.3, 0.2, 0.1] };
    let response =
        |i: i32| Response { rho_a: 10f64.powi(i), seed: [(0.4, 0.1); 3], design: [(0.9, 0.2); 3], fall: [(2.0, 0.3), (-1.0, f64::NAN)] };
    let responses: Vec<Response> = (-4..0).map(response).collect();
    let removals = [2, 4, 8].map(|atoms| Removal { atoms, random: (0.1, 0.01), targeted: (0.3, 0.02) });
    let harm = Harm { title: "atoms taken out", seed: &removals, design: &removals };
    let levels = Spectra {
        title: "Seeds",
        map: &seed[..N],
        density: &seed[..32],
        density_error: &seed[32..64],
        spacings: &seed[..40],
        spacings_error: &seed[40..80],
        discrete: (2.0, 0.1),
    };
    let subsamples =
        [1, 10, 100].map(|realisations| Growth { realisations, repeats: 20, alpha: 3.8, alpha_error: 0.2, xmin: 0.4, xmin_error: 0.05 });
    let layers: Vec<Layer> = ["conv1", "fc1"].map(|name| Layer { name: name.into(), d2l: (2.5, 0.1), l2d: (3.0, 0.2) }).into();
    let stages = [
        Stage { data: Data::Images { channels: 2, side: 16 }, made_by: "x and y image" },
        Stage { data: Data::Vector(256), made_by: "FC" },
    ];
    let network = Network { letter: "a", title: "D2L", stages: &stages, parameters: 14_819_840, learns: true };
    let intensity = vec![1.0 / N as f64; N];
    let mode = Mode { title: "Seed, *m* = 12", structure, intensity: &intensity };
    let heights: Vec<f64> = w.chunks(N).map(|w| w.iter().sum::<f64>() / N as f64).collect();
    let weights = Weights { before: &seed[..N], after: &design[..N], fit: &fit, displacement: &seed[..N], correlation: "Pearson 0.5" };
    let people = Structures { title: "Literal", seed: &heights, design: &heights };
    vec![
        ("1", lattice(structure)),
        ("training", training(&[run, run], &[])),
        ("2a", networks(&[network], "Fig. 2a")),
        ("2b-e", prediction(sample, sample)),
        ("2fg", d2l_localisation(&w, &w, N)),
        ("3a", networks(&[network], "Fig. 3a")),
        ("3b", networks(&[network, Network { learns: false, ..network }], "Fig. 3b")),
        ("3cde", l2d_localisation(&w, &w, &w, N)),
        ("4a-f", self::design(pair, pair)),
        ("4g", self::displacement(&[displaced("g"), displaced("h")], "Fig. 4g").unwrap()),
        ("4g-fit", scan(&[candidates(["a", "b"]), candidates(["c", "d"])])),
        ("5b", tails(&[tail("a", dr), tail("b", strength)], "Fig. 5b").unwrap()),
        ("5cd", tails(&[tail("c", dr), tail("d", dr)], "Fig. 5c, d").unwrap()),
        ("5w", self::weights(weights).unwrap()),
        ("6abcd", attack(attacked, attacked)),
        ("6sweep", sweep(&responses, &responses)),
        ("6removal", removal(&[harm, harm])),
        ("S1", sets([&w, &w, &w], N)),
        ("S2", training(&[run, run, run], &[run, run])),
        ("S3", realisations(&[("literal", &subsamples)])),
        ("S4", windows(&[window("a"), window("b"), window("c"), window("d")])),
        ("S5", tails(&["a", "b", "c", "d"].map(|letter| tail(letter, dr)), "Fig. S5").unwrap()),
        ("S6", spectra(levels, levels, (0.9, 1.1), 4.0)),
        ("S7", networks(&[network, network], "Fig. S7")),
        ("S8", self::displacement(&[displaced("a"), displaced("b")], "Fig. S8").unwrap()),
        ("S9", variants(&[tail("a", dr), tail("b", strength), tail("c", dr), tail("d", strength)], [&layers, &layers]).unwrap()),
        ("population", population(&[people, people])),
        ("mode", modes(&[mode; 4])),
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
        assert!(svg.len() > 1_000 && svg.len() < 2_000_000, "{id}: {} bytes", svg.len());
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
    let run = Run { name: "", validation_accuracy: &[], validation_truth: &[], cost: &[] };
    for svg in [d2l_localisation(&[], &[], N), l2d_localisation(&[], &[], &[], N), training(&[run], &[run])] {
        well_formed("empty", &svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

/// Settings with odd names, and numbers that could not be had.
#[test]
fn a_sweep_is_drawn() {
    let settings = ["as configured", "d2l.pool = \"last\"", &"l2d.filters = [32, 64], ".repeat(9)].map(String::from);
    let values = vec![vec![94.0, 95.0, f64::NAN], vec![], vec![f64::NAN, 1e9]];
    let quantity = |paper, values: &[Vec<f64>]| Quantity { label: "Exponent *α*", paper, values: values.to_vec() };
    for (settings, quantities) in [
        (&settings[..], vec![quantity(Some(94.8), &values), quantity(None, &values), quantity(None, &vec![vec![]; 3])]),
        (&settings[..1], vec![quantity(None, &[vec![3.79]])]),
        (&[], vec![]),
    ] {
        let svg = grid(settings, &quantities);
        well_formed("sweep", &svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg, grid(settings, &quantities));
        assert!(png(&svg, 1.0).is_ok());
    }
    // A dot a number, of both quantities.
    let svg = grid(&settings, &[quantity(None, &values)]);
    assert!(svg.contains("as configured") && svg.contains("\u{2026}"));
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
