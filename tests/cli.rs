//! The program as a user runs it: what comes out, and what is said of bad input (exit code 2, a message that names the fault, an
//! existing output untouched).

use scalefree::analysis::population::accuracy;
use scalefree::dataset::npz::{Npz, write_npz};
use scalefree::nn::{Architecture, DType, Init, Kind, Model, Pool, initialise};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn scalefree(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scalefree")).args(arguments).current_dir(folder).output().unwrap()
}

fn succeeds(arguments: &[&str], folder: &Path) -> String {
    let output = scalefree(arguments, folder);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Fails with code 2, and says each of the words.
fn refuses(arguments: &[&str], folder: &Path, words: &[&str]) {
    let output = scalefree(arguments, folder);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} should say {word:?}, but says: {said}");
    }
}

/// A header of NPY version 1, then the data.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn le<const W: usize>(values: impl IntoIterator<Item = [u8; W]>) -> Vec<u8> {
    values.into_iter().flatten().collect()
}

/// A folder with models for 8 x 8 lattices and a displacement to try them on.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for kind in [Kind::D2l, Kind::L2d] {
            let architecture = Architecture { kind, size: 8, filters: vec![3, 4], pool: Pool::Each, hidden: 6 };
            let values = initialise(&architecture, Init::Glorot, 1.0, 1);
            let model = Model { architecture, values, scaling: None, notes: serde_json::Map::new() };
            model.write(&folder.path().join(format!("{}.safetensors", kind.to_string().to_lowercase())), DType::F32).unwrap();
        }
        let bench = Bench { folder };
        let displacement: Vec<f64> = (0..128).map(|i| 0.2 * f64::from(i).sin()).collect();
        bench.put("good.npy", &npy("<f8", false, "(1, 2, 8, 8)", &le(displacement.iter().map(|v| v.to_le_bytes()))));
        bench
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn mode_area(&self, name: &str) -> Vec<f64> {
        Npz::open(&self.path().join(name)).unwrap().array("mode_area").unwrap().values
    }
}

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

/// A reader who leaves early is no fault; a result that cannot be printed is one.
#[cfg(target_os = "linux")]
#[test]
fn output_that_nobody_takes_is_no_panic() {
    use std::process::Stdio;
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let run = |stdout: Stdio| Command::new(env!("CARGO_BIN_EXE_scalefree")).arg("models").arg(&models).stdout(stdout).output().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run(writer.into());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let output = run(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("cannot write standard output"), "{said}");
    // Progress and notes are lost, the work is not.
    let bench = Bench::new();
    bench.put("numbers.txt", (1..60).map(|n| format!("{n}\n")).collect::<String>().as_bytes());
    let arguments = ["powerlaw", "numbers.txt", "--bootstrap", "0", "--device", "cuda", "--scan", "scan.csv"];
    let told = scalefree(&arguments, bench.path()).stderr;
    assert_eq!(String::from_utf8_lossy(&told), "powerlaw computes on the processor\n");
    std::fs::remove_file(bench.path().join("scan.csv")).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_scalefree"));
    let status = command.args(arguments).current_dir(bench.path()).stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert!(status.success() && bench.path().join("scan.csv").exists());
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
            serde_json::from_str(&succeeds(&["powerlaw", file.to_str().unwrap(), "--json"], bench.path())).unwrap();
        assert_eq!((&fit["xmin"], fit["n_tail"].as_f64()), (&told[tail]["xmin"], told[tail]["n_tail"].as_f64()));
        for key in ["alpha", "ks"] {
            let difference = fit[key].as_f64().unwrap() - told[tail][key].as_f64().unwrap();
            assert!(difference.abs() < 1e-10, "{tail} {key}: {difference:e}");
        }
    }
}

const SMALL: &[&str] = &["--set", "d2l.filters=[4,6]", "--set", "d2l.hidden=16", "--set", "d2l.batch=10", "--set", "d2l.epochs=3"];

