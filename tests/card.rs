//! The program as a user with a card runs it: `--device` is all that changes. The card is the emulated one; ignored by name where
//! there is none. (What the device itself answers when something is missing: tests/emulated/faults.rs.)

use libtest_mimic::{Arguments, Failed, Trial};
use scalefree::dataset::npz::Npz;
use serde_json::{Value, json};
use simt::{Build, Profile};
use std::path::Path;
use std::process::{Command, Output};

type Verdict = Result<(), Failed>;

fn main() {
    let trials = [
        Trial::test("device_describes_the_card_and_what_would_be_taken", description),
        Trial::test("networks_on_the_card_follow_the_processor", networks),
        Trial::test("labels_on_the_card_are_those_of_the_processor", labels),
        Trial::test("a_resumed_run_has_the_bits_of_an_uninterrupted_one", resume),
        Trial::test("a_reproduction_in_graphs_has_the_bits_of_plain_launches", reproduction),
        Trial::test("a_reproduction_goes_on_on_another_device_and_says_so", moved),
        Trial::test("train_names_the_largest_batch_that_fits", largest_batch),
        Trial::test("bench_times_the_card_and_knows_its_errors", bench),
        Trial::test("auto_goes_round_a_card_that_does_not_work_and_cuda_does_not", fallback),
    ];
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(!simt::is_built())).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Small networks, two epochs.
const SMALL: [&str; 2] = ["--config", "small.toml"];
const SMALL_TOML: &str = "
[d2l]
filters = [4, 8]
hidden = 12
epochs = 2
[l2d]
filters = [4, 8]
hidden = 12
epochs = 2
";

fn program(profile: Profile, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scalefree"));
    command.args(arguments).current_dir(folder).env("LD_LIBRARY_PATH", simt::folder(profile, Build::Plain));
    // The emulator has its kernels inside; any file passes for them.
    command.env("SCALEFREE_KERNELS", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it to its good end: what it printed, and what it said beside that.
fn run(profile: Profile, folder: &Path, arguments: &[&str]) -> Result<(String, String), Failed> {
    let output = program(profile, folder, arguments).output()?;
    if !output.status.success() {
        return Err(format!("{arguments:?}: {}", stderr(&output)).into());
    }
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output)))
}

fn ensure(right: bool, words: impl FnOnce() -> String) -> Verdict {
    if right { Ok(()) } else { Err(words().into()) }
}

/// The largest difference; NaN is beyond every one.
fn farthest(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0_f64, |m, (a, b)| if (a - b).is_nan() { f64::INFINITY } else { m.max((a - b).abs()) })
}

fn description() -> Verdict {
    let folder = tempfile::tempdir()?;
    for (profile, precisions, taken) in [
        (Profile::Sm75, "works, in f32, f16; f32", "emulator sm_75, f32"),
        (Profile::Sm89, "works, in f32, tf32, bf16, f16; tf32", "emulator sm_89, tf32"),
    ] {
        let (text, _) = run(profile, folder.path(), &["device"])?;
        for words in ["driver   CUDA 13.0", precisions, "auto takes cuda:0", taken] {
            ensure(text.contains(words), || format!("{text:?} does not say {words:?}"))?;
        }
    }
    let facts: Value = serde_json::from_str(&run(Profile::Sm90, folder.path(), &["device", "--json", "--device", "cuda:0"])?.0)?;
    ensure(facts["cards"][0]["capability"] == "9.0" && facts["taken"]["precision"] == "tf32", || facts.to_string())
}

