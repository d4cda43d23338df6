//! Adam, in TensorFlow 1's form or in PyTorch's, with a decaying learning rate and L2 regularisation.
//!
//! At step s (from 1), for a parameter p with gradient g of the cost:
//! ```text
//! g <- g + l2_scale p                                   (the penalty l2_scale sum(p^2) / 2 is part of the cost)
//! m <- beta1 m + (1 - beta1) g
//! v <- beta2 v + (1 - beta2) g^2
//! p <- p - rate(s) m / (sqrt(v) + epsilon(s))
//! rate(s) = lr decay(t) sqrt(1 - beta2^s) / (1 - beta1^s),   t = (s-1)/decay_steps
//! decay(t) = decay_rate^t                                                        exponential
//! decay(t) = decay_rate + (1 - decay_rate) (1 + cos(pi min(t, 1))) / 2           cosine
//! epsilon(s) = epsilon                                  TensorFlow
//! epsilon(s) = epsilon sqrt(1 - beta2^s)                PyTorch: epsilon is added to the corrected sqrt(v)
//! ```
//! The step counter and the rate live on the device, so that many steps can run without the host.

mod cpu;
mod cuda;
pub(crate) use cpu::{Piece, emit};
pub(crate) use cuda::{CHUNKS, Sink, Update, bias_launch};

use crate::Result;
use crate::device::Memory;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::ops::Range;

/// Where epsilon is added.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdamForm {
    /// To sqrt(v) before the bias correction.
    TensorFlow,
    /// To sqrt(v) after the bias correction.
    PyTorch,
}

/// How the learning rate falls from step to step. Either way its factor is 1 at the first step and `decay_rate` after `decay_steps`.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// By the same share in each step, and on after `decay_steps`.
    #[default]
    Exponential,
    /// Along half a wave of the cosine; from `decay_steps` on it stays.
    Cosine,
}

/// The optimiser's constants.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Learning rate at step 1.
    pub lr: f64,
    /// Factor of the learning rate over `decay_steps` steps.
    pub decay_rate: f64,
    /// Steps over which the rate falls by `decay_rate`.
    pub decay_steps: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to sqrt(v).
    pub epsilon: f64,
    /// Where it is added.
    pub form: AdamForm,
    /// How the rate falls.
    pub decay: Decay,
}

impl AdamConfig {
    /// The decayed learning rate of step `step` (from 1), without Adam's bias correction.
    pub fn lr_at(&self, step: u64) -> f64 {
        let t = (step as f64 - 1.0) / self.decay_steps;
        self.lr
            * match self.decay {
                Decay::Exponential => self.decay_rate.powf(t),
                Decay::Cosine => self.decay_rate + (1.0 - self.decay_rate) * (0.5 + 0.5 * (PI * t.min(1.0)).cos()),
            }
    }

    /// What multiplies m / (sqrt(v) + epsilon) at step `step` (from 1).
    pub fn rate_at(&self, step: u64) -> f64 {
        self.lr_at(step) * self.correction2(step) / (1.0 - self.beta1.powf(step as f64))
    }

    /// What is added to sqrt(v) at step `step` (from 1).
    pub fn epsilon_at(&self, step: u64) -> f64 {
        match self.form {
            AdamForm::TensorFlow => self.epsilon,
            AdamForm::PyTorch => self.epsilon * self.correction2(step),
        }
    }

    fn correction2(&self, step: u64) -> f64 {
        (1.0 - self.beta2.powf(step as f64)).sqrt()
    }
}

/// One tensor in the parameter arena, as the optimiser sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its elements in the arena.
    pub span: Range<usize>,
    /// Its number among the network's tensors: where its penalty is kept.
    pub index: usize,
    /// The L2 scale; 0 outside the regulariser's scope.
    pub l2_scale: f64,
}

