//! Model files: what is refused, listed, and claimed.

use super::{Bench, refuses, succeeds};
use scalefree::analysis::population::accuracy;
use scalefree::nn::{DType, Model};
use std::path::Path;

#[test]
fn models_that_do_not_fit_are_refused() {
    let bench = Bench::new();
    let sound = std::fs::read(bench.path().join("d2l.safetensors")).unwrap();
    let mut lying = sound.clone();
    lying[..8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    bench.put("lying.safetensors", &lying);
    bench.put("cut.safetensors", &sound[..sound.len() - 5]);
    bench.put("empty.safetensors", b"");
    let mut foreign = sound.clone();
    let at = foreign.windows(10).position(|w| w == b"fc1.weight").unwrap();
    foreign[at..at + 10].copy_from_slice(b"fc9.weight");
    bench.put("foreign.safetensors", &foreign);
    for (model, words) in [
        ("lying.safetensors", "not a sound safetensors"),
        ("cut.safetensors", "not a sound safetensors"),
        ("empty.safetensors", "not a sound safetensors"),
        ("foreign.safetensors", "fc1.weight"),
        ("l2d.safetensors", "D2L is needed"),
        ("missing.safetensors", "No such file"),
    ] {
        refuses(&["predict", model, "good.npy", "--out", "out.npz"], bench.path(), &[words]);
    }
    bench.put("curve.csv", (0..64).map(|m| format!("{}\n", 0.1 + 0.005 * f64::from(m))).collect::<String>().as_bytes());
    refuses(&["design", "d2l.safetensors", "curve.csv", "--out", "out.npz"], bench.path(), &["L2D is needed"]);
    succeeds(&["design", "l2d.safetensors", "curve.csv", "--out", "designed.npz"], bench.path());
    // As spreadsheets write it: a mark of the byte order, a header, two curves.
    let row = (0..64).map(|m| format!("{}", 0.1 + 0.005 * f64::from(m))).collect::<Vec<_>>().join(",");
    for header in ["", "w1,w2\n", "\"w 0\",\"w 1\"\n"] {
        bench.put("sheet.csv", format!("\u{feff}{header}{row}\n{row}\n").as_bytes());
        let told = succeeds(&["design", "l2d.safetensors", "sheet.csv", "--out", "designed.npz", "--json"], bench.path());
        assert!(told.starts_with("{\"count\":2,"), "{told}");
    }
    for (text, words) in [
        ("0.1\nx\n", "line 2"),
        ("0.1\n0.2\n0.3\n", "3 modes"),
        ("0.4\n0.3\n0.5\n0.6\n", "behind mode 0"),
        ("-0.4\n0.3\n0.5\n0.6\n", "mode 0 is -0.4"),
        ("nan\n0.3\n0.5\n0.6\n", "mode 0 is NaN"),
        ("O.1,0.3,0.5,0.6\n0.1,0.3,0.5,0.6\n", "line 1"),
    ] {
        bench.put("bad.csv", text.as_bytes());
        refuses(&["design", "l2d.safetensors", "bad.csv", "--out", "out.npz"], bench.path(), &["bad.csv", words]);
    }
}

#[test]
fn models_lists_what_is_sound_and_names_what_is_not() {
    let bench = Bench::new();
    let folder = bench.path();
    refuses(&["models"], folder, &["models", "No such file"]);
    std::fs::create_dir(folder.join("models")).unwrap();
    assert_eq!(succeeds(&["models"], folder), "");
    let sound = std::fs::read(folder.join("d2l.safetensors")).unwrap();
    bench.put("cut.safetensors", &sound[..sound.len() - 5]);
    bench.put("foreign.safetensors", b"GIF89a and so on");
    let mut model = Model::read(&folder.join("l2d.safetensors")).unwrap();
    model.notes.insert("record".into(), serde_json::json!({ "population": "matched" }));
    model.write(&folder.join("vague.safetensors"), DType::F32).unwrap();
    let said = succeeds(&["models", "."], folder);
    let wanted = [
        ("./cut.safetensors", "not a sound safetensors"),
        ("./d2l.safetensors", "D2L  8 x 8"),
        ("./foreign.safetensors", "not a sound safetensors"),
        ("./l2d.safetensors", "L2D  8 x 8"),
        ("./vague.safetensors", "metadata record: missing field"),
    ];
    assert_eq!(said.lines().count(), wanted.len(), "{said}");
    for (line, (file, words)) in said.lines().zip(wanted) {
        assert!(line.starts_with(file) && line.contains(words), "{line}");
    }
    let told: Vec<serde_json::Value> = serde_json::from_str(&succeeds(&["models", ".", "--json"], folder)).unwrap();
    assert!(told[0]["fault"].as_str().is_some_and(|fault| fault.contains("cut.safetensors")), "{}", told[0]);
    assert_eq!((&told[1]["kind"], &told[1]["record"]), (&"d2l".into(), &serde_json::Value::Null));
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        std::fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff.safetensors")), b"").unwrap();
        let told: Vec<serde_json::Value> = serde_json::from_str(&succeeds(&["models", ".", "--json"], folder)).unwrap();
        assert_eq!(told.len(), wanted.len() + 1);
    }
}