/// Both networks trained, and put to work, on either device from the same numbers.
fn networks() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("small.toml"), SMALL_TOML)?;
    run(Profile::Sm89, folder, &["generate", "--count", "40", "--lattice", "8", "--out", "set.npz"])?;
    for device in ["cpu", "cuda"] {
        let run = |arguments: &[&str]| {
            let all = [arguments, &["--device", device, "--set", "precision=f32"], &SMALL].concat();
            run(Profile::Sm89, folder, &all)
        };
        let path = |name: &str| format!("{device}/{name}");
        let (d2l, l2d) = (path("d2l/checkpoints/best.safetensors"), path("l2d/checkpoints/best.safetensors"));
        run(&["train", "d2l", "--data", "set.npz", "--validation", "set.npz", "--out", &path("d2l")])?;
        run(&["train", "l2d", "--data", "set.npz", "--d2l", &d2l, "--out", &path("l2d")])?;
        run(&["predict", &d2l, "set.npz", "--out", &path("predicted.npz")])?;
        run(&["design", &l2d, "set.npz", "--out", &path("designed.npz")])?;
    }
    let array = |file: &str, key: &str| -> Result<Vec<f64>, Failed> { Ok(Npz::open(&folder.join(file))?.array(key)?.values) };
    for (file, key) in [("predicted.npz", "mode_area"), ("designed.npz", "displacement")] {
        let (cpu, cuda) = (array(&format!("cpu/{file}"), key)?, array(&format!("cuda/{file}"), key)?);
        let largest = cpu.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let apart = farthest(&cpu, &cuda);
        ensure(cpu.len() == cuda.len() && apart < 1e-4 * largest, || format!("{file}: {apart:e} apart of {largest:e}"))?;
    }
    for network in ["d2l", "l2d"] {
        let costs = |device: &str| -> Result<Vec<f64>, Failed> {
            let text = std::fs::read_to_string(folder.join(format!("{device}/{network}/metrics.jsonl")))?;
            text.lines().map(|line| Ok(serde_json::from_str::<Value>(line)?["cost"].as_f64().ok_or("no cost")?)).collect()
        };
        let (cpu, cuda) = (costs("cpu")?, costs("cuda")?);
        let near = cpu.len() == 2 && cpu.iter().zip(&cuda).all(|(a, b)| (a - b).abs() < 1e-5 * a);
        ensure(near, || format!("{network}: costs {cpu:?} on the processor, {cuda:?} on the card"))?;
    }
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("cuda/d2l/manifest.json"))?)?;
    ensure(manifest["computed_on"] == json!(["cuda:0 (scalefree emulator sm_89, f32)"]), || manifest.to_string())
}

/// `generate`, `solve` and `attack`, on either device.
fn labels() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    for device in ["cpu", "cuda"] {
        let path = |name: &str| format!("{device}-{name}.npz");
        let (set, solved, attacked) = (path("set"), path("solved"), path("attacked"));
        let run = |arguments: &[&str]| run(Profile::Sm89, folder, &[arguments, &["--device", device, "--set", "attack.angles=2"]].concat());
        let (_, said) = run(&["generate", "--count", "5", "--lattice", "5", "--out", &set])?;
        ensure(said.is_empty(), || said)?;
        run(&["solve", &set, "--out", &solved])?;
        run(&["attack", &set, "--out", &attacked])?;
    }
    for (file, key, most) in [
        ("set", "displacement", 0.0),
        ("set", "rho", 0.0),
        ("set", "mode_area", 1e-7),
        ("set", "energy", 1e-14),
        ("solved", "mode_area", 1e-10),
        ("solved", "energy", 1e-14),
        ("attacked", "delta_mode_area", 1e-10),
        ("attacked", "theta", 0.0),
    ] {
        let array = |device: &str| Npz::open(&folder.join(format!("{device}-{file}.npz")))?.array(key);
        let (cpu, cuda) = (array("cpu")?, array("cuda")?);
        let apart = farthest(&cpu.values, &cuda.values);
        ensure(cpu.shape == cuda.shape && apart <= most, || format!("{file}: {key} is {apart:e} apart"))?;
    }
    // Other labels are another set.
    let folder_set = ["generate", "--count", "5", "--lattice", "5", "--out", "set", "--device", "cuda"];
    run(Profile::Sm89, folder, &folder_set)?;
    let output = program(Profile::Sm89, folder, &[&folder_set[..], &["--set", "labels.precision=f32"]].concat()).output()?;
    let said = stderr(&output);
    ensure(output.status.code() == Some(2) && said.contains("labels differ"), || said)
}

