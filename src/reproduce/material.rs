//! What the analysis looks at: targets and their seeds, the designs, how true these are, and which of them a figure chooses.

use super::stages::{Designs, designs, set};
use super::{Branch, Run};
use crate::Result;
use crate::analysis::population::{Classes, accuracy, accuracy_classes, displacement_length, w_avg, weight_strength, window};
use crate::config::Config;
use crate::nn::{Kind, Model, initialise};

/// Fig. 4g: designs of this true average mode area.
pub(super) const WINDOW: (f64, f64) = (0.20, 0.30);

/// The test set of a run's L2D with what came of it.
pub(super) struct Material {
    /// Modes, and sites, of a lattice.
    pub(super) modes: usize,
    /// Displacements of the seeds (n, 2, L, L).
    pub(super) seeds: Vec<f64>,
    /// Their mode areas (n, N): the targets.
    pub(super) targets: Vec<f64>,
    pub(super) designs: Designs,
    /// True average mode area of each design.
    pub(super) w_avg: Vec<f64>,
    /// Truth accuracy of each design.
    pub(super) accuracy: Vec<f64>,
    /// The realisations of Fig. 4g: those whose design is in [`WINDOW`], or all where none is. In the one-pool branch they are those
    /// that the run's own designs choose (Fig. S8: "satisfying .20 <= w_avg <= .30 in the 3-pooling-layer ML design").
    pub(super) chosen: Vec<usize>,
    /// Was any design in the window?
    pub(super) in_window: bool,
}

impl Material {
    pub(super) fn load(config: &Config, run: &Run) -> Result<Self> {
        let modes = config.lattice.sites();
        let test = set(config, run, "l2d_test")?;
        let designs = designs(config, run)?;
        let accuracy = accuracy(&designs.mode_area, &test.mode_area, modes);
        let (chosen, in_window) = match run.branch {
            Branch::OnePool => in_window(&self::designs(config, &run.root())?.mode_area, modes),
            _ => in_window(&designs.mode_area, modes),
        };
        let (seeds, targets, w_avg) = (test.structures.displacement, test.mode_area, w_avg(&designs.mode_area, modes));
        Ok(Material { modes, seeds, targets, designs, w_avg, accuracy, chosen, in_window })
    }

    /// The designs of [`Material::chosen`] whose true average mode area is in a window (Fig. S4).
    pub(super) fn between(&self, low: f64, high: f64) -> Vec<usize> {
        window(&self.w_avg, low, high)
    }

    /// Of the chosen designs the true ones and the untrue ones (Fig. 5c, d).
    pub(super) fn classes(&self) -> Classes {
        accuracy_classes(&self.accuracy, &self.chosen)
    }

    /// Displacement lengths of some of the designs.
    pub(super) fn lengths(&self, chosen: &[usize]) -> Vec<f64> {
        lengths(&self.designs.structures.displacement, self.modes, chosen)
    }
}

/// The designs of Fig. 4g: those in the window of true average mode area, or all where the window is empty.
pub(super) fn in_window(mode_area: &[f64], modes: usize) -> (Vec<usize>, bool) {
    let w = w_avg(mode_area, modes);
    let chosen = window(&w, WINDOW.0, WINDOW.1);
    if chosen.is_empty() { ((0..w.len()).collect(), false) } else { (chosen, true) }
}

/// Displacement lengths of the chosen structures of (n, 2, L, L).
pub(super) fn lengths(displacement: &[f64], sites: usize, chosen: &[usize]) -> Vec<f64> {
    chosen.iter().flat_map(|k| displacement_length(&displacement[k * 2 * sites..][..2 * sites], sites)).collect()
}

/// The weights from the hidden layer to the output, (2N, hidden).
pub(super) fn output_weights(model: &Model) -> &[f64] {
    let parameters = model.architecture.parameters();
    let [.., weight, bias] = parameters.as_slice() else { return &[] };
    let end = model.values.len() - bias.span.len();
    &model.values[end - weight.span.len()..end]
}

/// W_j of a run's L2D (Fig. 5b), before the first step and after the last.
pub(super) fn weight_strengths(config: &Config, run: &Run) -> Result<[Vec<f64>; 2]> {
    let after = run.model(Kind::L2d)?;
    let values = initialise(&config.architecture(Kind::L2d), config.l2d.init, config.l2d.output_scale, config.seed);
    let before = Model { values, ..after.clone() };
    Ok([&before, &after].map(|model| weight_strength(output_weights(model), model.architecture.hidden)))
}
