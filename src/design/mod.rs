//! Structures for target localisations: the L2D network draws them, the Hamiltonian tells what they really do.

use crate::dataset::Structures;
use crate::nn::{Kind, Model, layout};
use crate::ops::Device;
use crate::ops::eigh::Labels;
use crate::physics::{Lattice, Spectrum, solve_on};
use crate::progress::Progress;
use crate::train::Predictor;
use crate::{Error, Result};

/// Structures with their true modes.
#[derive(Debug, Clone, PartialEq)]
pub struct Designs {
    /// What the network drew.
    pub structures: Structures,
    /// What the Hamiltonian says of it (Eq. 1, 2).
    pub truth: Spectrum,
}

/// The mode areas (n, N) that a D2L predicts for `structures`, in the network's order.
pub fn predict<D: Device>(device: &D, d2l: &Model, structures: &Structures) -> Result<Vec<f64>> {
    expect("model", d2l, Kind::D2l, structures.size)?;
    let inputs = layout::to_nhwc(d2l.architecture.input(), &structures.displacement);
    finite("D2L", structures.count, Predictor::new(device, d2l, None)?.run(device, &inputs)?)
}

/// The structures that an L2D draws for the targets `mode_area` (n, N), rounded to f4 as they are stored.
pub fn draw<D: Device>(device: &D, l2d: &Model, mode_area: &[f64], size: usize) -> Result<Structures> {
    expect("model", l2d, Kind::L2d, size)?;
    let drawn = Predictor::new(device, l2d, None)?.run(device, &scaled(l2d, mode_area))?;
    let displacement: Vec<f64> = layout::to_nchw(l2d.architecture.output(), &drawn).into_iter().map(|d| f64::from(d as f32)).collect();
    let count = mode_area.len() / (size * size);
    Ok(Structures { size, count, displacement: finite("L2D", count, displacement)? })
}

/// [`draw`], then the Hamiltonian truth of what was drawn.
pub fn design<D: Device>(
    device: &D,
    l2d: &Model,
    mode_area: &[f64],
    labels: &Labels,
    lattice: &Lattice,
    progress: &dyn Progress,
) -> Result<Designs> {
    let structures = draw(device, l2d, mode_area, lattice.size)?;
    let truth = solve_on(device, labels, lattice, &structures.displacement, progress)?;
    Ok(Designs { structures, truth })
}

/// The mode areas (n, N) that the D2L sees in the structures that the L2D draws for `mode_area`: the chain L2D2L.
pub fn chain<D: Device>(device: &D, l2d: &Model, d2l: &Model, mode_area: &[f64]) -> Result<Vec<f64>> {
    expect("model", l2d, Kind::L2d, l2d.architecture.size)?;
    expect("model", d2l, Kind::D2l, l2d.architecture.size)?;
    let count = mode_area.len() / l2d.architecture.sites();
    finite("L2D2L", count, Predictor::new(device, l2d, Some(d2l))?.run(device, &scaled(l2d, mode_area))?)
}

fn scaled(l2d: &Model, mode_area: &[f64]) -> Vec<f64> {
    l2d.scaling.as_ref().map_or_else(|| mode_area.to_vec(), |scaling| scaling.apply(mode_area))
}

/// What a network gave for `count` samples, if all of it is finite.
fn finite(network: &str, count: usize, output: Vec<f64>) -> Result<Vec<f64>> {
    match output.iter().position(|v| !v.is_finite()) {
        None => Ok(output),
        Some(at) => {
            let sample = at / (output.len() / count);
            let fault = format!("the {network} gives {} for sample {sample}; the sample or the model's numbers are too large", output[at]);
            Err(Error::value("model", fault))
        }
    }
}

/// Is `model`, which the user calls `name`, a `kind` for lattices of `size` sites a side?
pub fn expect(name: &str, model: &Model, kind: Kind, size: usize) -> Result<()> {
    let found = &model.architecture;
    if found.kind != kind {
        return Err(Error::value(name, format!("holds the network {}; {kind} is needed here", found.kind)));
    }
    if found.size != size {
        let fault = format!("is for lattices of {0} x {0} sites, but the input has {size} x {size}", found.size);
        return Err(Error::value(name, fault));
    }
    Ok(())
}
