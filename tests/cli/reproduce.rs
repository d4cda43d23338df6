//! `reproduce` on lattices of 64 sites: every result, its figures, and rounds.

use super::{Bench, contents, ended_by_kill, file, refuses, relative, succeeds, tiny, tiny_settings};
use scalefree::dataset::npz::{Npz, write_npz};

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
    let ended = ended_by_kill(&arguments, bench.path(), (0..6).map(|moment| 60 + 150 * moment));
    assert!(ended > 0, "every child was over before its kill");
    succeeds(&arguments, bench.path());
    let killed = bench.path().join("killed");
    let names = relative(contents(&killed), &killed);
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
    let ended = ended_by_kill(&arguments, folder, (0..6).map(|moment| 100 + 150 * moment));
    assert!(ended > 0, "every child was over before its kill");
    succeeds(&arguments, folder);
    let killed = folder.join("killed");
    assert!(relative(contents(&killed), &killed) == whole, "a kill changes what comes out");
}
