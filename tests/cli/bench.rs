//! `bench`: its list, its times and their comparison.

use super::{refuses, succeeds};

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
    // A layer has three passes; the processor has two solvers.
    assert_eq!(rows.len(), shapes.len() + 5);
    for row in rows {
        assert!(row["error"].as_f64().unwrap() < 1e-5 && row["warm"]["median"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["warm"]["samples"].as_u64().unwrap() >= 5 && row["items"].is_number() && row["bytes"].is_number(), "{row}");
    }
    let same = succeeds(&["bench", "compare", "report.json", "report.json", "--json"], folder);
    let same: Vec<serde_json::Value> = serde_json::from_str(&same).unwrap();
    let left_out = report["left_out"].as_array().unwrap();
    assert!(
        left_out.len() == 5 && left_out.iter().all(|out| out["fault"].as_str().unwrap().ends_with("it is for NVIDIA cards")),
        "{left_out:?}"
    );
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