fn file(path: &Path, name: &str) -> Vec<u8> {
    std::fs::read(path.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn training_twice_gives_the_same_files_and_a_run_is_not_overwritten() {
    let bench = Bench::new();
    succeeds(&["generate", "--count", "60", "--lattice", "8", "--out", "set.npz"], bench.path());
    let train = |out: &'static str| [&["train", "d2l", "--data", "set.npz", "--validation", "set.npz", "--out", out][..], SMALL].concat();
    succeeds(&train("a"), bench.path());
    succeeds(&train("b"), bench.path());
    for name in ["metrics.jsonl", "checkpoints/best.safetensors", "checkpoints/last.safetensors", "checkpoints/state.safetensors"] {
        assert_eq!(file(&bench.path().join("a"), name), file(&bench.path().join("b"), name), "{name}");
    }
    succeeds(&[&train("q")[..], &["--preset", "quick"]].concat(), bench.path());
    for (out, best) in [("a", "truth"), ("q", "accuracy")] {
        let config = String::from_utf8(file(&bench.path().join(out), "config.toml")).unwrap();
        assert!(config.contains(&format!("best = \"{best}\"")), "{out}: {config}");
    }
    refuses(&train("a"), bench.path(), &["--resume"]);
    succeeds(&[&train("a")[..], &["--resume"]].concat(), bench.path());
    refuses(&[&train("c")[..], &["--set", "d2l.filters=[4,6,8,9]"]].concat(), bench.path(), &["lattice.size", "halved 4 times"]);
    refuses(&[&train("c")[..], &["--set", "d2l.batch=61"]].concat(), bench.path(), &["d2l.batch: 61 is more than the 60 training samples"]);
    assert!(!bench.path().join("c").exists());
    refuses(&[&train("c")[..], &["--set", "d2l.filters=[9999999999,9,9]"]].concat(), bench.path(), &["d2l.filters", "65536"]);
    refuses(&["reproduce", "--out", "r", "--set", "l2d.hidden=999999999999"], bench.path(), &["l2d.hidden", "65536"]);
    assert!(!bench.path().join("r").exists());
    refuses(&["train", "l2d", "--data", "set.npz", "--out", "c"], bench.path(), &["--d2l"]);
    refuses(&["train", "l2d", "--data", "set.npz", "--d2l", "l2d.safetensors", "--out", "c"], bench.path(), &["D2L is needed"]);
    // One sample has no spread, and no run collapses by it.
    succeeds(&["generate", "--count", "1", "--lattice", "8", "--out", "one.npz"], bench.path());
    let one = [&["train", "d2l", "--data", "set.npz", "--validation", "one.npz", "--out", "one"][..], SMALL].concat();
    let said = scalefree(&one, bench.path());
    assert!(said.status.success() && !String::from_utf8_lossy(&said.stderr).contains("hardly depend"), "{said:?}");
}

/// Truth is the Hamiltonian's of the lattice that the set was made with.
#[test]
fn a_set_of_another_lattice_is_not_judged() {
    let bench = Bench::new();
    let folder = bench.path();
    succeeds(&["generate", "--count", "12", "--lattice", "8", "--boundary", "periodic", "--out", "ring.npz"], folder);
    let words = ["ring.npz: was made with lattice.boundary = \"periodic\", not \"open\"; add --set lattice.boundary=periodic"];
    let evaluate = ["evaluate", "l2d.safetensors", "--data", "ring.npz"];
    refuses(&evaluate, folder, &words);
    succeeds(&[&evaluate[..], &["--set", "lattice.boundary=periodic", "--set", "lattice.epsilon=2"]].concat(), folder);
    refuses(&["design", "l2d.safetensors", "ring.npz", "--out", "made.npz"], folder, &words);
    refuses(&["train", "l2d", "--data", "ring.npz", "--d2l", "d2l.safetensors", "--out", "c"], folder, &words);
}

/// New samples follow those of the set, so the set must tell where they come from, and the validation set must not be among them.
#[test]
fn fresh_training_needs_a_set_that_can_be_followed() {
    let bench = Bench::new();
    let folder = bench.path();
    for (out, start) in [("set.npz", "0"), ("set", "0"), ("near.npz", "100"), ("far.npz", "120")] {
        succeeds(&["generate", "--count", "40", "--lattice", "8", "--start", start, "--out", out], folder);
    }
    let set = scalefree::dataset::load_labelled(&folder.join("set.npz")).unwrap();
    write_npz(&folder.join("foreign.npz"), |npz| {
        npz.array("displacement", &[40, 2, 8, 8], &set.structures.displacement)?;
        npz.array("mode_area", &[40, 64], &set.mode_area)
    })
    .unwrap();
    let train = |data: &'static str, validation: &'static str, out: &'static str| {
        let arguments = ["train", "d2l", "--data", data, "--validation", validation, "--out", out, "--set", "d2l.fresh=true"];
        [&arguments[..], SMALL].concat()
    };
    refuses(&train("foreign.npz", "far.npz", "run"), folder, &["d2l.fresh", "foreign.npz", "no array meta"]);
    refuses(&train("set.npz", "near.npz", "run"), folder, &["--validation", "seed 1 from 100 on", "takes 0 to 120", "--start 120"]);
    refuses(&train("set.npz", "set.npz", "run"), folder, &["--validation"]);
    assert!(!folder.join("run").exists());
    // A folder of shards is followed as a file is, whatever the number of threads.
    for (data, out, threads) in [("set.npz", "one", "1"), ("set", "three", "3")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scalefree"));
        let output = command.args(train(data, "far.npz", out)).current_dir(folder).env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for name in ["metrics.jsonl", "checkpoints/best.safetensors", "checkpoints/state.safetensors"] {
        assert_eq!(file(&folder.join("one"), name), file(&folder.join("three"), name), "{name}");
    }
}

/// What a step depends on must stay; how long a run is may change, and is said.
#[test]
fn a_run_resumes_with_the_keys_that_it_was_begun_with() {
    let bench = Bench::new();
    let folder = bench.path();
    succeeds(&["generate", "--count", "40", "--lattice", "8", "--out", "set.npz"], folder);
    let train = |out: &'static str, more: &[&'static str]| {
        [&["train", "d2l", "--data", "set.npz", "--out", out, "--device", "cpu"][..], SMALL, more].concat()
    };
    succeeds(&train("run", &[]), folder);
    let kept = (file(&folder.join("run"), "config.toml"), file(&folder.join("run"), "checkpoints/state.safetensors"));
    // The same mode areas with other displacements.
    let set = scalefree::dataset::load_labelled(&folder.join("set.npz")).unwrap();
    write_npz(&folder.join("shifted.npz"), |npz| {
        npz.array("displacement", &[40, 2, 8, 8], &set.structures.displacement.iter().map(|d| d + 0.01).collect::<Vec<_>>())?;
        npz.array("mode_area", &[40, 64], &set.mode_area)
    })
    .unwrap();
    let resumed = ["train", "d2l", "--out", "run", "--resume", "--data"];
    refuses(&[&resumed[..], &["shifted.npz"], SMALL].concat(), folder, &["--data: is not the set"]);
    refuses(&[&resumed[..], &["set.npz", "--validation", "set.npz"], SMALL].concat(), folder, &["--validation: is not the set"]);
    // An older program's manifest has the fingerprint of the training set's mode areas.
    succeeds(&["generate", "--count", "40", "--lattice", "8", "--seed", "5", "--out", "other.npz"], folder);
    let manifest = String::from_utf8(file(&folder.join("run"), "manifest.json")).unwrap();
    let mut older: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    older.as_object_mut().unwrap().remove("sets");
    older["data"] = scalefree::dataset::fingerprint(bytemuck::cast_slice(&set.mode_area)).into();
    std::fs::write(folder.join("run/manifest.json"), older.to_string()).unwrap();
    refuses(&[&resumed[..], &["other.npz"], SMALL].concat(), folder, &["--data: is not the set"]);
    succeeds(&train("run", &["--resume"]), folder);
    std::fs::write(folder.join("run/manifest.json"), manifest).unwrap();
    for (more, words) in [
        (["--set", "d2l.lr=0.01"], ["d2l.lr: 0.01, but", "begun with 0.0"]),
        (["--set", "d2l.filters=[4,8]"], ["d2l.filters: [4,8], but", "begun with [4,6]"]),
        (["--seed", "7"], ["seed: 7, but", "begun with 1"]),
        (["--init", "run/checkpoints/best.safetensors"], ["--init", "resume with the same model"]),
    ] {
        refuses(&train("run", &[&more[..], &["--resume"]].concat()), folder, &words);
    }
    assert_eq!(kept, (file(&folder.join("run"), "config.toml"), file(&folder.join("run"), "checkpoints/state.safetensors")));
    let output = scalefree(&train("run", &["--set", "d2l.epochs=5", "--resume"]), folder);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("d2l.epochs: 5 from here on, 3 before"), "{said}");
    succeeds(&train("whole", &["--set", "d2l.epochs=5"]), folder);
    for name in ["config.toml", "metrics.jsonl", "checkpoints/state.safetensors"] {
        assert_eq!(file(&folder.join("run"), name), file(&folder.join("whole"), name), "{name}");
    }
    // Another precision of the same device is told.
    let output = scalefree(&train("run", &["--set", "d2l.epochs=6", "--set", "precision=f64", "--resume"]), folder);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("computed on cpu (f32) so far; it goes on on cpu (f64)"), "{said}");
}

