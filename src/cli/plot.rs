//! `plot`.

use crate::figures::{self, FIGURES};
use crate::{Error, Result, reproduce};
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

pub(super) fn run(args: &Args) -> Result<()> {
    if !FIGURES.iter().any(|(id, _)| *id == args.figure) {
        return Err(Error::value("figure", format!("{:?} is unknown; there are: {}", args.figure, ids())));
    }
    figures::write(&args.out, &reproduce::draw(&args.figure, &args.run)?)
}
