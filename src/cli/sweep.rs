//! `sweep`.

use super::common::Common;
use super::compute::{describe, on_device};
use super::progress::Bar;
use crate::Result;
use crate::config::Preset;
use crate::grid::{Plan, sweep};
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// What varies, a TOML file (see below)
    plan: PathBuf,
    /// How large each run is
    #[arg(long, value_enum, default_value = "quick")]
    preset: Preset,
    /// Folder of the sweep: runs/NAME/, table.csv, table.json, table.md, sweep.svg, sweep.png
    #[arg(long, value_name = "DIR", default_value = "runs/sweep")]
    out: PathBuf,
    /// How many seeds are made at once; no number depends on it
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
}

const EXAMPLE: &str = "\
A plan:

  seeds = [1, 2, 3]                  # every setting with each of them

  [each]                             # one key at a time, beside the run as configured
  d2l.lr = [1e-4, 1e-3]
  data.population = [\"matched\"]

  [grid]                             # every combination
  l2d.l2_scope = [\"none\", \"output\", \"all\"]
  l2d.cost = [\"mean\", \"sum\"]

Any key that such a run heeds may vary. All else is as --preset, --config and --set say, without branches. \
Runs share data sets and trained networks wherever the keys behind them are the same. Ctrl-C saves; the same \
command goes on, and skips what is finished.

--jobs N is for a card and small runs; the card must hold N of them.";

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let preset = args.preset;
    let (config, compute) = common.open(preset)?;
    let plan = Plan::read(&args.plan, &config)?;
    let bar = Bar::new(common.quiet);
    let table = on_device!(compute, device => sweep(device, &describe(&compute), preset, &plan, &args.out, args.jobs, &bar))?;
    if common.json {
        out!("{}", table.json());
    } else {
        out!("{}", table.markdown());
        out!("picture: {}", args.out.join("sweep.svg").display());
    }
    Ok(())
}
