//! What training does to the networks' weights (Fig. 5, S9): how strongly each atom's outputs are reached, whether that is where the
//! designs move atoms far, and the spectra of the layers.
//!
//! `network.npz`, all f8, N atoms:
//!
//! | array | shape | what |
//! |---|---|---|
//! | `before`, `after` | (N) | W_j of the L2D at the start of training, and of the trained one |
//! | `displacement` | (N) | mean displacement length of atom j over the designs of Fig. 4g, in lattice periods |
//! | `NET.LAYER.before`, `.after` | (eigenvalues) | spectrum of a layer, ascending; NET is `d2l` or `l2d`, LAYER is `conv1` ... `fc2` |
//! | `NET.LAYER.edge` | (2) | where the spectrum of a random matrix of the same variance ends, before and after |
//!
//! Spectra are those of [`layer_spectrum`]: of W^T W / N, those of a convolution's nine windows together.

use super::material::{Material, weight_strengths};
use super::{Branch, Run};
use crate::analysis::network::{Shape, correlation, layer_spectrum, random_edge};
use crate::analysis::population::mean_displacement;
use crate::analysis::powerlaw::{Fit, fit};
use crate::config::Config;
use crate::dataset::npz;
use crate::nn::{Architecture, Kind, initialise};
use crate::report::{Claim, Row};
use crate::{Error, Result};

/// `network.npz`.
pub(super) struct Network {
    /// W_j at the start of training.
    pub(super) before: Vec<f64>,
    /// W_j of the trained L2D.
    pub(super) after: Vec<f64>,
    /// Mean displacement length of each atom over the designs.
    pub(super) displacement: Vec<f64>,
    /// The layers of D2L, then of L2D.
    pub(super) layers: Vec<Layer>,
}

/// The spectrum of one layer.
pub(super) struct Layer {
    /// `d2l.conv1` ... `l2d.fc2`.
    pub(super) name: String,
    /// Eigenvalues at the start of training, ascending.
    pub(super) before: Vec<f64>,
    /// Those of the trained layer.
    pub(super) after: Vec<f64>,
    /// Where chance would end, before and after.
    pub(super) edge: [f64; 2],
}

const FILE: &str = "network.npz";

/// The weights of a network by name, `conv1` ... `fc2`, with their shapes and places in a model's values.
fn weights(architecture: &Architecture) -> Vec<(String, Shape, std::ops::Range<usize>)> {
    let mut first = 0;
    let mut weights = Vec::new();
    for parameter in architecture.parameters() {
        let place = first..first + parameter.span.len();
        first = place.end;
        if let Some(layer) = parameter.name.strip_suffix(".weight") {
            weights.push((layer.to_string(), Shape::new(&parameter.shape), place));
        }
    }
    weights
}

/// Reads `network.npz`.
pub(super) fn read(config: &Config, run: &Run) -> Result<Network> {
    let path = run.path(FILE);
    let mut npz = npz::Npz::open(&path)?;
    let mut column = |key: &str| npz.array(key).map(|array| array.values);
    let mut layers = Vec::new();
    for kind in [Kind::D2l, Kind::L2d] {
        for (layer, ..) in weights(&config.architecture(kind)) {
            let name = format!("{}.{layer}", kind.key());
            let edge = column(&format!("{name}.edge"))?;
            let &[before, after] = edge.as_slice() else {
                return Err(Error::file(&path, format!("{name}.edge holds {} numbers; 2 are needed", edge.len())));
            };
            let (edge, before, after) = ([before, after], column(&format!("{name}.before"))?, column(&format!("{name}.after"))?);
            layers.push(Layer { name, before, after, edge });
        }
    }
    let [before, after, displacement] = [column("before")?, column("after")?, column("displacement")?];
    if after.len() != before.len() || displacement.len() != before.len() {
        return Err(Error::file(&path, "before, after and displacement are of different lengths"));
    }
    Ok(Network { before, after, displacement, layers })
}

