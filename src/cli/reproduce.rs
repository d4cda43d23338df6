//! `reproduce`.

use super::common::Common;
use super::compute::{describe, on_device};
use super::progress::Bar;
use crate::Result;
use crate::config::Preset;
use crate::reproduce::reproduce;
use clap::ValueEnum;
use std::path::PathBuf;

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum PresetName {
    /// 7000 lattices, filters 32/64/128: a reproduction takes minutes on two cores
    Quick,
    /// 12,000 lattices, filters 64/128/256: about an hour
    Medium,
    /// The paper's own scale: 20,000 lattices, filters 256/512/1024
    Paper,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Quick => Preset::Quick,
            PresetName::Medium => Preset::Medium,
            PresetName::Paper => Preset::Paper,
        }
    }
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// How large
    #[arg(long, value_enum, default_value = "quick")]
    preset: PresetName,
    /// Folder of the reproduction [default: runs/PRESET]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let preset = Preset::from(args.preset);
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
