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

/// A run one of whose figures is drawn.
struct Source {
    run: Run,
    config: Config,
    /// The figure, for its title and for errors.
    id: &'static str,
    needs: &'static [Need],
}

/// A file that a figure is made from, and the stage that makes it.
type Need = (&'static str, &'static str);

const TEST: Need = ("data/d2l_test.npz", "data");
const TARGETS: Need = ("data/l2d_test.npz", "data");
const PREDICTION: Need = ("prediction.npz", "predict and design");
const DESIGNS: Need = ("designs.npz", "predict and design");
const FITS: Need = ("fits.json", "power-law fits");
const NETWORK: Need = ("network.npz", "network");

/// Makes a figure from what a run has saved.
type Draw = fn(&Source) -> Result<String>;

/// Every figure by its id, in the order of [`crate::figures::FIGURES`]: what it needs, and who draws it.
const FIGURES: &[(&str, &[Need], Draw)] = &[
    ("1", &[TEST], structures::deformed_lattice),
    ("training", &[("d2l/metrics.jsonl", "train D2L"), ("l2d/metrics.jsonl", "train L2D")], curves::trainings),
    ("2a", &[], networks::d2l),
    ("2b-e", &[TEST, PREDICTION], structures::weak_and_strong_predicted),
    ("2fg", &[TEST, PREDICTION], curves::predicted_areas),
    ("3a", &[], networks::l2d),
    ("3b", &[], networks::l2d_learns),
    ("3cde", &[TARGETS, DESIGNS], curves::designed_areas),
    ("4a-f", &[TARGETS, DESIGNS], structures::weak_and_strong_redesigned),
    ("4g", &[TARGETS, DESIGNS, FITS], tails::displacements),
    ("4g-fit", &[FITS], tails::candidates),
    ("5b", &[TARGETS, DESIGNS, FITS, NETWORK], tails::designs_and_weights),
    ("5cd", &[TARGETS, DESIGNS, FITS], tails::by_accuracy),
    ("5w", &[FITS, NETWORK], tails::strengths),
    ("6abcd", &[TARGETS, DESIGNS, ("attack_seed.npz", "attack"), ("attack_design.npz", "attack")], hubs::one_pair),
    ("6sweep", &[("robustness.npz", "robustness")], hubs::many_pairs),
    ("6removal", &[("removal.npz", "robustness")], hubs::harms),
    ("S1", &[("sets/both.npz", "sets of Fig. S1")], curves::deformations),
    ("S2", &[], curves::sweeps),
    ("S3", &[FITS], tails::sub_samples),
    ("S4", &[TARGETS, DESIGNS, FITS], tails::by_localisation),
    ("S5", &[TARGETS, DESIGNS, FITS], tails::laws_by_localisation),
    ("S6", &[("spectra.npz", "spectra")], hubs::energies),
    ("S7", &[], networks::one_pool),
    ("S8", &[TARGETS, DESIGNS, FITS], tails::displacements_of_variants),
    ("S9", &[TARGETS, DESIGNS, FITS, NETWORK], tails::both_variants),
    ("population", &[TARGETS, DESIGNS], curves::populations),
    ("mode", &[TARGETS, DESIGNS], structures::two_modes_each),
];

/// The figure `id` of the run in `folder`, as SVG.
///
/// # Errors
/// [`Error::Lacking`] where a stage that the figure needs has left no files, or left too little; a folder that is no reproduction; an
/// unknown figure.
pub fn draw(id: &str, folder: &Path) -> Result<String> {
    let run = Run::new(folder);
    let config = run.config()?;
    let Some(&(id, needs, figure)) = FIGURES.iter().find(|(known, ..)| *known == id) else {
        return Err(Error::value("figure", format!("{id:?} is unknown")));
    };
    let source = Source { run, config, id, needs };
    for (file, stage) in needs {
        source.wanted(&source.run, file, stage)?;
    }
    figure(&source)
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

    /// A branch of the run with its configuration, where it has the files that the figure needs.
    fn branch(&self, branch: Branch) -> Result<(Run, Config)> {
        let run = self.run.child(branch);
        if !run.folder().exists() {
            return Err(self.lacking(format!("{}/ is not there; the presets medium and paper make this branch", branch.folder())));
        }
        for (file, stage) in self.needs {
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_caption_has_a_figure() {
        let drawn: Vec<&str> = super::FIGURES.iter().map(|(id, ..)| *id).collect();
        let told: Vec<&str> = crate::figures::FIGURES.iter().map(|(id, _)| *id).collect();
        assert_eq!(drawn, told);
    }
}
