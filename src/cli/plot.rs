//! `plot`.

use crate::figures::{FIGURES, png};
use crate::{Error, Result, file, reproduce};
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

/// Pixels of a PNG to a unit of the drawing.
const PNG_SCALE: f32 = 2.0;

fn ids() -> String {
    FIGURES.iter().map(|(id, _)| *id).collect::<Vec<_>>().join(", ")
}

pub(super) fn run(args: &Args) -> Result<()> {
    if !FIGURES.iter().any(|(id, _)| *id == args.figure) {
        return Err(Error::value("figure", format!("{:?} is unknown; there are: {}", args.figure, ids())));
    }
    let ending = args.out.extension().and_then(|ending| ending.to_str());
    let Some(ending @ ("svg" | "png")) = ending else {
        return Err(Error::value("--out", "name a file that ends in .svg or .png"));
    };
    let svg = reproduce::draw(&args.figure, &args.run)?;
    let bytes = if ending == "png" { png(&svg, PNG_SCALE)? } else { svg.into_bytes() };
    file::write_bytes(&args.out, &bytes)
}
