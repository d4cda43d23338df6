//! Every figure from the saved data of a run: files in, SVG out.

mod curves;
mod hubs;
mod networks;
mod structures;
mod tails;

use super::fits::Fits;
use super::{Branch, Run};
use crate::analysis::powerlaw::Fit;
use crate::config::Config;
use crate::{Error, Result};
use std::path::Path;

/// A run whose figures are drawn.
struct Source {
    run: Run,
    config: Config,
    /// The figure, for errors.
    id: String,
}

/// The figure `id` of the run in `folder`, as SVG.
///
/// # Errors
/// [`Error::Lacking`] where a stage that the figure needs has left no files, or left too little; a folder that is no reproduction; an
/// unknown figure.
pub fn draw(id: &str, folder: &Path) -> Result<String> {
    let run = Run::new(folder);
    let config = run.config()?;
    let source = Source { run, config, id: id.into() };
    for (file, stage) in needs(id) {
        source.wanted(&source.run, file, stage)?;
    }
    match id {
        "2a" | "3a" | "3b" | "S7" => Ok(networks::draw(&source)),
        "1" | "2b-e" | "4a-f" | "mode" => structures::draw(&source),
        "training" | "2fg" | "3cde" | "S1" | "S2" | "population" => curves::draw(&source),
        "4g" | "4g-fit" | "5b" | "5cd" | "5w" | "S3" | "S4" | "S5" | "S8" | "S9" => tails::draw(&source),
        "6abcd" | "6sweep" | "6removal" | "S6" => hubs::draw(&source),
        _ => Err(Error::value("figure", format!("{id:?} is unknown"))),
    }
}

type Need = (&'static str, &'static str);

const TRAINED: [Need; 2] = [("d2l/metrics.jsonl", "train D2L"), ("l2d/metrics.jsonl", "train L2D")];
const TEST: Need = ("data/d2l_test.npz", "data");
const TARGETS: Need = ("data/l2d_test.npz", "data");
const DESIGNS: Need = ("designs.npz", "predict and design");
const FITS: Need = ("fits.json", "power-law fits");
const ATTACK: [Need; 2] = [("attack_seed.npz", "attack"), ("attack_design.npz", "attack")];

/// The files that figure `id` is made from, each with the stage that makes it.
fn needs(id: &str) -> Vec<Need> {
    match id {
        "1" => vec![TEST],
        "training" => TRAINED.into(),
        "2b-e" | "2fg" => vec![TEST, ("prediction.npz", "predict and design")],
        "3cde" | "4a-f" | "mode" | "population" => vec![TARGETS, DESIGNS],
        "4g" | "5cd" | "S4" | "S5" | "S8" => vec![TARGETS, DESIGNS, FITS],
        "4g-fit" | "S3" => vec![FITS],
        "5b" => vec![TARGETS, DESIGNS, FITS, ("network.npz", "network")],
        "5w" => vec![FITS, ("network.npz", "network")],
        "S9" => vec![TARGETS, DESIGNS, FITS, ("network.npz", "network")],
        "6abcd" => [TARGETS, DESIGNS].into_iter().chain(ATTACK).collect(),
        "6sweep" => vec![("robustness.npz", "robustness")],
        "6removal" => vec![("removal.npz", "robustness")],
        "S1" => vec![("sets/both.npz", "sets of Fig. S1")],
        "S6" => vec![("spectra.npz", "spectra")],
        _ => vec![],
    }
}

impl Source {
    fn modes(&self) -> usize {
        self.config.lattice.sites()
    }

    /// Is the file there?
    fn wanted(&self, run: &Run, file: &str, stage: &str) -> Result<()> {
        let path = run.path(file);
        if path.exists() {
            return Ok(());
        }
        Err(self.lacking(format!("{} is not there; the stage \u{201c}{stage}\u{201d} makes it", path.display())))
    }

    fn lacking(&self, lacking: String) -> Error {
        Error::Lacking { what: format!("figure {}", self.id), lacking }
    }

    /// A branch of the run with its configuration, where the run has the files that `needs` says.
    fn branch(&self, branch: Branch) -> Result<(Run, Config)> {
        let run = self.run.child(branch);
        if !run.folder().exists() {
            return Err(self.lacking(format!("{}/ is not there; the presets medium and paper make this branch", branch.folder())));
        }
        for (file, stage) in needs(&self.id) {
            if !(branch == Branch::OnePool && file.starts_with("data/")) {
                self.wanted(&run, file, stage)?;
            }
        }
        Ok((run, branch.config(&self.config)))
    }

    /// A fit by its name.
    fn fit(&self, fits: &Fits, name: &str) -> Result<Fit> {
        let fitted = fits.get(name)?;
        fitted.fit.ok_or_else(|| self.lacking(format!("{}: {}", fitted.what, fitted.says)))
    }
}

/// What is there; nothing where the run lacks it.
fn if_there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::Lacking { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Row `k` of `values` (n, width).
fn row(values: &[f64], k: usize, width: usize) -> &[f64] {
    &values[k * width..][..width]
}