/// What stands in a folder is never replaced by another kind of job.
#[test]
fn a_folder_of_something_else_is_left_alone() {
    let bench = Bench::new();
    let folder = bench.path();
    succeeds(&["generate", "--count", "40", "--lattice", "8", "--out", "shards"], folder);
    for (name, foreign) in [("notes", "config.toml"), ("pages", "report.html"), ("tables", "table.csv"), ("curves", "metrics.jsonl")] {
        std::fs::create_dir(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join(foreign), "mine").unwrap();
    }
    std::fs::write(folder.join("plan.toml"), "seeds = [1]").unwrap();
    let shards = file(&folder.join("shards"), "manifest.json");
    let train = |out: &'static str| [&["train", "d2l", "--data", "shards", "--out", out][..], SMALL].concat();
    refuses(&train("shards"), folder, &["shards/manifest.json", "belongs to another job"]);
    refuses(&["reproduce", "--out", "shards"], folder, &["shards/manifest.json", "belongs to another job"]);
    refuses(&train("notes"), folder, &["notes/config.toml", "another folder"]);
    refuses(&train("curves"), folder, &["curves/metrics.jsonl", "another folder"]);
    refuses(&["reproduce", "--out", "notes"], folder, &["notes/config.toml"]);
    refuses(&["reproduce", "--out", "pages"], folder, &["pages/report.html", "another folder"]);
    refuses(&["sweep", "plan.toml", "--out", "tables"], folder, &["tables/table.csv", "another folder"]);
    assert_eq!(file(&folder.join("shards"), "manifest.json"), shards);
    succeeds(&train("run"), folder);
    refuses(&["reproduce", "--out", "run"], folder, &["run/manifest.json", "belongs to another job"]);
    refuses(&["sweep", "plan.toml", "--out", "run"], folder, &["run/manifest.json", "another folder"]);
    std::fs::write(folder.join("notes/sweep.toml"), "seeds = [1]").unwrap();
    for job in [&train("notes")[..], &["reproduce", "--out", "notes"]] {
        refuses(job, folder, &["notes/sweep.toml", "is of a sweep"]);
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    let bench = Bench::new();
    let generate = |out: &'static str| ["generate", "--count", "3000", "--lattice", "8", "--out", out];
    succeeds(&generate("whole.npz"), bench.path());
    let train = |out: &'static str| {
        [&["train", "d2l", "--data", "whole.npz", "--out", out][..], SMALL, &["--set", "d2l.epochs=4", "--resume"]].concat()
    };
    succeeds(&train("whole"), bench.path());
    for moment in 0..10 {
        for arguments in [&generate("killed.npz")[..], &train("killed")] {
            let mut child = Command::new(env!("CARGO_BIN_EXE_scalefree")).args(arguments).current_dir(bench.path()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(10 + 60 * moment));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    succeeds(&generate("killed.npz"), bench.path());
    succeeds(&train("killed"), bench.path());
    assert_eq!(file(bench.path(), "killed.npz"), file(bench.path(), "whole.npz"));
    for name in ["metrics.jsonl", "checkpoints/best.safetensors", "checkpoints/last.safetensors", "checkpoints/state.safetensors"] {
        assert_eq!(file(&bench.path().join("killed"), name), file(&bench.path().join("whole"), name), "{name}");
    }
}

/// A shell that lets no file grow beyond 64 KiB stands for a disk that is full: the system refuses the write that passes it.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let bench = Bench::new();
    let kept = bench.put("out.npz", b"as it was");
    let program = env!("CARGO_BIN_EXE_scalefree");
    for arguments in ["generate --count 400 --lattice 8 --out out.npz", "generate --count 400 --lattice 8 --out folder"] {
        let script = format!("trap '' XFSZ; ulimit -f 64; exec {program} {arguments}");
        let output = Command::new("bash").args(["-c", &script]).current_dir(bench.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("cannot write") && said.contains("File too large"), "{said}");
    }
    assert_eq!(std::fs::read(&kept).unwrap(), b"as it was");
    let parts = std::fs::read_dir(bench.path().join("folder")).unwrap();
    assert!(parts.flatten().all(|entry| entry.file_name() == "manifest.json"), "no torn file is left");
    succeeds(&["generate", "--count", "400", "--lattice", "8", "--out", "out.npz"], bench.path());
}

/// Every row of the paper's list of results, by how its ids begin.
const RESULTS: [&str; 40] = [
    "1",
    "2a.parameters",
    "2b-e.",
    "2g.accuracy",
    "3a.parameters",
    "3b",
    "3d.accuracy",
    "3e.accuracy",
    "4a-f.",
    "4g.reach",
    "4g-1.alpha",
    "4g-1.xmin",
    "4g-1.p",
    "4g-2.share",
    "5b.alpha",
    "5c.alpha",
    "5d.alpha",
    "6ab.",
    "6c.",
    "6d.",
    "S1.evenness",
    "S2.d2l",
    "S2.l2d",
    "S3.alpha.10",
    "S3.xmin.100",
    "S4.0.20.alpha",
    "S4.0.25.alpha",
    "S4.0.30.alpha",
    "S4.0.35.alpha",
    "S6.",
    "S7.parameters",
    "S8.d2l.accuracy",
    "S8.l2d.accuracy",
    "S8.truth.accuracy",
    "S8.alpha",
    "S9.",
    "control.seeds.alpha",
    "control.untrained.alpha",
    "control.5b.alpha",
    "control.range",
];

/// The whole paper on lattices of 64 sites.
fn tiny<'a>(out: &'a str, settings: &'a [String]) -> Vec<&'a str> {
    let mut arguments = vec!["reproduce", "--quiet", "--device", "cpu", "--out", out];
    settings.iter().for_each(|setting| arguments.extend(["--set", setting.as_str()]));
    arguments
}

fn tiny_settings() -> Vec<String> {
    let sizes = [
        "data.train=60",
        "data.validation=20",
        "data.test=40",
        "data.sets=30",
        "lattice.size=8",
        "attack.angles=2",
        "attack.pairs=2",
        "attack.sweep=[0.01]",
        "attack.sweep_angles=1",
        "attack.repeats=2",
        "powerlaw.bootstrap=4",
        "branches.matched=true",
        "branches.one_pool=true",
        "one_pool.filters=[2,3]",
        "sweep.train=30",
        "sweep.epochs=2",
        "sweep.keep=[0.5]",
        "sweep.l2_scale=[1e-4]",
    ];
    let networks =
        ["d2l", "l2d"].into_iter().flat_map(|n| ["filters=[4,6]", "hidden=16", "batch=10", "epochs=2"].map(|key| format!("{n}.{key}")));
    sizes.iter().map(|s| (*s).to_string()).chain(networks).collect()
}

/// Every file of a folder and its folders, but for the time that each stage took.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(contents(&entry));
        } else if !entry.ends_with("timings.json") && !entry.ends_with("report.html") {
            files.push((entry.clone(), std::fs::read(&entry).unwrap()));
        }
    }
    files.sort();
    files
}