/// Two epochs at once, and one after the other, in the card's own precision.
fn resume() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("small.toml"), SMALL_TOML)?;
    let train = |out: &str, more: &[&str]| {
        let arguments = [&["train", "d2l", "--data", "set.npz", "--out", out][..], &SMALL, more].concat();
        run(Profile::Sm90, folder, &arguments)
    };
    run(Profile::Sm90, folder, &["generate", "--count", "30", "--lattice", "8", "--out", "set.npz"])?;
    let (_, said) = train("whole", &[])?;
    ensure(said.contains("computing on cuda:0") && said.lines().count() == 1, || format!("one line should name the card: {said}"))?;
    train("parts", &["--set", "d2l.epochs=1", "--quiet"])?;
    train("parts", &["--resume"])?;
    let last = |out: &str| std::fs::read(folder.join(out).join("checkpoints/state.safetensors"));
    ensure(last("whole")? == last("parts")?, || "the states differ".into())
}

/// The whole chain at a tiny scale, long enough for a graph of many steps, once in graphs and once launched kernel by kernel.
fn reproduction() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let sizes = ["data.train=80", "data.validation=20", "data.test=40", "lattice.size=8", "attack.angles=2"];
    let networks =
        ["d2l", "l2d"].into_iter().flat_map(|n| ["filters=[4,6]", "hidden=16", "batch=2", "epochs=2"].map(|key| format!("{n}.{key}")));
    let settings: Vec<String> = sizes.iter().map(|s| (*s).to_string()).chain(networks).collect();
    for (out, blocking) in [("graphs", "0"), ("launches", "1")] {
        let mut arguments = vec!["reproduce", "--out", out, "--device", "cuda", "--quiet"];
        settings.iter().for_each(|s| arguments.extend(["--set", s.as_str()]));
        let output = program(Profile::Sm89, folder, &arguments).env("CUDA_LAUNCH_BLOCKING", blocking).output()?;
        ensure(output.status.success(), || stderr(&output))?;
    }
    for name in [
        "results.json",
        "designs.npz",
        "prediction.npz",
        "d2l/checkpoints/state.safetensors",
        "l2d/checkpoints/state.safetensors",
        "l2d/metrics.jsonl",
    ] {
        let [graphs, launches] = ["graphs", "launches"].map(|out| std::fs::read(folder.join(out).join(name)));
        ensure(graphs? == launches?, || format!("{name} differs"))?;
    }
    Ok(())
}

/// Begun where there is no card, with the device left to `auto`; continued where there is one.
fn moved() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let sizes = ["data.train=20", "data.validation=10", "data.test=20", "lattice.size=8", "attack.angles=2"];
    let mut arguments = vec!["reproduce", "--out", "run", "--config", "small.toml"];
    sizes.iter().for_each(|s| arguments.extend(["--set", s]));
    std::fs::write(folder.join("small.toml"), SMALL_TOML)?;
    let begun = program(Profile::Sm89, folder, &arguments).env("SIMT_DEVICES", "0").output()?;
    ensure(begun.status.success(), || stderr(&begun))?;
    let results = std::fs::read(folder.join("run/results.json"))?;
    let (_, said) = run(Profile::Sm89, folder, &arguments)?;
    let (cpu, card) = ("cpu (f32)", "cuda:0 (scalefree emulator sm_89, tf32)");
    ensure(said.contains(&format!("computed on {cpu} so far; it goes on on {card}")), || said)?;
    ensure(std::fs::read(folder.join("run/results.json"))? == results, || "what was complete was computed again".into())?;
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("run/manifest.json"))?)?;
    ensure(manifest["computed_on"] == json!([cpu, card]), || manifest.to_string())?;
    let configuration = std::fs::read_to_string(folder.join("run/config.toml"))?;
    ensure(configuration.contains("device = \"auto\"") && configuration.contains("precision = \"auto\""), || configuration)
}

/// The batch that it names fits, and one more does not.
fn largest_batch() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("small.toml"), SMALL_TOML)?;
    run(Profile::Sm89, folder, &["generate", "--count", "400", "--lattice", "8", "--out", "set.npz", "--device", "cpu"])?;
    let train = |memory: &str, batch: usize| {
        let (batch_key, out) = (format!("d2l.batch={batch}"), format!("{memory}-{batch}"));
        let more = ["--device", "cuda", "--set", &batch_key, "--set", "d2l.epochs=1", "--out", &out];
        let arguments = [&["train", "d2l", "--data", "set.npz"][..], &SMALL, &more].concat();
        program(Profile::Sm89, folder, &arguments).env("SIMT_MEMORY", memory).output()
    };
    let output = train("10000000", 400)?;
    let said = stderr(&output);
    let (_, after) = said.split_once("d2l.batch = 400 does not fit; ").ok_or_else(|| said.clone())?;
    ensure(output.status.code() == Some(1) && after.contains(" is the largest that does"), || said.clone())?;
    let fits: usize = after.split(' ').next().unwrap_or_default().parse()?;
    let output = train("10000000", fits)?;
    ensure((1..400).contains(&fits) && output.status.success(), || format!("{fits}: {}", stderr(&output)))?;
    let output = train("10000000", fits + 1)?;
    ensure(stderr(&output).contains(&format!("d2l.batch = {} does not fit; {fits} is", fits + 1)), || stderr(&output))?;
    let output = train("100000", 10)?;
    ensure(stderr(&output).contains("not even 1 would"), || stderr(&output))
}