/// The models that come with the program, on lattices that they have never seen, beside the accuracy that they claim.
#[test]
fn the_shipped_models_do_what_they_claim() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let bench = Bench::new();
    let folder = bench.path();
    let told = succeeds(&["models", models.to_str().unwrap(), "--json"], folder);
    let told: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap();
    assert_eq!(told.iter().map(|model| &model["kind"]).collect::<Vec<_>>(), ["d2l", "l2d"]);
    for model in told {
        let (file, record) = (model["file"].as_str().unwrap(), &model["record"]);
        assert!(model["bytes"].as_u64().unwrap() < 2_000_000, "{file}");
        let population = format!("data.population={}", record["population"].as_str().unwrap());
        succeeds(&["generate", "--count", "200", "--seed", "987", "--device", "cpu", "--set", &population, "--out", "unseen.npz"], folder);
        let (command, claim) = match model["kind"].as_str() {
            Some("d2l") => ("predict", "test"),
            _ => ("design", "truth"),
        };
        succeeds(&[command, file, "unseen.npz", "--device", "cpu", "--out", "out.npz"], folder);
        let each = accuracy(&bench.mode_area("out.npz"), &bench.mode_area("unseen.npz"), 256);
        let (found, claimed) = (each.iter().sum::<f64>() / 200.0, record["accuracy"][claim].as_f64().unwrap());
        assert!((found - claimed).abs() < 0.015, "{file}: {found} of 200, where {claimed} is claimed");
    }
    let told = succeeds(&["generate", "--count", "2", "--lattice", "8", "--out", "small.npz", "--json"], folder);
    assert_eq!(told.trim(), r#"{"count":2,"out":"small.npz"}"#);
    let d2l = models.join("d2l-matched.safetensors");
    let evaluate = ["evaluate", d2l.to_str().unwrap(), "--device", "cpu", "--data", "unseen.npz"];
    refuses(&[&evaluate[..], &["--training", "small.npz"]].concat(), folder, &["--training: has lattices of 8 sites a side, --data 16"]);
    refuses(&[&evaluate[..], &["--d2l", evaluate[1]]].concat(), folder, &["--d2l: goes with an L2D"]);
    let told = succeeds(&["predict", evaluate[1], "unseen.npz", "--device", "cpu", "--out", "out.npz", "--json"], folder);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let predicted = bench.mode_area("out.npz");
    let mean = predicted.iter().sum::<f64>() / predicted.len() as f64;
    assert!(told["count"] == 200 && (told["w_avg"].as_f64().unwrap() - mean).abs() < 1e-6, "{told}");
}