fn relative(files: Vec<(PathBuf, Vec<u8>)>, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files.into_iter().map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes)).collect()
}

#[test]
fn a_tiny_reproduction_has_every_result_and_a_kill_at_any_moment_loses_nothing() {
    let bench = Bench::new();
    let settings = tiny_settings();
    let arguments = tiny("run", &settings);
    succeeds(&arguments, bench.path());
    let run = bench.path().join("run");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&file(&run, "results.json")).unwrap();
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    for id in RESULTS {
        assert!(ids.iter().any(|known| known.starts_with(id)), "no row {id}: {ids:?}");
        let by_population = !["S1", "S2", "S7", "S8", "S9"].iter().any(|start| id.starts_with(start));
        assert!(!by_population || ids.iter().any(|known| known.starts_with(&format!("matched:{id}"))), "no row matched:{id}");
    }
    let once: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(once.len(), ids.len(), "an id stands for one row");
    let judged = rows.iter().filter(|row| row["verdict"].is_string()).count();
    assert!(judged > 40 && rows.iter().all(|row| row["n"].is_u64()), "{judged}");

    let whole = relative(contents(&run), &run);
    succeeds(&arguments, bench.path());
    assert_eq!(relative(contents(&run), &run), whole, "a second call changes nothing");
    let arguments = tiny("killed", &settings);
    for moment in 0..6 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scalefree")).args(&arguments).current_dir(bench.path()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(60 + 150 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeeds(&arguments, bench.path());
    let killed = bench.path().join("killed");
    let mut names = relative(contents(&killed), &killed);
    // What a killed write leaves is hidden, and no one reads it.
    names.retain(|(path, _)| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    for ((name, bytes), (known, expected)) in names.iter().zip(&whole) {
        assert_eq!(name, known);
        assert!(bytes == expected, "{} differs after kills", name.display());
    }
    assert_eq!(names.len(), whole.len());
}