/// An old driver: `auto` says why the processor computes; `cuda` is refused, and so is what only a card can do.
fn fallback() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("small.toml"), SMALL_TOML)?;
    run(Profile::Sm89, folder, &["generate", "--count", "20", "--lattice", "8", "--out", "set.npz"])?;
    let train = |out: &str, more: &[&str]| {
        let arguments = [&["train", "d2l", "--data", "set.npz", "--out", out][..], &SMALL, more].concat();
        program(Profile::Sm89, folder, &arguments).env("SIMT_DRIVER_VERSION", "12040").output()
    };
    let output = train("auto", &[])?;
    let said = stderr(&output);
    ensure(output.status.success() && said.contains("computing on the processor: the NVIDIA driver supports CUDA 12.4"), || said)?;
    for (out, more) in [("cuda", &["--device", "cuda"][..]), ("tf32", &["--set", "precision=tf32"])] {
        let output = train(out, more)?;
        let said = stderr(&output);
        ensure(output.status.code() == Some(2) && said.contains("13.0 is needed; install"), || said)?;
    }
    Ok(())
}

/// Every kind of row at small shapes, in products of two precisions.
fn bench() -> Verdict {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("small.toml"), SMALL_TOML)?;
    let shapes = ["d2l:2", "l2d:2", "conv3x3_pool:2x4x4x3x5", "dense:2x7x5", "gather:2x9", "mape:2x9", "adam:100", "deformation:2x4"];
    let shapes = [&shapes[..], &["hamiltonian:2x4", "mode_area:2x4", "labels:3x4"]].concat();
    for (precision, allowed) in [("precision=f32", 1e-5), ("precision=bf16", 3e-2)] {
        let mut arguments =
            [&["bench", "run", "--device", "cuda", "--json", "--set", precision, "--set", "lattice.size=8"], &SMALL[..]].concat();
        shapes.iter().for_each(|shape| arguments.extend(["--shape", shape]));
        let report: Value = serde_json::from_str(&run(Profile::Sm89, folder, &arguments)?.0)?;
        let rows = report["rows"].as_array().ok_or("no rows")?;
        let right = |row: &Value| {
            let allowed = match row["name"].as_str().unwrap_or_default() {
                // Mode areas by a solver in f32.
                name if name.ends_with("f32 3x4") => 1e-3,
                // In so small a network one relu on the other side of its kink is half of the gradient.
                name if name.starts_with("step") && precision == "precision=bf16" => 0.9,
                _ => allowed,
            };
            row["error"].as_f64().is_some_and(|e| e < allowed)
        };
        // Layers have three passes, labels seven solvers.
        ensure(rows.len() == shapes.len() + 10 && rows.iter().all(right), || report.to_string())?;
        ensure(report["left_out"] == json!([]), || report.to_string())?;
        let roofs = &report["roofs"];
        let measured = ["copy", "multiply_add", "product", "double"].iter().all(|roof| roofs[roof].as_f64().is_some_and(|r| r > 0.0));
        ensure(measured && report["driver"] == "13.0", || report.to_string())?;
    }
    // A solver that gives up is not timed under its name.
    let mut stuck = program(Profile::Sm89, folder, &["bench", "run", "--device", "cuda", "--shape", "labels:3x4", "xsyev"]);
    let output = stuck.env("SIMT_XSYEV", "stuck").output()?;
    let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    ensure(output.status.code() == Some(1) && said.contains("labels xsyev f32 3x4") && said.contains("did not converge"), || said)
}