/// Makes `network.npz`.
pub(super) fn compute(config: &Config, run: &Run) -> Result<()> {
    let path = run.path(FILE);
    if path.exists() {
        return Ok(());
    }
    let material = Material::load(config, run)?;
    let displacement = mean_displacement(&material.designs.structures.displacement, material.modes, &material.chosen);
    let [before, after] = weight_strengths(config, run)?;
    let mut layers = Vec::new();
    for kind in [Kind::D2l, Kind::L2d] {
        let name = kind.key();
        let trained = run.model(kind)?;
        let keys = config.network(kind);
        let start = initialise(&trained.architecture, keys.init, keys.output_scale, config.seed);
        for (layer, shape, place) in weights(&trained.architecture) {
            let (start, trained) = (&start[place.clone()], &trained.values[place]);
            layers.push(Layer {
                name: format!("{name}.{layer}"),
                before: layer_spectrum(start, shape)?,
                after: layer_spectrum(trained, shape)?,
                edge: [random_edge(start, shape), random_edge(trained, shape)],
            });
        }
    }
    npz::write_npz(&path, |npz| {
        for (key, values) in [("before", &before), ("after", &after), ("displacement", &displacement)] {
            npz.array(key, &[values.len()], values)?;
        }
        for Layer { name, before, after, edge } in &layers {
            npz.array(&format!("{name}.before"), &[before.len()], before)?;
            npz.array(&format!("{name}.after"), &[after.len()], after)?;
            npz.array(&format!("{name}.edge"), &[2], edge)?;
        }
        Ok(())
    })
}

/// Layers with fewer eigenvalues have no row: a power law through them says nothing.
const FEWEST: usize = 50;

/// Of the correlation (Fig. 5a against 5b), and of each layer's spectrum.
pub(super) fn rows(config: &Config, run: &Run) -> Result<Vec<Row>> {
    let network = read(config, run)?;
    let n = network.after.len();
    let c = correlation(&network.after, &network.displacement);
    let start = correlation(&network.before, &network.displacement);
    let id = if run.branch == Branch::OnePool { "S9" } else { "5b" };
    let stated = || "lattice deformation is strongly related to the weights of the outputs".to_string();
    // Alike by more than twice its error.
    let row = |key: &str, what: &str, ours: f64, error: f64, before: f64| {
        Row::new(&format!("{id}.{key}"), what, ours, "", n)
            .claim(Claim::Direction { stated: stated(), holds: ours > 2.0 * error && ours > 0.5 }, 256)
            .uncertainty(error)
            .baseline(before)
            .note("over the atoms; judged: above 1/2 and beyond twice its error; baseline: W_j at the start of training")
    };
    let what = "W_j against the mean displacement of atom j";
    let mut rows = vec![
        row("pearson", &format!("{what}, Pearson"), c.pearson, c.pearson_error, start.pearson),
        row("spearman", &format!("{what}, Spearman"), c.spearman, c.spearman_error, start.spearman),
    ];
    let prefix = if run.branch == Branch::OnePool { "S9.layer" } else { "5layer" };
    for Layer { name, before, after, edge } in network.layers.iter().filter(|layer| layer.after.len() >= FEWEST) {
        let [before, found] = [before, after].map(|spectrum| fit(&positive(spectrum)));
        let alpha = |fit: &Result<Fit>| fit.as_ref().map_or(f64::NAN, |fit| fit.alpha);
        let beyond = after.iter().filter(|&&e| e > edge[1]).count();
        let tail = found.as_ref().map_or_else(
            |error| format!("no fit: {error}"),
            |fit| format!("D = {:.3}, xmin = {:.3e}, {} of {} eigenvalues in the tail", fit.ks, fit.xmin, fit.n_tail, fit.n),
        );
        let note = format!("{tail}; {beyond} beyond the edge of a random matrix; baseline: the start of training");
        let row = Row::new(&format!("{prefix}.{name}.alpha"), &format!("{name}: exponent of the spectrum"), alpha(&found), "", after.len());
        rows.push(row.uncertainty(found.as_ref().map_or(f64::NAN, |fit| fit.sigma)).baseline(alpha(&before)).note(note));
    }
    Ok(rows)
}

/// The eigenvalues that a power law can be fitted to: those that are not zero to rounding.
pub(super) fn positive(spectrum: &[f64]) -> Vec<f64> {
    let largest = spectrum.iter().copied().fold(0.0, f64::max);
    spectrum.iter().copied().filter(|&e| e > largest * f64::EPSILON).collect()
}