#[test]
fn a_run_without_branches_is_drawn_and_refuses_another_configuration() {
    let bench = Bench::new();
    let mut settings = tiny_settings();
    settings.extend(["branches.matched=false", "branches.one_pool=false"].map(String::from));
    // And with every option of training.
    settings.extend(["d2l.fresh=true", "d2l.symmetries=true", "d2l.decay=cosine", "l2d.fresh=true", "l2d.average=0.9"].map(String::from));
    let arguments = tiny("run", &settings);
    succeeds(&arguments, bench.path());
    let run = bench.path().join("run");
    let page = String::from_utf8(file(&run, "report.html")).unwrap();
    // Nothing is fetched, and what needs the one-pool networks is left out in words.
    for word in ["<svg", "one_pool/", "Left out"] {
        assert!(page.contains(word), "{word}");
    }
    assert!(!page.contains("src=\"http") && !page.contains("<script"));
    assert!(!run.join("matched").exists() && !run.join("one_pool").exists());
    for (id, _) in scalefree::figures::FIGURES {
        let drawn = run.join(format!("figures/{id}.svg")).exists();
        let named = page.contains(&format!("figure {id}: "));
        assert!(drawn != named, "{id}: drawn {drawn}, named as left out {named}");
    }
    assert!(file(&run, "figures/2fg.png").starts_with(b"\x89PNG"));
    succeeds(&["plot", "2fg", "run", "--out", "2fg.svg"], bench.path());
    assert_eq!(file(bench.path(), "2fg.svg"), file(&run, "figures/2fg.svg"));
    succeeds(&["plot", "mode", "run", "--out", "mode.png"], bench.path());
    assert!(file(bench.path(), "mode.png").starts_with(b"\x89PNG"));
    // A file of another run is no reason for a panic.
    for (name, words, ids) in [
        ("prediction.npz", "mode_area holds", &["2b-e", "2fg"][..]),
        ("designs.npz", "lattices of 8 sites a side", &["4a-f", "4g", "5b", "5cd", "mode"]),
        ("data/l2d_test.npz", "lattices of 8 sites a side", &["3cde"]),
    ] {
        let kept = file(&run, name);
        let mut npz = Npz::open(&run.join(name)).unwrap();
        let arrays: Vec<_> =
            ["displacement", "mode_area", "chained", "untrained"].iter().filter_map(|key| Some((key, npz.array(key).ok()?))).collect();
        write_npz(&run.join(name), |npz| {
            arrays.iter().try_for_each(|(key, array)| {
                // Three samples less.
                let shape = [&[array.shape[0] - 3], &array.shape[1..]].concat();
                npz.array(key, &shape, &array.values[..shape.iter().product()])
            })
        })
        .unwrap();
        for id in ids {
            refuses(&["plot", id, "run", "--out", "foreign.svg"], bench.path(), &[name, words, "configuration asks for"]);
        }
        std::fs::write(run.join(name), kept).unwrap();
    }
    refuses(&["plot", "S8", "run", "--out", "s8.svg"], bench.path(), &["figure S8", "one_pool/ is not there"]);
    refuses(&[&arguments[..], &["--seed", "2"]].concat(), bench.path(), &["another configuration"]);

    // A run of before some keys were there is taken over.
    let old: String = String::from_utf8(file(&run, "config.toml")).unwrap();
    let (start, rest) = (old.find("[sweep]").unwrap(), old.find("[d2l]").unwrap());
    let shorter = if start > rest { old[..start].to_string() } else { old.replace(&old[start..rest], "") };
    std::fs::write(run.join("config.toml"), shorter).unwrap();
    succeeds(&arguments, bench.path());
    assert_eq!(String::from_utf8(file(&run, "config.toml")).unwrap(), old);

    // What cannot be read is not taken for what is not there.
    for name in ["timings.json", "sweep/d2l-none/metrics.jsonl"] {
        let (path, kept) = (run.join(name), file(&run, name));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        refuses(&arguments, bench.path(), &[name]);
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, kept).unwrap();
    }
}

