//! `reproduce`.

use super::common::Common;
use super::compute::{describe, on_device};
use super::progress::Bar;
use crate::Result;
use crate::config::Preset;
use crate::reproduce::reproduce;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// How large
    #[arg(long, value_enum, default_value = "quick")]
    preset: Preset,
    /// Folder of the reproduction [default: runs/PRESET]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let preset = args.preset;
    let (config, compute) = common.open(preset)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(preset.name()));
    let bar = Bar::new(common.quiet);
    let rows = on_device!(compute, device => reproduce(device, &describe(&compute), preset, &config, &out, &bar))?;
    if common.json {
        out!("{}", serde_json::to_string(&rows).map_err(|e| crate::Error::Failed(e.to_string()))?);
    } else {
        for row in &rows {
            let verdict = row.verdict.map_or("", |v| v.word());
            let ours = row.ours.map_or("-".into(), |v| format!("{v:.4}"));
            out!("{:20} {:54} {ours:>10} {:8} {verdict}", row.id, row.what, row.unit);
        }
        out!("report: {}", out.join("report.html").display());
    }
    Ok(())
}
