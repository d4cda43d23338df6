//! Draws what becomes of designs that leave D2L's training range, over the runs of sweeps.
//!
//! `cargo run --release --example beyond -- runs/choices/table.json beyond.svg` (or `.png`; several tables may stand before it)

use scalefree::figures::{Beyond, beyond, write};
use serde_json::Value;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let Some((to, tables @ [_, ..])) = paths.split_last() else { return Err("usage: beyond TABLE.json... PICTURE.svg|png".into()) };
    let (mut runs, mut known) = (Vec::new(), Vec::new());
    for table in tables {
        let table: Value = serde_json::from_slice(&std::fs::read(table)?)?;
        for run in table.as_array().ok_or("a table.json of `scalefree sweep` is a list of runs")? {
            let rows = run["rows"].as_array().filter(|rows| !rows.is_empty());
            // Plans may share runs.
            let (Some(rows), false) = (rows, known.contains(&run["run"])) else { continue };
            known.push(run["run"].clone());
            let of = |id: &str| rows.iter().find(|row| row["id"] == id).and_then(|row| row["ours"].as_f64()).unwrap_or(f64::NAN);
            runs.push(Beyond {
                share: of("control.range"),
                chain: of("3d.accuracy"),
                truth: of("3e.accuracy"),
                exponent: of("4g-1.alpha"),
                exponential: of("4g-1.ratio.exponential"),
            });
        }
    }
    Ok(write(Path::new(to), &beyond(&runs))?)
}
