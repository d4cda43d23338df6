//! Has a run collapsed? A network whose hidden units are dead, or whose output ignores its input, cannot recover: its
//! gradient is zero. The trainer looks after each epoch and says so.

use super::Predictor;
use crate::Result;
use crate::device::Real;
use crate::nn::Kind;
use crate::ops::Device;

/// Samples that are looked at.
const SAMPLES: usize = 300;

/// The signs of life of a network, and of the frozen one behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// Share of hidden units that fire for some sample.
    pub live_units: f64,
    /// The same in the frozen D2L behind an L2D.
    pub frozen_live_units: Option<f64>,
    /// Mean over modes of std / mean of the predictions over samples.
    pub output_spread: f64,
    /// Samples that were looked at.
    pub samples: usize,
}

impl Health {
    /// Looks at the first samples of `inputs` (scaled, NHWC).
    pub(super) fn probe<D: Device>(device: &D, predictor: &mut Predictor<D>, inputs: &[f64]) -> Result<Self> {
        let inputs = &inputs[..inputs.len().min(SAMPLES * predictor.input_len())];
        let modes = predictor.output_len();
        let mut live: Vec<Vec<bool>> = predictor.hidden_units().iter().map(|units| vec![false; *units]).collect();
        let mut outputs: Vec<f64> = Vec::new();
        for inputs in predictor.passes(inputs) {
            predictor.forward(device, inputs)?;
            for (live, hidden) in live.iter_mut().zip(predictor.hidden(device, inputs)?) {
                for row in hidden.chunks_exact(live.len()) {
                    live.iter_mut().zip(row).for_each(|(live, unit)| *live |= *unit > D::Real::ZERO);
                }
            }
            outputs.extend(predictor.output(device, inputs)?);
        }
        let share = |live: &Vec<bool>| live.iter().filter(|l| **l).count() as f64 / live.len() as f64;
        let (output_spread, samples) = (spread(&outputs, modes), outputs.len() / modes);
        Ok(Health { live_units: share(&live[0]), frozen_live_units: live.get(1).map(share), output_spread, samples })
    }

    /// What is wrong, in words, if something is.
    pub fn warning(&self, kind: Kind) -> Option<String> {
        let advice = "this run has collapsed; a lower lr, a smaller output_scale, standard input_scaling or less L2 may help";
        let dead = |live: f64, what: &str| format!("only {:.1} % of the {what}'s hidden units still fire: {advice}", 100.0 * live);
        if self.live_units < 0.01 {
            Some(dead(self.live_units, &kind.to_string()))
        } else if self.frozen_live_units.is_some_and(|live| live < 0.01) {
            Some(dead(self.frozen_live_units.unwrap_or_default(), "frozen D2L"))
        } else if self.samples > 1 && self.output_spread < 1e-3 {
            Some(format!("the predictions hardly depend on the input (spread {:.1e}): {advice}", self.output_spread))
        } else {
            None
        }
    }
}

/// Mean over columns of standard deviation / |mean|.
fn spread(values: &[f64], columns: usize) -> f64 {
    let rows = (values.len() / columns) as f64;
    let of_column = |c: usize| {
        let column = || values.iter().skip(c).step_by(columns);
        let mean = column().sum::<f64>() / rows;
        let variance = column().map(|v| (v - mean).powi(2)).sum::<f64>() / rows;
        if mean == 0.0 { 0.0 } else { variance.sqrt() / mean.abs() }
    };
    (0..columns).map(of_column).sum::<f64>() / columns as f64
}
