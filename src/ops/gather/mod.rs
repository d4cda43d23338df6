//! A batch from the data set: rows picked by indices that live on the device.
//!
//! ```text
//! out[b] = source[order[((step - 1) mod steps) batch + b]]        for b in 0 .. batch
//! ```

mod cpu;
mod cuda;

use crate::Result;
use crate::device::Memory;

/// Shapes of a gather.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GatherConfig {
    /// Rows to pick.
    pub batch: usize,
    /// Numbers in a row.
    pub width: usize,
    /// Steps of an epoch: `order` has at least `steps * batch` indices.
    pub steps: usize,
}

/// Gathering on a device.
pub trait Gather: Memory {
    /// The batch of the step in hand, from `source` (n, width) into `out` (batch, width).
    fn gather(
        &self,
        config: &GatherConfig,
        source: &Self::Buffer<Self::Real>,
        order: &Self::Buffer<u32>,
        step: &Self::Buffer<u64>,
        out: &mut Self::Buffer<Self::Real>,
    ) -> Result<()>;
}
