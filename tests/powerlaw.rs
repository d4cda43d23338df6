//! The power-law fit against published-convention references, and the fast scan against the definition read literally.

use scalefree::analysis::{numbers, powerlaw};
use scalefree::progress::Silent;

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
    let counts: Vec<f64> = values.iter().take(2000).map(|x| x.ceil()).collect();
    let groups: Vec<Vec<f64>> = values.chunks(500).map(<[f64]>::to_vec).collect();
    let all = || {
        let fit = powerlaw::fit(&values).unwrap();
        let counted = powerlaw::discrete::fit(&counts).unwrap();
        (
            fit,
            powerlaw::bootstrap(&values, &fit, 8, 3, &Silent).unwrap(),
            powerlaw::compare(&values, &fit).unwrap(),
            powerlaw::scan(&values).unwrap(),
            powerlaw::subsample(&groups, &[3, 30], 4, 3, &Silent).unwrap(),
            powerlaw::discrete::bootstrap(&counts, &counted, 8, 3, &Silent).unwrap(),
        )
    };
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
    let one = with(1);
    assert!((2..6).all(|threads| with(threads) == one));
}

#[test]
fn another_seed_gives_other_draws() {
    let values: Vec<f64> = uniform(4).take(300).map(|u| u.powf(-0.6)).collect();
    let fit = powerlaw::fit(&values).unwrap();
    let of = |seed| powerlaw::bootstrap(&values, &fit, 10, seed, &Silent).unwrap();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1).alpha_error, of(2).alpha_error);
}

/// Nothing but xmin knows the unit of the data: over random shapes, sizes and units.
#[test]
fn another_unit_changes_xmin_alone() {
    for seed in 0..60 {
        let mut random = uniform(1000 + seed);
        let mut next = || random.next().unwrap();
        let (n, alpha, share, unit) = ((10.0 + 600.0 * next()) as usize, 1.3 + 3.0 * next(), next(), 10f64.powf(16.0 * next() - 8.0));
        let values: Vec<f64> = (0..n).map(|_| if next() < share { next().powf(-1.0 / (alpha - 1.0)) } else { next() }).collect();
        let scaled: Vec<f64> = values.iter().map(|x| unit * x).collect();
        let (here, there) = (powerlaw::fit(&values).unwrap(), powerlaw::fit(&scaled).unwrap());
        let case = format!("seed {seed}: {here:?}, times {unit}: {there:?}");
        assert_eq!((there.xmin, there.n_tail), (unit * here.xmin, here.n_tail), "{case}");
        assert!((there.alpha / here.alpha - 1.0).abs() < 1e-10 && (there.ks - here.ks).abs() < 1e-10, "{case}");
        if here.n_tail > 2 {
            let ratios = [(&values, &here), (&scaled, &there)].map(|(values, fit)| powerlaw::compare(values, fit).unwrap());
            for ((name, a), (_, b)) in ratios[0].named().into_iter().zip(ratios[1].named()) {
                assert!((a.difference - b.difference).abs() < 1e-6 * n as f64, "{name}, {case}: {a:?} {b:?}");
            }
        }
    }
}

#[test]
fn the_scan_holds_the_fit_and_is_thin() {
    for n in [50, 30_000] {
        let values: Vec<f64> = uniform(6).take(n).map(|u| if u < 0.5 { u + 0.5 } else { (2.0 - 2.0 * u).powf(-0.5) }).collect();
        let (fit, scan) = (powerlaw::fit(&values).unwrap(), powerlaw::scan(&values).unwrap());
        assert!(scan.len() == n - 1 || (1000..=2001).contains(&scan.len()), "{}", scan.len());
        assert!(scan.windows(2).all(|pair| pair[0].xmin < pair[1].xmin && pair[0].n_tail > pair[1].n_tail));
        let best = scan.iter().min_by(|a, b| a.ks.total_cmp(&b.ks)).unwrap();
        assert_eq!((best.xmin, best.alpha, best.ks, best.n_tail), (fit.xmin, fit.alpha, fit.ks, fit.n_tail));
    }
}

#[cfg(feature = "cli")]
mod program {
    use std::process::{Command, Output};

    fn run(folder: &std::path::Path, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_scalefree")).arg("powerlaw").args(arguments).current_dir(folder).output().unwrap()
    }

    #[test]
    fn tells_people_and_programs_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sizes.txt"), include_str!("data/tail_1.txt")).unwrap();
        let arguments = ["sizes.txt", "--bootstrap", "10", "--seed", "7", "--scan", "scan.csv"];
        let told = String::from_utf8(run(folder.path(), &arguments).stdout).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&run(folder.path(), &[&arguments[..], &["--json"]].concat()).stdout).unwrap();
        for (key, digits) in [("alpha", 5), ("xmin", 6), ("ks", 6), ("p", 3)] {
            assert!(told.contains(&format!("{:.digits$}", json[key].as_f64().unwrap())), "{key} of {json} in\n{told}");
        }
        assert!(told.contains(json["bootstrap"]["meaning"].as_str().unwrap()), "{told}");
        for rival in ["lognormal", "exponential", "stretched_exponential", "truncated_power_law"] {
            assert!(told.contains(json["rivals"][rival]["meaning"].as_str().unwrap()), "{rival} in\n{told}");
        }
        let scan = std::fs::read_to_string(folder.path().join("scan.csv")).unwrap();
        assert!(scan.starts_with("xmin,alpha,ks,n_tail\n") && scan.lines().any(|line| line.starts_with(&format!("{},", json["xmin"]))));
    }

    #[test]
    fn counts_are_an_option_and_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("counts.txt"), "1 1 1 1 1 2 1 3 1 2 5 1 1 2 17 1 4 1").unwrap();
        std::fs::write(folder.path().join("mixed.txt"), "1 2.5 3").unwrap();
        std::fs::write(folder.path().join("close.txt"), "1000000000 1000000001 1000000002 1000000002").unwrap();
        let counted = run(folder.path(), &["counts.txt", "--discrete", "--bootstrap", "10", "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&counted.stdout).unwrap();
        assert!(json["discrete"] == true && json["rivals"].is_null() && json["p"].as_f64().unwrap() > 0.0, "{json}");
        for (arguments, says) in [
            (&["mixed.txt", "--discrete"][..], "mixed.txt: values: number 2 of 3 is 2.5"),
            (&["close.txt"], "close.txt: values: are all but equal"),
            (&["close.txt", "--discrete"], "close.txt: values: are all but equal"),
            (&["counts.txt", "--bootstrap", "1"], "--bootstrap: 1 synthetic samples tell nothing; two are the least"),
            (&["counts.txt", "--bootstrap", "10000000"], "1000000 are the most"),
            (&["counts.txt", "--bootstrap", "many"], "many"),
        ] {
            let refused = run(folder.path(), arguments);
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(refused.status.code() == Some(2) && said.contains(says), "{arguments:?}: {said}");
        }
    }
}
