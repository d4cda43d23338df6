//! A running average of the parameters, on the device.
//!
//! After step s (from 1), for a parameter p with average a:
//! ```text
//! a <- a + (1 - d(s)) (p - a),   d(s) = min(decay, (1 + s) / (10 + s))
//! ```
//! so that the start is soon forgotten: the rule of TensorFlow's ExponentialMovingAverage with `num_updates` = s.

mod cpu;
mod cuda;

use crate::Result;
use crate::device::Memory;

/// 1 - d(s) of step `step`.
fn share(decay: f64, step: u64) -> f64 {
    let s = step as f64;
    1.0 - decay.min((1.0 + s) / (10.0 + s))
}

/// Averaging on a device.
pub trait Average: Memory {
    /// Takes the `parameters` of the step in hand into `averaged`, both of `count` numbers.
    fn average(
        &self,
        decay: f64,
        count: usize,
        parameters: &Self::Buffer<Self::Real>,
        step: &Self::Buffer<u64>,
        averaged: &mut Self::Buffer<Self::Real>,
    ) -> Result<()>;
}
