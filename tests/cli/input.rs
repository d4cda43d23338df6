//! Structures, numbers and options that are read rightly, or refused by name.

use super::{Bench, le, npy, refuses, succeeds};
use scalefree::dataset::npz::write_npz;
use std::path::Path;

#[test]
fn structures_that_cannot_be_read_are_named_and_the_output_stays() {
    let bench = Bench::new();
    let data = vec![0_u8; 1024];
    let with = |place: usize, value: f64| {
        let mut values = vec![0.0_f64; 128];
        values[place] = value;
        le(values.iter().map(|v| v.to_le_bytes()))
    };
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("empty.npy", Vec::new(), &["empty"]),
        ("foreign.npz", b"GIF89a and so on".to_vec(), &["not a sound NPZ"]),
        ("truncated.npy", npy("<f8", false, "(1, 2, 8, 8)", &data[..1000]), &["truncated", "1000 bytes"]),
        ("lying.npy", npy("<f8", false, "(9999999999, 2, 999999, 999999)", &data), &["truncated"]),
        ("cut_header.npy", npy("<f8", false, "(1, 2, 8, 8)", &data)[..40].to_vec(), &["not a sound NPY"]),
        ("pickled.npy", npy("|O", false, "(1, 2, 8, 8)", &data), &["pickled"]),
        ("complex.npy", npy("<c16", false, "(1, 2, 4, 8)", &data), &["complex"]),
        ("text.npy", npy("<U4", false, "(64,)", &data), &["floats or integers"]),
        ("rank.npy", npy("<f8", false, "(2, 8, 8)", &data), &["[2, 8, 8]", "(n, 2, L, L)"]),
        ("channels.npy", npy("<f8", false, "(2, 1, 8, 8)", &data), &["1 channels"]),
        ("oblong.npy", npy("<f8", false, "(1, 2, 4, 16)", &data), &["4 x 16", "square"]),
        ("none.npy", npy("<f8", false, "(0, 2, 8, 8)", &[]), &["empty"]),
        ("nan.npy", npy("<f8", false, "(1, 2, 8, 8)", &with(70, f64::NAN)), &["y of sample 0, site (0, 6) is NaN"]),
        ("infinite.npy", npy("<f8", false, "(1, 2, 8, 8)", &with(0, f64::INFINITY)), &["x of sample 0, site (0, 0) is inf"]),
    ];
    let kept = bench.put("out.npz", b"as it was");
    for (name, bytes, words) in cases {
        bench.put(name, bytes);
        for command in [&["solve", name][..], &["predict", "d2l.safetensors", name], &["attack", name]] {
            let arguments = [command, &["--out", "out.npz"]].concat();
            refuses(&arguments, bench.path(), &[&[*name][..], words].concat());
        }
    }
    refuses(&["solve", "missing.npz", "--out", "out.npz"], bench.path(), &["missing.npz", "No such file"]);
    write_npz(&bench.path().join("keyless.npz"), |npz| npz.array("positions", &[1], &[1.0])).unwrap();
    refuses(&["solve", "keyless.npz", "--out", "out.npz"], bench.path(), &["no array displacement", "positions"]);
    refuses(
        &["predict", "d2l.safetensors", "small.npy", "--out", "out.npz"],
        {
            bench.put("small.npy", &npy("<f8", false, "(1, 2, 4, 4)", &data[..256]));
            bench.path()
        },
        &["8 x 8", "4 x 4"],
    );
    assert_eq!(std::fs::read(kept).unwrap(), b"as it was");
}

#[test]
fn every_number_type_byte_order_and_memory_order_is_read_rightly() {
    let bench = Bench::new();
    let integers: Vec<i16> = (0..128).map(|i| (i * 7 % 5) as i16).collect();
    let halves: Vec<half::f16> = integers.iter().map(|v| half::f16::from_f32(f32::from(*v))).collect();
    // Fortran order: the first index runs fastest.
    let fortran: Vec<f64> = (0..128).map(|at| (at % 2 * 64 + at / 2 % 8 * 8 + at / 16) as usize).map(|c| f64::from(integers[c])).collect();
    for (name, bytes) in [
        ("f8.npy", npy("<f8", false, "(1, 2, 8, 8)", &le(integers.iter().map(|v| f64::from(*v).to_le_bytes())))),
        ("f8_big.npy", npy(">f8", false, "(1, 2, 8, 8)", &le(integers.iter().map(|v| f64::from(*v).to_be_bytes())))),
        ("f4.npy", npy("<f4", false, "(1, 2, 8, 8)", &le(integers.iter().map(|v| f32::from(*v).to_le_bytes())))),
        ("f2.npy", npy("<f2", false, "(1, 2, 8, 8)", &le(halves.iter().map(|v| v.to_le_bytes())))),
        ("i2_big.npy", npy(">i2", false, "(1, 2, 8, 8)", &le(integers.iter().map(|v| v.to_be_bytes())))),
        ("u1.npy", npy("|u1", false, "(1, 2, 8, 8)", &le(integers.iter().map(|v| [*v as u8])))),
        ("fortran.npy", npy("<f8", true, "(1, 2, 8, 8)", &le(fortran.iter().map(|v| v.to_le_bytes())))),
    ] {
        bench.put(name, &bytes);
        succeeds(&["solve", name, "--out", "solved.npz"], bench.path());
        let first = bench.mode_area("solved.npz");
        succeeds(&["solve", "f8.npy", "--out", "expected.npz"], bench.path());
        assert_eq!(first, bench.mode_area("expected.npz"), "{name}");
    }
}

