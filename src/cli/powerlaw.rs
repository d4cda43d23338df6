//! `powerlaw`.

use super::common::{Common, check_output};
use super::progress::Bar;
use crate::analysis::numbers;
use crate::analysis::powerlaw::{self, Bootstrap, Candidate, Comparison, Fit, discrete};
use crate::config::Preset;
use crate::dataset::npz;
use crate::{Error, Result, file};
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
The fit follows Clauset, Shalizi and Newman (SIAM Review 51, 661, 2009): the exponent by maximum likelihood, \
the lower bound xmin by the smallest Kolmogorov-Smirnov distance D. A high p-value does not prove a power law, \
and the likelihood ratios say whether another law describes the same tail better.

Examples:
  scalefree powerlaw sizes.txt                        everything
  scalefree powerlaw sizes.csv --bootstrap 0 --json   at once, for programs
  scalefree powerlaw degrees.txt --discrete           counts
  scalefree powerlaw sizes.npy --scan bounds.csv      up to 2000 lower bounds, for a picture")]
pub(super) struct Args {
    /// Positive numbers: text, one CSV column, or .npy
    file: PathBuf,
    /// Synthetic samples behind the p-value; 0 for no p-value [default: powerlaw.bootstrap, 1000]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    bootstrap: Option<usize>,
    /// The numbers are counts: fit the power law of whole numbers (no likelihood ratios)
    #[arg(long)]
    discrete: bool,
    /// Write xmin, alpha, D and n_tail of up to 2000 lower bounds, and the best, as CSV
    #[arg(long, value_name = "F.csv")]
    scan: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let config = common.load_for_processor(Preset::Paper, "powerlaw")?;
    let values = read(&args.file)?;
    let named = |e: Error| match e {
        Error::Value { .. } => Error::file(&args.file, e),
        other => other,
    };
    let draws = args.bootstrap.unwrap_or(config.powerlaw.bootstrap);
    if draws > 0 {
        powerlaw::check_draws("--bootstrap", draws)?;
    }
    if let Some(path) = &args.scan {
        check_output(path, &[&args.file])?;
    }
    let bar = Bar::new(common.quiet);
    let fit = if args.discrete { discrete::fit(&values) } else { powerlaw::fit(&values) }.map_err(named)?;
    if let Some(path) = &args.scan {
        let scan = if args.discrete { discrete::scan(&values) } else { powerlaw::scan(&values) }?;
        file::write_bytes(path, csv(&scan).as_bytes())?;
    }
    let rivals = if args.discrete { None } else { Some(powerlaw::compare(&values, &fit)?) };
    let bootstrap = match (draws, args.discrete) {
        (0, _) => None,
        (_, true) => Some(discrete::bootstrap(&values, &fit, draws, config.seed, &bar)?),
        (_, false) => Some(powerlaw::bootstrap(&values, &fit, draws, config.seed, &bar)?),
    };
    if common.json {
        out!("{}", as_json(&fit, bootstrap.as_ref(), rivals.as_ref(), args.discrete)?);
    } else {
        out!("{}", table(&fit, bootstrap.as_ref(), rivals.as_ref(), args.discrete).trim_end());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<f64>> {
    let bytes = file::read_bytes(path)?;
    if npz::is_npy(&bytes) {
        return Ok(npz::parse_npy(path, None, &bytes)?.values);
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::file(path, "neither text nor NPY; numbers are needed"))?;
    numbers::parse_text(&text).map_err(|e| Error::file(path, e))
}

fn csv(scan: &[Candidate]) -> String {
    let mut text = String::from("xmin,alpha,ks,n_tail\n");
    for Candidate { xmin, alpha, ks, n_tail } in scan {
        let _ = writeln!(text, "{xmin},{alpha},{ks},{n_tail}");
    }
    text
}

/// The fields of [`Fit`] at the top; `bootstrap` and `rivals` hold the rest, each with its sentence.
fn as_json(fit: &Fit, bootstrap: Option<&Bootstrap>, rivals: Option<&Comparison>, discrete: bool) -> Result<serde_json::Value> {
    let fault = |e: serde_json::Error| Error::Failed(e.to_string());
    let mut told = serde_json::to_value(fit).map_err(fault)?;
    told["discrete"] = json!(discrete);
    if let Some(bootstrap) = bootstrap {
        told["p"] = json!(bootstrap.p);
        told["bootstrap"] = serde_json::to_value(bootstrap).map_err(fault)?;
        told["bootstrap"]["meaning"] = json!(powerlaw::sentence(bootstrap));
    }
    if let Some(rivals) = rivals {
        told["rivals"] = serde_json::to_value(rivals).map_err(fault)?;
        for (name, rival) in rivals.named() {
            told["rivals"][name.replace(' ', "_")]["meaning"] = json!(rival.sentence(name));
        }
    }
    Ok(told)
}

/// A number in the units of the sample, which may be of any size.
fn measured(number: f64) -> String {
    if number == 0.0 || (1e-3..1e6).contains(&number.abs()) { format!("{number:.6}") } else { format!("{number:.6e}") }
}

fn table(fit: &Fit, bootstrap: Option<&Bootstrap>, rivals: Option<&Comparison>, discrete: bool) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.extend([words.as_str(), "\n"]);
    let kind = if discrete { "counts" } else { "numbers" };
    line(format!("{} {kind}; the tail from xmin up follows x^-alpha most closely with", fit.n));
    line(format!("  alpha   {:.5} +- {:.5}   exponent, with its standard error for this xmin", fit.alpha, fit.sigma));
    line(format!("  xmin    {}   lower bound of the tail", measured(fit.xmin)));
    line(format!("  D       {:.6}   Kolmogorov-Smirnov distance between tail and fit, 0 to 1", fit.ks));
    line(format!("  n_tail  {}   {kind} in the tail, {:.2} % of all", fit.n_tail, 100.0 * fit.n_tail as f64 / fit.n as f64));
    if fit.n_tail < 50 {
        line("  A tail of fewer than 50 tells little: exponent and bound can be far off, and any law fits.".into());
    }
    if let Some(bootstrap) = bootstrap {
        let Bootstrap { draws, p, p_error, alpha_error, xmin_error, sample } = bootstrap;
        let whose = if sample.is_some() { ", of one sub-sample" } else { "" };
        line(format!("\nCould a power law have made them? {draws} synthetic samples, each fitted anew:"));
        line(format!("  p       {p:.3} +- {p_error:.3}"));
        line(format!("  errors  alpha +- {alpha_error:.5}, xmin +- {}   with the choice of xmin included{whose}", measured(*xmin_error)));
        line(format!("  {}", powerlaw::sentence(bootstrap)));
    }
    if let Some(rivals) = rivals {
        line("\nDoes another law describe the same tail better? Likelihood ratio (above 0: the power law is likelier) and p:".into());
        for (name, rival) in rivals.named() {
            line(format!("  {name:<22} {:>8.3}   p {:<6.3} {}", rival.ratio, rival.p, rival.sentence(name)));
        }
        line("  The ratio is in standard deviations; a p above 0.1 means that its sign may be chance.".into());
    }
    text
}
