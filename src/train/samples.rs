//! What each epoch learns from: the training set, or new samples in its place, as they are or each under a symmetry of the lattice.

use super::Job;
use super::fresh::Fresh;
use super::run::scaled_inputs;
use super::step::Stepper;
use crate::Result;
use crate::nn::Model;
use crate::ops::Device;
use crate::progress::Progress;

/// The samples of a run.
pub(super) struct Samples<'a, D> {
    job: &'a Job<'a>,
    fresh: Option<Fresh<D>>,
}

impl<'a, D: Device> Samples<'a, D> {
    /// Those of `job`, whose training set has `n`.
    ///
    /// # Errors
    /// Those of [`Fresh::new`].
    pub(super) fn new(device: &D, job: &'a Job<'a>, n: usize) -> Result<Self> {
        let fresh = if job.config.fresh { Some(Fresh::new(device, job, n)?) } else { None };
        Ok(Samples { job, fresh })
    }

    /// Gives `stepper` what `epoch` learns from, and begins to draw what the next one does; false where the user wants to stop.
    /// `model` scales the inputs.
    pub(super) fn load(
        &mut self,
        device: &D,
        model: &Model,
        epoch: u64,
        stepper: &mut Stepper<D>,
        progress: &dyn Progress,
    ) -> Result<bool> {
        let (job, keys) = (self.job, self.job.config);
        let mut drawn = None;
        if let Some(fresh) = &mut self.fresh {
            if epoch > 0 {
                let Some(mut new) = fresh.take(epoch, progress)? else { return Ok(false) };
                let sites = job.architecture.sites();
                new.extend(job.training.rows(fresh.count()..job.training.targets.len() / sites, sites));
                drawn = Some(new);
            }
            if epoch + 1 < keys.epochs {
                fresh.begin(epoch + 1)?;
            }
        }
        let turned = keys.symmetries.then(|| drawn.as_ref().unwrap_or(job.training).turned(job.seed, epoch, job.architecture.size));
        if let Some(inputs) = turned.as_ref().or(drawn.as_ref().map(|drawn| &drawn.inputs)) {
            stepper.set_inputs(device, &scaled_inputs(model, inputs))?;
        }
        if let Some(drawn) = &drawn {
            stepper.set_targets(device, &drawn.targets)?;
        }
        Ok(true)
    }
}
