//! Draws what `benches/growth.py` measured.
//!
//! `cargo run --release --example growth -- benches/results/growth.json growth.svg` (or `.png`)

use scalefree::figures::{Growth, Measured, growth, write};
use serde_json::Value;
use std::error::Error;
use std::path::Path;

/// The axes of the file, and how they are shown.
const AXES: [(&str, &str, &str); 5] = [
    ("batch", "D2L step, paper's width", "Batch"),
    ("width", "D2L step, batch 10", "Filters of the first layer"),
    ("lattice", "D2L step, batch 10", "Lattice size *L*"),
    ("labels", "Labels, *L* = 16", "Lattices"),
    ("labelled lattice", "Labels of 64 lattices", "Lattice size *L*"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = paths.as_slice() else { return Err("usage: growth MEASURED.json PICTURE.svg|png".into()) };
    let report: Value = serde_json::from_slice(&std::fs::read(from)?)?;
    let points = report["points"].as_array().ok_or("no points in the file")?;
    let growths: Vec<Growth> = AXES
        .into_iter()
        .map(|(axis, title, label)| {
            let number = |point: &Value, key: &str| point[key].as_f64().unwrap_or(f64::NAN);
            let of_axis = points.iter().filter(|point| point["axis"] == axis);
            let measured =
                |point| Measured { size: number(point, "size"), seconds: number(point, "seconds"), bytes: number(point, "bytes") };
            Growth { title, label, points: of_axis.map(measured).collect() }
        })
        .collect();
    Ok(write(Path::new(to), &growth(&growths))?)
}
