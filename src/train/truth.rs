//! What an L2D's designs are worth by the Hamiltonian. The D2L behind it, whose word training follows, is misled the more the longer an
//! L2D trains (docs/reproduction.md).

use super::{Job, Predictor, accuracy};
use crate::nn::{Model, layout};
use crate::ops::Device;
use crate::physics::solve_on;
use crate::progress::{Progress, Within};
use crate::{Error, Result};

/// Curves, the first of the validation set, for which designs are drawn: their mean is known to half a percent, in 2 s of two cores an epoch.
const CURVES: usize = 500;

/// 1 - the mean error (Eq. 4) of the true mode areas of what `l2d` draws for `inputs`, scaled as it takes them, against `targets`.
pub(super) fn truth<D: Device>(
    device: &D,
    job: &Job<'_>,
    l2d: &Model,
    inputs: &[f64],
    targets: &[f64],
    progress: &dyn Progress,
) -> Result<f64> {
    let modes = job.architecture.sites();
    let curves = CURVES.min(targets.len() / modes);
    let drawn = Predictor::new(device, l2d, None)?.run(device, &inputs[..curves * modes])?;
    if drawn.iter().any(|d| !d.is_finite()) {
        return Err(Error::Failed("what the L2D draws is no longer finite; a lower lr may help".into()));
    }
    let displacement = layout::to_nchw(l2d.architecture.output(), &drawn);
    let modes_of_designs = solve_on(device, job.labels, job.lattice, &displacement, &Within(progress))?;
    Ok(accuracy(&modes_of_designs.mode_area, &targets[..curves * modes]))
}