/// A round is a D2L that goes on with what the L2D before it drew, and an L2D that goes on through that; by hand as well.
#[test]
fn rounds_learn_from_the_designs_of_the_round_before() {
    let bench = Bench::new();
    let folder = bench.path();
    let mut settings = tiny_settings();
    settings.extend(["branches.matched=false", "branches.one_pool=false", "rounds.epochs=3"].map(String::from));
    succeeds(&tiny("plain", &settings), folder);
    settings.push("rounds.count=2".into());
    succeeds(&tiny("run", &settings), folder);
    for network in ["d2l", "l2d"] {
        let name = format!("{network}/checkpoints/best.safetensors");
        assert_eq!(file(&folder.join("run/rounds/0"), &name), file(&folder.join("plain"), &name), "round 0 is a run without rounds");
        for (a, b) in [("run/rounds/0", "run/rounds/1"), ("run/rounds/1", "run")] {
            assert_ne!(file(&folder.join(a), &name), file(&folder.join(b), &name));
        }
    }

    // The structures of round 0 with their truth.
    succeeds(&["design", "plain/l2d/checkpoints/best.safetensors", "run/data/l2d_train.npz", "--out", "drawn.npz"], folder);
    let array = |name: &str, key: &str| Npz::open(&folder.join(name)).unwrap().array(key).unwrap().values;
    assert_eq!(array("run/rounds/0/train.npz", "displacement"), array("drawn.npz", "displacement"));
    let rounded: Vec<f64> = array("drawn.npz", "mode_area").into_iter().map(|w| f64::from(w as f32)).collect();
    assert_eq!(array("run/rounds/0/train.npz", "mode_area"), rounded);
    // Round 1: 120 samples in batches of 10, three epochs.
    let seed = (1 + (1_u64 << 32)).to_string();
    let d2l = ["train", "d2l", "--data", "run/data/d2l_train.npz", "--data", "run/rounds/0/train.npz", "--out", "d2l", "--seed", &seed];
    let keys = ["d2l.batch=10", "d2l.epochs=3", "d2l.decay_steps=36", "d2l.decay_rate=0.05"];
    let mut arguments = [&d2l[..], &["--device", "cpu", "--init", "plain/d2l/checkpoints/best.safetensors"]].concat();
    keys.iter().for_each(|key| arguments.extend(["--set", key]));
    succeeds(&arguments, folder);
    let cost = |name: &str| -> Vec<serde_json::Value> {
        let text = String::from_utf8(file(folder, name)).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["cost"].clone()).collect()
    };
    assert_eq!(cost("d2l/metrics.jsonl"), cost("run/rounds/1/d2l/metrics.jsonl"));
    succeeds(&["generate", "--count", "20", "--lattice", "4", "--out", "small.npz"], folder);
    let d2l = ["train", "d2l", "--data", "run/data/d2l_train.npz", "--data", "small.npz", "--out", "other"];
    refuses(&d2l, folder, &["--data", "small.npz has lattices of 4 sites a side, the first set 8"]);

    let whole = relative(contents(&folder.join("run")), &folder.join("run"));
    let arguments = tiny("killed", &settings);
    for moment in 0..6 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scalefree")).args(&arguments).current_dir(folder).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100 + 150 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeeds(&arguments, folder);
    let killed = folder.join("killed");
    let mut names = relative(contents(&killed), &killed);
    names.retain(|(path, _)| !path.iter().any(|part| part.to_string_lossy().starts_with('.')));
    assert!(names == whole, "a kill changes what comes out");
}

/// What a sweep goes over: the base, another D2L, L2Ds behind the base's, one that cannot train, a round more, and all of it with two seeds.
const PLAN: &str = "
seeds = [1, 2]
[each]
d2l.keep = [0.5, 1.0]
l2d.keep = [0.5]
l2d.lr = [1e30]
rounds.count = [1]
[grid]
l2d.cost = ['sum']
attack.pairs = [1, 2]
";

fn sweep<'a>(out: &'a str, settings: &'a [String]) -> Vec<&'a str> {
    let mut arguments = vec!["sweep", "plan.toml", "--device", "cpu", "--out", out];
    settings.iter().for_each(|setting| arguments.extend(["--set", setting.as_str()]));
    arguments
}

