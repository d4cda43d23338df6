//! Every power-law fit of a run, with its p-value and its rivals: `fits.json`, from which rows and figures are made.

use super::material::{Material, lengths, weight_strengths};
use super::{Branch, Run};
use crate::analysis::powerlaw::{Bootstrap, Candidate, Comparison, Fit, Growth, bootstrap, compare, fit, scan, sentence, subsample};
use crate::config::Config;
use crate::progress::Progress;
use crate::{Error, Result, file};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `fits.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Fits {
    /// The fits by name: the id of their rows, without the quantity.
    pub(super) fits: BTreeMap<String, Fitted>,
    /// Every lower bound that the fit of Fig. 4g-1 chose among, thinned: its D and its exponent.
    pub(super) scan: Vec<Candidate>,
    /// Fig. S3: exponent and lower bound against the number of realisations.
    pub(super) growth: Vec<Growth>,
}

/// One fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fitted {
    /// What was fitted, in words.
    pub(super) what: String,
    /// Structures that the numbers come from; for weights the outputs.
    pub(super) realisations: usize,
    /// None where the numbers admit no fit; `says` tells why.
    pub(super) fit: Option<Fit>,
    pub(super) bootstrap: Option<Bootstrap>,
    pub(super) comparison: Option<Comparison>,
    /// What the p-value means.
    pub(super) says: String,
}

/// Numbers to be fitted.
struct Sample {
    what: String,
    realisations: usize,
    values: Vec<f64>,
}

/// Fig. S4, S5: name of the fit, the window of the designs' true w_avg, and the paper's designs in it.
pub(super) const WINDOWS: [(&str, f64, f64, usize); 4] =
    [("S4.0.20", 0.20, 0.25, 1823), ("S4.0.25", 0.25, 0.30, 1377), ("S4.0.30", 0.30, 0.35, 1588), ("S4.0.35", 0.35, 0.40, 2123)];

/// The fits of a branch.
pub(super) fn names(branch: Branch) -> Vec<&'static str> {
    match branch {
        Branch::OnePool => vec!["S8", "S9", "control.S9"],
        _ => {
            let mut names = vec!["4g-1", "control.seeds", "control.untrained", "5b", "control.5b", "5c", "5d"];
            names.extend(WINDOWS.map(|(name, ..)| name));
            names
        }
    }
}

impl Fits {
    /// # Errors
    /// A run whose fits are not made yet.
    pub(super) fn read(run: &Run) -> Result<Self> {
        let path = run.path("fits.json");
        serde_json::from_slice(&file::read_bytes(&path)?).map_err(|e| Error::file(&path, e))
    }

    fn write(&self, run: &Run) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::Failed(e.to_string()))?;
        file::write_bytes(&run.path("fits.json"), text.as_bytes())
    }

    /// A fit that every run of this branch has.
    pub(super) fn get(&self, name: &str) -> Result<&Fitted> {
        self.fits.get(name).ok_or_else(|| Error::Failed(format!("fits.json has no fit {name}")))
    }
}

/// Makes the fits that are not there yet. Each is kept as soon as it is made.
pub(super) fn compute(config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    let mut fits = if run.path("fits.json").exists() { Fits::read(run)? } else { Fits::default() };
    let names = names(run.branch);
    let growing = run.branch != Branch::OnePool;
    if names.iter().all(|name| fits.fits.contains_key(*name)) && (!growing || !fits.growth.is_empty()) {
        return Ok(());
    }
    let material = Material::load(config, run)?;
    for name in names {
        if !fits.fits.contains_key(name) {
            let fitted = Fitted::new(sample(config, run, &material, name)?, config, progress)?;
            fits.fits.insert(name.into(), fitted);
            fits.write(run)?;
        }
    }
    if growing && fits.get("4g-1")?.fit.is_some() {
        let groups: Vec<Vec<f64>> = material.chosen.iter().map(|k| material.lengths(&[*k])).collect();
        fits.scan = scan(&groups.concat())?;
        fits.growth = subsample(&groups, &sizes(groups.len()), REPEATS, config.seed, progress)?;
        fits.write(run)?;
    }
    Ok(())
}

/// Sub-samples of each size in Fig. S3.
const REPEATS: usize = 20;

/// 1, 2, 5, 10, ... realisations, and all of them.
fn sizes(all: usize) -> Vec<usize> {
    let decades = (0..).map(|decade| 10usize.pow(decade)).flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    decades.take_while(|size| *size < all).chain([all]).collect()
}

fn sample(config: &Config, run: &Run, material: &Material, name: &str) -> Result<Sample> {
    let designs = |chosen: &[usize], what: String| Sample { what, realisations: chosen.len(), values: material.lengths(chosen) };
    let chosen = &material.chosen;
    let window = if material.in_window { "0.20 <= w_avg <= 0.30" } else { "all designs (none in the window)" };
    let outputs = |values: Vec<f64>, what: &str| Sample { what: what.into(), realisations: values.len(), values };
    let [before, after] = if name.ends_with("5b") || name.ends_with("S9") { weight_strengths(config, run)? } else { Default::default() };
    Ok(match name {
        "4g-1" => designs(chosen, format!("designs\u{2019} displacement length, {window}")),
        "S8" => designs(chosen, format!("one-pool designs\u{2019} displacement length, the targets of Fig. 4g: {window}")),
        "control.seeds" => {
            let values = lengths(&material.seeds, material.modes, chosen);
            Sample { what: "the same fit on the seeds of these designs".into(), realisations: chosen.len(), values }
        }
        "control.untrained" => {
            let values = lengths(&material.designs.untrained, material.modes, chosen);
            Sample { what: "the same fit on what an untrained L2D makes of their targets".into(), realisations: chosen.len(), values }
        }
        "5b" => outputs(after, "weight strength W_j of the trained L2D"),
        "control.5b" => outputs(before, "W_j at the start of training"),
        "S9" => outputs(after, "weight strength W_j of the trained one-pool L2D"),
        "control.S9" => outputs(before, "W_j of the one-pool L2D at the start of training"),
        "5c" | "5d" => {
            let classes = material.classes();
            let [high, low] = classes.by_threshold;
            let (chosen, by_threshold, bound, else_) = match name {
                "5c" => (classes.high, high, "at least 84 %", "the best 6 %"),
                _ => (classes.low, low, "at most 69 %", "the worst 6 %"),
            };
            let which = if by_threshold { bound.to_string() } else { format!("{else_} (fewer than two of {bound})") };
            designs(&chosen, format!("designs of truth accuracy: {which}"))
        }
        window => {
            let &(_, low, high, _) = WINDOWS.iter().find(|w| w.0 == window).ok_or_else(|| Error::Failed(format!("no fit {window}")))?;
            designs(&material.between(low, high), format!("designs of {low:.2} <= w_avg <= {high:.2}"))
        }
    })
}

impl Fitted {
    fn new(sample: Sample, config: &Config, progress: &dyn Progress) -> Result<Self> {
        let Sample { what, realisations, values } = sample;
        let found = match fit(&values) {
            Ok(fit) => fit,
            Err(why) => {
                return Ok(Fitted { what, realisations, fit: None, bootstrap: None, comparison: None, says: format!("no fit: {why}") });
            }
        };
        let p = bootstrap(&values, &found, config.powerlaw.bootstrap, config.seed, progress)?;
        let comparison = compare(&values, &found)?;
        let says = sentence(&p);
        Ok(Fitted { what, realisations, fit: Some(found), bootstrap: Some(p), comparison: Some(comparison), says })
    }
}