#[test]
fn numbers_that_a_network_cannot_take_are_named() {
    let bench = Bench::new();
    let displacement = (0..128).map(|i| if i == 5 { 1e300f64 } else { 0.1 });
    bench.put("huge.npy", &npy("<f8", false, "(1, 2, 8, 8)", &le(displacement.map(f64::to_le_bytes))));
    refuses(&["predict", "d2l.safetensors", "huge.npy", "--out", "w.npz"], bench.path(), &["the D2L gives", "for sample 0"]);
    assert!(!bench.path().join("w.npz").exists());
}

#[test]
fn impossible_options_are_refused() {
    let bench = Bench::new();
    for (arguments, words) in [
        (&["generate", "--count", "0"][..], "--count"),
        (&["generate", "--count", "-3"], "--count"),
        (&["generate", "--count", "2", "--lattice", "0"], "lattice"),
        (&["generate", "--count", "2", "--rho-max", "-1"], "rho_max"),
        (&["generate", "--count", "2", "--sigma-max", "nan"], "sigma_max"),
        (&["generate", "--count", "2", "--set", "data.rho=1"], "unknown key"),
        (&["generate", "--count", "2", "--device", "tpu"], "tpu"),
        (&["generate", "--count", "2", "--device", "cuda:-1"], "cuda:-1"),
        (&["predict", "d2l.safetensors", "good.npy", "--device", "cpu", "--set", "precision=tf32"], "precision"),
        (&["predict", "d2l.safetensors", "good.npy", "--device", "cuda", "--set", "precision=f64"], "precision"),
        (&["predict", "d2l.safetensors", "good.npy", "--device", "cuda:99"], "device"),
        (&["solve", "good.npy", "--boundary", "round"], "round"),
    ] {
        refuses(&[arguments, &["--out", "out.npz"]].concat(), bench.path(), &[words]);
        assert!(!bench.path().join("out.npz").exists());
    }
    for (setting, words) in [
        ("attack.angles=0", "attack.angles: 0"),
        ("powerlaw.bootstrap=1", "powerlaw.bootstrap: 1 synthetic samples"),
        ("sweep.epochs=0", "sweep.epochs"),
        ("d2l.batch=7001", "d2l.batch: 7001 is more than the 7000 samples of data.train"),
        ("l2d.batch=601", "sweep.train: 600 samples are fewer than the 601 of l2d.batch"),
        ("attack.angles=65536", "attack.angles: 65536 directions of 256 atoms"),
        ("rounds.count=9223372036854775807", "rounds.count"),
    ] {
        refuses(&["reproduce", "--preset", "quick", "--device", "cpu", "--out", "run", "--set", setting], bench.path(), &[words]);
        assert!(!bench.path().join("run").exists());
    }
    refuses(&["solve", "good.npy", "--out", "no/such/folder/out.npz"], bench.path(), &["no/such/folder"]);
    refuses(&["solve", "good.npy", "--out", "/dev/full/out.npz"], bench.path(), &["/dev/full"]);
    refuses(&["plot", "99", ".", "--out", "out.svg"], bench.path(), &["99", "4g"]);
}

#[test]
fn power_law_input_is_checked_and_the_reference_tails_are_met() {
    let bench = Bench::new();
    for (text, words) in [("", "no number"), ("1.0", "distinct"), ("1\n-2\n3", "-2"), ("1\nNaN\n2", "NaN"), ("1\ntwo\n3", "two")] {
        bench.put("bad.txt", text.as_bytes());
        refuses(&["powerlaw", "bad.txt"], bench.path(), &["bad.txt", words]);
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("tail.json")).unwrap()).unwrap();
    for tail in ["tail_0", "tail_1", "tail_2"] {
        let file = data.join(format!("{tail}.txt"));
        let fit: serde_json::Value =
            serde_json::from_str(&succeeds(&["powerlaw", file.to_str().unwrap(), "--bootstrap", "0", "--json"], bench.path())).unwrap();
        assert_eq!((&fit["xmin"], fit["n_tail"].as_f64()), (&told[tail]["xmin"], told[tail]["n_tail"].as_f64()));
        for key in ["alpha", "ks"] {
            let difference = fit[key].as_f64().unwrap() - told[tail][key].as_f64().unwrap();
            assert!(difference.abs() < 1e-10, "{tail} {key}: {difference:e}");
        }
    }
}