#[cfg(unix)]
#[test]
fn a_sweep_shares_what_it_can_and_a_kill_at_any_moment_loses_nothing() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::new();
    let folder = bench.path();
    bench.put("plan.toml", PLAN.as_bytes());
    let settings = tiny_settings();
    succeeds(&sweep("out", &settings), folder);
    let out = folder.join("out");
    let run = |name: &str| out.join("runs").join(name);

    // The same file, and not a copy.
    let inode = |name: &str, file: &str| std::fs::metadata(run(name).join(file)).unwrap_or_else(|e| panic!("{name} {file}: {e}")).ino();
    let base = "as-configured-seed1";
    for (name, file, shared) in [
        ("d2l.keep=1.0-seed1", "data/d2l_train.npz", true),
        ("d2l.keep=1.0-seed1", "d2l/checkpoints/best.safetensors", false),
        ("l2d.keep=0.5-seed1", "d2l/checkpoints/best.safetensors", true),
        ("l2d.keep=0.5-seed1", "l2d/checkpoints/best.safetensors", false),
        ("l2d.cost=sum+attack.pairs=1-seed1", "d2l/metrics.jsonl", true),
        ("rounds.count=1-seed1", "d2l/metrics.jsonl", false),
        ("as-configured-seed2", "data/d2l_train.npz", false),
        ("as-configured-seed2", "d2l/metrics.jsonl", false),
    ] {
        assert_eq!(inode(base, file) == inode(name, file), shared, "{name} {file}");
    }
    for network in ["d2l", "l2d"] {
        let file = format!("{network}/checkpoints/best.safetensors");
        assert_eq!(inode(base, &file), inode("rounds.count=1-seed1", &format!("rounds/0/{file}")));
    }
    let [one, two] = ["1", "2"].map(|pairs| format!("l2d.cost=sum+attack.pairs={pairs}-seed1"));
    assert_eq!(inode(&one, "l2d/checkpoints/best.safetensors"), inode(&two, "l2d/checkpoints/best.safetensors"));

    // The base is a reproduction like any other, and the keep that is configured is the base.
    let mut alone = tiny("alone", &settings);
    alone.extend(["--set", "branches.matched=false", "--set", "branches.one_pool=false"]);
    succeeds(&alone, folder);
    assert_eq!(file(&run(base), "designs.npz"), file(&folder.join("alone"), "designs.npz"));
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&file(folder, "alone/results.json")).unwrap();
    let table: Vec<serde_json::Value> = serde_json::from_slice(&file(&out, "table.json")).unwrap();
    let names: Vec<&str> = table.iter().filter_map(|line| line["run"].as_str()).collect();
    assert_eq!(names.len(), 14, "{names:?}");
    assert!(!names.iter().any(|name| name.contains("d2l.keep=0.5")), "{names:?}");
    let line = |name: &str| table.iter().find(|line| line["run"] == name).unwrap();
    let number = |rows: &[serde_json::Value], id: &str| rows.iter().find(|row| row["id"] == id).map(|row| row["ours"].clone());
    for id in ["2g.accuracy", "3d.accuracy", "3e.accuracy", "5b.alpha", "5b.pearson", "6ab.small_m", "control.live.l2d", "control.range"] {
        let ours = number(line(base)["rows"].as_array().unwrap(), id);
        assert!(ours.is_some() && ours == number(&rows, id), "{id}: {ours:?}");
    }
    assert!(number(line(base)["rows"].as_array().unwrap(), "5b.ratio.lognormal").is_some_and(|ratio| ratio.is_number()));
    let failed = line("l2d.lr=1e30-seed2");
    assert!(failed["fault"].as_str().is_some_and(|fault| fault.contains("no longer finite")) && failed["rows"] == serde_json::json!([]));
    let csv = String::from_utf8(file(&out, "table.csv")).unwrap();
    assert!(csv.starts_with("run,seed,d2l.keep,l2d.keep,l2d.lr,rounds.count,l2d.cost,attack.pairs,fault,2a.parameters,"), "{csv}");
    assert!(csv.contains("\nl2d.cost=sum+attack.pairs=1-seed1,1,,,,,\"\"\"sum\"\"\",1,,"), "{csv}");
    let markdown = String::from_utf8(file(&out, "table.md")).unwrap();
    assert!(markdown.contains("| as configured | 2 | ") && markdown.contains("| l2d.lr = 1e30 | 0 | \u{2014} |"), "{markdown}");
    assert!(file(&out, "sweep.png").starts_with(b"\x89PNG"));

    // A second call does nothing but what failed.
    let before = inode(base, "results.json");
    let whole = relative(contents(&out), &out);
    let said = String::from_utf8(scalefree(&sweep("out", &settings), folder).stderr).unwrap();
    assert_eq!(said.matches("of 14: ").count(), 2, "{said}");
    assert_eq!((inode(base, "results.json"), relative(contents(&out), &out) == whole), (before, true));

    // Results that are damaged are that run's fault alone, and are made again by the next call.
    std::fs::write(run(base).join("results.json"), "[{]").unwrap();
    succeeds(&sweep("out", &settings), folder);
    let table: Vec<serde_json::Value> = serde_json::from_slice(&file(&out, "table.json")).unwrap();
    let fault = |name: &str| table.iter().find(|line| line["run"] == name).and_then(|line| line["fault"].as_str());
    assert!(fault(base).is_some_and(|fault| fault.contains("results.json: not a list of rows")), "{:?}", fault(base));
    assert_eq!(fault("as-configured-seed2"), None);
    succeeds(&sweep("out", &settings), folder);
    assert!(relative(contents(&out), &out) == whole);
    let arguments = sweep("killed", &settings);
    for moment in 0..8 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scalefree")).args(&arguments).arg("--quiet").current_dir(folder).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(60 + 250 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeeds(&arguments, folder);
    let killed = folder.join("killed");
    let mut names = relative(contents(&killed), &killed);
    names.retain(|(path, _)| !path.iter().any(|part| part.to_string_lossy().starts_with('.')));
    assert_eq!(names.len(), whole.len());
    for ((name, bytes), (known, expected)) in names.iter().zip(&whole) {
        assert!(name == known && bytes == expected, "{} differs after kills", name.display());
    }
}

#[test]
fn a_sweep_in_several_jobs_leaves_the_files_of_one_job() {
    let bench = Bench::new();
    let folder = bench.path();
    bench.put("plan.toml", b"seeds = [1, 2]\n[each]\nl2d.keep = [0.5]\nl2d.lr = [1e30]");
    let settings = tiny_settings();
    let in_jobs = |out, jobs| [sweep(out, &settings), vec!["--jobs", jobs]].concat();
    succeeds(&in_jobs("one", "1"), folder);

    // What stops a sweep stops the other job too, and is what is told.
    let blocked = folder.join("several/runs/as-configured-seed2");
    std::fs::create_dir_all(&blocked).unwrap();
    std::fs::write(blocked.join("data"), "no folder").unwrap();
    refuses(&in_jobs("several", "2"), folder, &["error: cannot write", "as-configured-seed2/data"]);
    assert!(!folder.join("several/runs/l2d.lr=1e30-seed1").exists());
    std::fs::remove_file(blocked.join("data")).unwrap();

    // The same command goes on; jobs that no seed is left for do no harm. A line says which run it speaks of.
    let output = scalefree(&in_jobs("several", "3"), folder);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let [one, several] = ["one", "several"].map(|out| relative(contents(&folder.join(out)), &folder.join(out)));
    assert_eq!(one.len(), several.len());
    for ((name, bytes), (known, expected)) in several.iter().zip(&one) {
        assert!(name == known && bytes == expected, "{} differs with several jobs", name.display());
    }
    let names = ["as-configured", "l2d.keep=0.5", "l2d.lr=1e30"];
    assert!(said.lines().all(|line| line.starts_with("run ") || names.iter().any(|name| line.starts_with(name))), "{said}");
    for seed in [1, 2] {
        assert!(said.contains(&format!("\nl2d.lr=1e30-seed{seed}: the cost is no longer finite")), "{said}");
    }
}

