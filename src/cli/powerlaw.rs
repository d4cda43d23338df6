//! `powerlaw`.

use super::common::Common;
use crate::analysis::{numbers, powerlaw};
use crate::config::Preset;
use crate::dataset::npz;
use crate::{Error, Result, file};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Positive numbers: text, one CSV column, or .npy
    file: PathBuf,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    common.load(Preset::Paper)?;
    let path = &args.file;
    let bytes = file::read_bytes(path)?;
    let values = if npz::is_npy(&bytes) {
        npz::parse_npy(path, None, &bytes)?.values
    } else {
        let text = String::from_utf8(bytes).map_err(|_| Error::file(path, "neither text nor NPY; numbers are needed"))?;
        numbers::parse_text(&text).map_err(|e| Error::file(path, e))?
    };
    let fit = powerlaw::fit(&values).map_err(|e| Error::file(path, e))?;
    if common.json {
        println!("{}", serde_json::to_string(&fit).map_err(|e| Error::Failed(e.to_string()))?);
    } else {
        println!("{} numbers; the tail from xmin up follows x^-alpha most closely with", fit.n);
        println!("  alpha  {:.5} +- {:.5}   exponent, with its standard error", fit.alpha, fit.sigma);
        println!("  xmin   {:.6}   lower bound of the tail", fit.xmin);
        println!("  D      {:.6}   Kolmogorov-Smirnov distance between tail and fit", fit.ks);
        println!("  n_tail {}   numbers in the tail", fit.n_tail);
    }
    Ok(())
}
