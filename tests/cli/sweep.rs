//! `sweep`: what its runs share, its table, and its jobs.

use super::{Bench, contents, ended_by_kill, file, refuses, relative, scalefree, succeeds, tiny, tiny_settings};

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
    let ended = ended_by_kill(&[&arguments[..], &["--quiet"]].concat(), folder, (0..8).map(|moment| 60 + 250 * moment));
    assert!(ended > 0, "every child was over before its kill");
    succeeds(&arguments, folder);
    let killed = folder.join("killed");
    let names = relative(contents(&killed), &killed);
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
