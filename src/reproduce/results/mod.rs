//! The rows of the results table that a run can fill.

mod accuracy;
mod networks;
mod tails;

use super::material::Material;
use super::{Branch, Run, network, robustness, sets, spectra, sweep};
use crate::Result;
use crate::config::Config;
use crate::report::{MATCHED, Row};

/// The rows that tell what networks of one setting do, and how far each power law is from its rivals.
pub(super) fn numbers(config: &Config, run: &Run) -> Result<Vec<Row>> {
    let material = Material::load(config, run)?;
    let mut rows = networks::rows(config, run)?;
    rows.extend(accuracy::rows(config, run, &material)?);
    rows.extend(tails::rows(run, &material)?);
    rows.extend(tails::ratios(run)?);
    rows.extend(robustness::rows(config, run)?);
    rows.extend(network::rows(config, run)?);
    Ok(rows)
}

/// The rows of a run or of a branch of it.
pub(super) fn rows(config: &Config, run: &Run) -> Result<Vec<Row>> {
    let material = Material::load(config, run)?;
    let mut rows = networks::rows(config, run)?;
    rows.extend(accuracy::rows(config, run, &material)?);
    if run.branch == Branch::OnePool {
        rows.extend(tails::one_pool_rows(config, run, &material)?);
    } else {
        rows.extend(tails::rows(run, &material)?);
        rows.extend(robustness::rows(config, run)?);
        rows.extend(spectra::rows(run)?);
    }
    rows.extend(network::rows(config, run)?);
    match run.branch {
        Branch::Root => {
            rows.extend(sets::rows(run)?);
            rows.extend(sweep::rows(config, run)?);
        }
        Branch::Matched => rows.iter_mut().for_each(|row| row.id.insert_str(0, MATCHED)),
        Branch::OnePool => (),
    }
    Ok(rows)
}