#[test]
fn a_sweep_that_cannot_be_is_refused_before_its_first_run() {
    let bench = Bench::new();
    let folder = bench.path();
    for (plan, words) in [
        ("[each]\nd2l.rate = [1]", &["plan.toml", "line 2: d2l.rate", "unknown key"][..]),
        ("[each]\nd2l.filters = [[4, 8], [9, 9, 9, 9, 9, 9]]", &["line 2: d2l.filters", "halved 6 times"]),
        ("[each]\nsweep.epochs = [2]", &["plan.toml", "line 2", "sweep.epochs", "Fig. S2"]),
        ("[each]\ndata.train = [5]", &["line 2: data.train = 5: d2l.batch: 20 is more than the 5 samples"]),
        ("[each]\ndevice = ['cuda']", &["line 2", "one for the whole sweep", "--set device"]),
    ] {
        bench.put("plan.toml", plan.as_bytes());
        refuses(&["sweep", "plan.toml", "--out", "out"], folder, words);
    }
    refuses(&["sweep", "none.toml", "--out", "out"], folder, &["none.toml", "No such file"]);
    bench.put("plan.toml", b"seeds = [1]");
    refuses(&["sweep", "plan.toml", "--out", "out", "--jobs", "0"], folder, &["--jobs: 0 jobs; at least 1 is needed"]);
    assert!(!folder.join("out").exists());
}

/// A tiny run of every kind of row, its report, and the report beside itself. Times are not looked at.
#[test]
fn bench_lists_times_and_compares() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = succeeds(&["bench", "list"], folder);
    for name in [
        "step d2l 256",
        "step l2d 10",
        "predict d2l 1",
        "predict l2d 200",
        "conv3x3_pool dw+adam 10x8x8x256x512",
        "dense dx 64x4096x2048",
        "labels xsyev f32 256x16",
    ] {
        assert!(list.lines().any(|line| line == name), "{name} in {list}");
    }
    let shapes = [
        "d2l:2",
        "l2d:2",
        "predict_d2l:1",
        "predict_l2d:101",
        "conv3x3_pool:2x4x4x3x5",
        "dense:2x7x5",
        "gather:2x9",
        "mape:2x9",
        "adam:100",
        "deformation:2x4",
    ];
    let shapes = [&shapes[..], &["hamiltonian:2x4", "mode_area:2x4", "labels:2x4"]].concat();
    let mut arguments = vec!["bench", "run", "--device", "cpu", "--out", "report.json", "--quiet", "--set", "lattice.size=8"];
    for network in ["d2l.filters=[3,4]", "l2d.filters=[3,4]", "d2l.hidden=6", "l2d.hidden=6"] {
        arguments.extend(["--set", network]);
    }
    shapes.iter().for_each(|shape| arguments.extend(["--shape", shape]));
    succeeds(&arguments, folder);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["device"], "cpu (f32)");
    let rows = report["rows"].as_array().unwrap();
    // A layer has three passes.
    assert_eq!(rows.len(), shapes.len() + 4);
    for row in rows {
        assert!(row["error"].as_f64().unwrap() < 1e-5 && row["warm"]["median"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["warm"]["samples"].as_u64().unwrap() >= 5 && row["items"].is_number() && row["bytes"].is_number(), "{row}");
    }
    let same = succeeds(&["bench", "compare", "report.json", "report.json", "--json"], folder);
    let same: Vec<serde_json::Value> = serde_json::from_str(&same).unwrap();
    let left_out = report["left_out"].as_array().unwrap();
    assert!(left_out.len() == 6 && left_out.iter().all(|out| out["fault"] == "it is for NVIDIA cards"), "{left_out:?}");
    assert!(same.len() == rows.len() && same.iter().all(|row| row["verdict"] == "SAME"), "{same:?}");
    let mut changed = report.clone();
    changed["rows"][0]["error"] = serde_json::Value::Null;
    std::fs::write(folder.join("nan.json"), changed.to_string()).unwrap();
    succeeds(&["bench", "compare", "report.json", "nan.json"], folder);
    changed["rows"][0]["warm"]["median"] = 0.into();
    std::fs::write(folder.join("zero.json"), changed.to_string()).unwrap();
    refuses(&["bench", "compare", "report.json", "zero.json"], folder, &["zero.json", "not a report", "took 0 s"]);
}

#[test]
fn bench_refuses_what_it_cannot_time() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("other.json"), "{}").unwrap();
    refuses(&["bench", "run", "nothing", "like", "this"], folder, &["FILTER", "nothing like this"]);
    for shape in ["dense", "dense:10", "dense:1x0x3", "conv3x3_pool:1x3x4x1x1", "labels:1x257", "pool:3"] {
        refuses(&["bench", "list", "--shape", shape], folder, &["--shape", shape]);
    }
    refuses(&["bench", "run", "step", "--set", "l2d.batch=99999999999999"], folder, &["l2d.batch", "16384"]);
    refuses(&["bench", "compare", "other.json", "other.json"], folder, &["other.json", "not a report"]);
    refuses(&["bench", "compare", "none.json", "other.json"], folder, &["none.json"]);
    refuses(&["bench", "run", "adam", "--out", "missing/report.json"], folder, &["missing"]);
}
