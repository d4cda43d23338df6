//! What is written stays whole: through a kill, on a full disk, in another job's folder, and when nobody reads.

use super::{Bench, SMALL, ended_by_kill, file, refuses, succeeds};
use std::process::Command;

/// A reader who leaves early is no fault; a result that cannot be printed is one.
#[cfg(target_os = "linux")]
#[test]
fn output_that_nobody_takes_is_no_panic() {
    use super::scalefree;
    use std::path::Path;
    use std::process::Stdio;
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let run = |stdout: Stdio| Command::new(env!("CARGO_BIN_EXE_scalefree")).arg("models").arg(&models).stdout(stdout).output().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run(writer.into());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let output = run(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("cannot write standard output"), "{said}");
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
    for arguments in [&generate("killed.npz")[..], &train("killed")] {
        let ended = ended_by_kill(arguments, bench.path(), (0..10).map(|moment| 10 + 60 * moment));
        assert!(ended > 0, "{arguments:?}: every child was over before its kill");
    }
    succeeds(&generate("killed.npz"), bench.path());
    succeeds(&train("killed"), bench.path());
    assert_eq!(file(bench.path(), "killed.npz"), file(bench.path(), "whole.npz"));
    for name in ["metrics.jsonl", "checkpoints/best.safetensors", "checkpoints/last.safetensors", "checkpoints/state.safetensors"] {
        assert_eq!(file(&bench.path().join("killed"), name), file(&bench.path().join("whole"), name), "{name}");
    }
}

/// What a command reads it does not replace; what a run has trained no other run does; and in a folder works one process alone.
#[test]
fn inputs_and_trained_models_are_left_alone() {
    let bench = Bench::new();
    let folder = bench.path();
    succeeds(&["generate", "--count", "40", "--lattice", "8", "--out", "set.npz"], folder);
    bench.put("numbers.txt", (1..60).map(|n| format!("{n}\n")).collect::<String>().as_bytes());
    let read = &["is read by this command"][..];
    let train = [&["train", "d2l", "--data", "set.npz", "--out", "run"][..], SMALL].concat();
    succeeds(&train, folder);
    let model = "run/checkpoints/best.safetensors";
    let files = ["set.npz", "numbers.txt", "d2l.safetensors", model];
    let kept = files.map(|name| file(folder, name));
    for arguments in [
        &["solve", "set.npz", "--out", "set.npz"][..],
        &["attack", "set.npz", "--out", "./set.npz"],
        &["predict", "d2l.safetensors", "set.npz", "--out", "d2l.safetensors"],
        &["design", "l2d.safetensors", "set.npz", "--out", "set.npz"],
        &["powerlaw", "numbers.txt", "--bootstrap", "0", "--scan", "numbers.txt"],
    ] {
        refuses(arguments, folder, read);
    }
    let held = scalefree::file::Held::new(&folder.join("run")).unwrap();
    refuses(&[&train[..], &["--resume"]].concat(), folder, &["run: another process works in this folder"]);
    drop(held);
    std::fs::remove_file(folder.join("run/checkpoints/state.safetensors")).unwrap();
    for resume in [&[][..], &["--resume"]] {
        refuses(&[&train[..], resume].concat(), folder, &[model, "is a trained model without the state.safetensors"]);
    }
    assert!(kept == files.map(|name| file(folder, name)));
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
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot write") && said.contains("File too large"), "{said}");
    }
    assert_eq!(std::fs::read(&kept).unwrap(), b"as it was");
    let parts = std::fs::read_dir(bench.path().join("folder")).unwrap();
    assert!(parts.flatten().all(|entry| entry.file_name() == "manifest.json" || entry.file_name() == ".lock"), "no torn file is left");
    succeeds(&["generate", "--count", "400", "--lattice", "8", "--out", "out.npz"], bench.path());
}

/// What a kill leaves of a solve, a design or an attack is gone on with, and is no part of another job of the same name.
#[test]
fn solves_designs_and_attacks_outlive_kills() {
    let bench = Bench::new();
    let folder = bench.path();
    for (count, name) in [("3000", "set.npz"), ("60", "some.npz")] {
        succeeds(&["generate", "--count", count, "--lattice", "8", "--out", name], folder);
    }
    let solve = ["solve", "set.npz"];
    let design = ["design", "l2d.safetensors", "set.npz"];
    let attack = ["attack", "some.npz", "--set", "attack.angles=2"];
    for (command, whole) in [(&solve[..], "solved.npz"), (&design, "designed.npz"), (&attack, "attacked.npz")] {
        succeeds(&[command, &["--out", whole]].concat(), folder);
        let cut = [command, &["--out", "cut.npz"]].concat();
        assert!(ended_by_kill(&cut, folder, [50, 100, 200, 400].into_iter()) > 0, "{command:?}: no kill met it at work");
        succeeds(&cut, folder);
        assert!(file(folder, "cut.npz") == file(folder, whole), "{command:?}");
        std::fs::remove_file(folder.join("cut.npz")).unwrap();
    }
    // A design keeps its mode areas in f4, a solve of the same structures in f8.
    ended_by_kill(&[&design[..], &["--out", "cut.npz"]].concat(), folder, [100, 200, 400].into_iter());
    for out in ["cut.npz", "whole.npz"] {
        succeeds(&["solve", "designed.npz", "--out", out], folder);
    }
    assert!(file(folder, "cut.npz") == file(folder, "whole.npz"));
}
