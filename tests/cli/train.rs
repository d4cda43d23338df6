//! `train`: the same files each time, sets that are judged and followed, runs that go on.

use super::{Bench, SMALL, file, refuses, scalefree, succeeds};
use scalefree::dataset::npz::write_npz;
use std::process::Command;

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
    let words = ["ring.npz: was made with lattice.boundary = \"periodic\", not \"open\"; --set lattice.boundary=periodic takes it so"];
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
