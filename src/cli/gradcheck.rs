//! `gradcheck`.

use super::common::Common;
use crate::config::Preset;
use crate::device::Cpu;
use crate::gradcheck::{TOLERANCE, gradcheck};
use crate::{Error, Result};

#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, common: &Common) -> Result<()> {
    common.load_for_processor(Preset::Paper, "gradcheck")?;
    let checks = gradcheck(&Cpu::<f64>::new())?;
    if common.json {
        out!("{}", serde_json::to_string_pretty(&checks).map_err(|e| Error::Failed(e.to_string()))?);
    } else {
        out!("{:44} {:10} {:>11} {:>7} {:>8}  verdict", "op", "gradient", "worst error", "points", "skipped");
        for c in &checks {
            let verdict = if c.passes() { "ok" } else { "WRONG" };
            out!("{:44} {:10} {:11.2e} {:7} {:8}  {verdict}", c.op, c.gradient, c.worst, c.points, c.skipped);
        }
    }
    match checks.iter().filter(|c| !c.passes()).count() {
        0 => Ok(()),
        wrong => Err(Error::Failed(format!("{wrong} gradients differ from central differences by {TOLERANCE:.0e} or more"))),
    }
}
