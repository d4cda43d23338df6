//! The cost of Eq. 3 and 4, the mean absolute percentage error, with its gradient in the same pass.
//!
//! ```text
//! e[n] = (1/N) sum_m |y[n,m] - t[n,m]| / t[n,m]         error of sample n; accuracy = 1 - mean_n e[n]
//! cost = scale mean_n e[n]                              scale = 1 (mean over modes) or N (sum over modes)
//! dy[n,m] = scale sign(y - t) / (t N batch)             0 at y = t
//! ```

mod cpu;
mod cuda;

use super::adam::AdamState;
use crate::Result;
use crate::device::Memory;

/// Shapes of a batch of predictions.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapeConfig {
    /// Samples.
    pub batch: usize,
    /// Mode areas of a sample.
    pub modes: usize,
    /// 1 for the mean over modes, N for their sum.
    pub scale: f64,
}

/// What a step leaves in the ring of costs: the cost, then the penalty.
pub const RECORD: usize = 2;

/// The cost on a device.
pub trait Mape: Memory {
    /// `y`, `target` (batch, modes) to `errors` (batch) and, where wanted, `dy` (batch, modes).
    fn mape(
        &self,
        config: &MapeConfig,
        y: &Self::Buffer<Self::Real>,
        target: &Self::Buffer<Self::Real>,
        errors: &mut Self::Buffer<f64>,
        dy: Option<&mut Self::Buffer<Self::Real>>,
    ) -> Result<()>;

    /// Writes the cost and the penalty of the step in hand to its place in `ring`, which holds `slots` records of [`RECORD`] numbers.
    fn record_cost(
        &self,
        config: &MapeConfig,
        errors: &Self::Buffer<f64>,
        adam: &AdamState<Self>,
        slots: usize,
        ring: &mut Self::Buffer<f64>,
    ) -> Result<()>;
}
