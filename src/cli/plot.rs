//! `plot`.

use crate::{Error, Result, figures, file, reproduce};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The figure's number in the paper, e.g. 4g
    figure: String,
    /// Folder of a reproduction
    run: PathBuf,
    /// Gets the picture
    #[arg(long, value_name = "F.svg")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if !figures::FIGURES.iter().any(|(id, _)| *id == args.figure) {
        let known: Vec<&str> = figures::FIGURES.iter().map(|(id, _)| *id).collect();
        return Err(Error::value("figure", format!("{:?} is unknown; there are: {}", args.figure, known.join(", "))));
    }
    if args.out.extension().is_none_or(|e| e != "svg") {
        return Err(Error::value("--out", "name a file that ends in .svg"));
    }
    let svg = reproduce::draw(&args.figure, &args.run)?;
    file::write_bytes(&args.out, svg.as_bytes())
}
