//! `plot`.

use super::common::Common;
use crate::config::Preset;
use crate::figures::{self, FIGURES};
use crate::{Error, Result, reproduce};
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = format!("Figures: {}", ids()))]
pub(super) struct Args {
    /// The figure's number in the paper, e.g. 4g
    figure: String,
    /// Folder of a reproduction
    run: PathBuf,
    /// Gets the picture
    #[arg(long, value_name = "F.svg|F.png")]
    out: PathBuf,
}

fn ids() -> String {
    FIGURES.iter().map(|(id, _)| *id).collect::<Vec<_>>().join(", ")
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    common.load(Preset::Paper)?;
    if !FIGURES.iter().any(|(id, _)| *id == args.figure) {
        return Err(Error::value("figure", format!("{:?} is unknown; there are: {}", args.figure, ids())));
    }
    figures::write(&args.out, &reproduce::draw(&args.figure, &args.run)?)?;
    if common.json {
        out!("{}", json!({ "figure": args.figure, "out": args.out.display().to_string() }));
    }
    Ok(())
}