/// What Adam keeps between steps.
pub struct AdamState<D: Memory + ?Sized> {
    /// The constants.
    pub config: AdamConfig,
    /// First moments, laid out as the parameters.
    pub first: D::Buffer<D::Real>,
    /// Second moments, laid out as the parameters.
    pub second: D::Buffer<D::Real>,
    /// The step in hand, one number; 0 before the first.
    pub step: D::Buffer<u64>,
    /// [`AdamConfig::rate_at`] and [`AdamConfig::epsilon_at`] of the step in hand.
    pub rate: D::Buffer<f64>,
    /// The penalty of each tensor before the step in hand changed it.
    pub penalty: D::Buffer<f64>,
    /// Scratch of [`Adam::adam_apply`]: partial sums of squares.
    pub(crate) squares: D::Buffer<f64>,
}

/// Partial sums of squares that [`Adam::adam_apply`] may keep.
pub(crate) const SQUARES: usize = 512;

impl<D: Memory + ?Sized> AdamState<D> {
    /// Zero moments for `parameters` numbers in `tensors` tensors.
    pub fn new(device: &D, config: AdamConfig, parameters: usize, tensors: usize) -> Result<Self> {
        Ok(AdamState {
            config,
            first: device.zeros(parameters)?,
            second: device.zeros(parameters)?,
            step: device.zeros(1)?,
            rate: device.zeros(2)?,
            penalty: device.zeros(tensors)?,
            squares: device.zeros(SQUARES)?,
        })
    }
}

/// What a backward pass does with the gradients of a layer's weight and bias.
/// All of it reads the parameters from where the variant holds them.
pub enum WeightGradient<'a, D: Memory + ?Sized> {
    /// A frozen layer: no gradient is computed.
    Skip {
        /// The parameter arena.
        parameters: &'a D::Buffer<D::Real>,
    },
    /// The gradient replaces what the arena `gradient` holds.
    Store {
        /// The parameter arena.
        parameters: &'a D::Buffer<D::Real>,
        /// Laid out as the parameters.
        gradient: &'a mut D::Buffer<D::Real>,
    },
    /// The gradient is added to the arena `gradient`.
    Accumulate {
        /// The parameter arena.
        parameters: &'a D::Buffer<D::Real>,
        /// Laid out as the parameters.
        gradient: &'a mut D::Buffer<D::Real>,
    },
    /// The optimiser takes each piece of the gradient as it is made; the whole is never stored.
    Apply {
        /// The parameter arena, updated in place.
        parameters: &'a mut D::Buffer<D::Real>,
        /// Moments, step and rate.
        adam: &'a mut AdamState<D>,
    },
}

impl<D: Memory + ?Sized> WeightGradient<'_, D> {
    /// The parameters as they are now.
    pub fn parameters(&self) -> &D::Buffer<D::Real> {
        match self {
            WeightGradient::Skip { parameters }
            | WeightGradient::Store { parameters, .. }
            | WeightGradient::Accumulate { parameters, .. } => parameters,
            WeightGradient::Apply { parameters, .. } => parameters,
        }
    }
}

/// The optimiser on a device.
pub trait Adam: Memory {
    /// Begins the next step: counts it and computes its rate.
    fn adam_advance(&self, adam: &mut AdamState<Self>) -> Result<()>;

    /// Updates `tensors` from a stored `gradient`; the same numbers as [`WeightGradient::Apply`].
    fn adam_apply(
        &self,
        tensors: &[Tensor],
        parameters: &mut Self::Buffer<Self::Real>,
        gradient: &Self::Buffer<Self::Real>,
        adam: &mut AdamState<Self>,
    ) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_decays_meet_at_the_ends() {
        let config = |decay| AdamConfig {
            lr: 0.5,
            decay_rate: 0.25,
            decay_steps: 8.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            form: AdamForm::TensorFlow,
            decay,
        };
        for (step, exponential, cosine) in [
            (1, 0.5, 0.5),
            (3, 0.5 * 0.25f64.powf(0.25), 0.125 + 0.375 * (0.5 + 0.5 * 0.5f64.sqrt())),
            (5, 0.25, 0.3125),
            (9, 0.125, 0.125),
            (17, 0.03125, 0.125),
        ] {
            for (decay, expected) in [(Decay::Exponential, exponential), (Decay::Cosine, cosine)] {
                let lr = config(decay).lr_at(step);
                assert!((lr - expected).abs() < 1e-15, "{decay:?}, step {step}: {lr}, not {expected}");
            }
        }
    }
}
