//! NVIDIA cards. The driver's library is loaded at run time; a program with this device inside starts on any machine.
//!
//! A device is one context with one stream, on which everything is enqueued in order; only the weights' gradients of a backward pass take
//! a second one, which joins the first (`fork.rs`). Copies to and from the host wait, so a fault of a kernel comes out there at the latest.

mod clock;
mod context;
mod driver;
mod error;
mod fork;
mod graph;
#[cfg(feature = "cust-interop")]
mod interop;
mod launch;
mod memory;
mod module;
mod precision;
mod solver;

pub use driver::{Card, Driver};
pub use error::CudaFault;
pub use graph::CudaGraph;
pub(crate) use launch::{Launch, kernels};
pub use memory::CudaBuffer;
pub(crate) use memory::{In, Out};
pub use module::{Built, KERNELS, built};
pub use precision::Precision;
pub(crate) use solver::{Batched, solve_batched};

use crate::Result;
use context::Context;
use cudarc::driver::sys::CUstream;
use fork::Fork;
use module::Module;
use std::sync::Arc;

/// The oldest compute capability that kernels are compiled for.
const OLDEST: (u32, u32) = (7, 5);

/// What of a card decides how a product is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chip {
    pub(crate) processors: u32,
    pub(crate) capability: (u32, u32),
}

/// An NVIDIA card.
#[derive(Clone)]
pub struct Cuda {
    context: Arc<Context>,
    module: Arc<Module>,
    fork: Arc<Fork>,
    precision: Precision,
    graphs: bool,
    /// Where kernels are launched: the context's stream, or the fork's.
    stream: CUstream,
    /// Do backward passes leave the weights' gradients to the fork?
    overlaps: bool,
}

// SAFETY: the driver's handles may be used from any thread once the context is current there; `context` and `fork` keep the stream.
unsafe impl Send for Cuda {}
// SAFETY: as above.
unsafe impl Sync for Cuda {}

impl Cuda {
    /// The card of that number, computing products in `precision`, or in what suits the card.
    ///
    /// # Errors
    /// [`CudaFault`]: no driver, an old one, no such card, no kernels in this build, a precision that the card lacks.
    pub fn new(ordinal: usize, precision: Option<Precision>) -> Result<Self> {
        let card = Driver::load()?.card(ordinal)?;
        let (name, capability) = (card.name.clone(), card.capability);
        if capability < OLDEST {
            return Err(CudaFault::OldCard { name, capability }.into());
        }
        let precision = precision.unwrap_or(Precision::default_on(capability));
        if !precision.on(capability) {
            return Err(CudaFault::NoPrecision { name, capability, precision }.into());
        }
        let context = Arc::new(Context::new(card)?);
        let (module, fork) = (Arc::new(Module::load(&context)?), Arc::new(Fork::new(&context)?));
        let stream = context.stream;
        Ok(Cuda { context, module, fork, precision, graphs: true, stream, overlaps: false })
    }

    /// The card without graphs: the host launches every kernel. `CUDA_LAUNCH_BLOCKING=1` has the same effect.
    #[must_use]
    pub fn without_graphs(mut self) -> Self {
        self.graphs = false;
        self
    }

    /// How products are computed.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The card's number.
    pub fn ordinal(&self) -> usize {
        self.context.card.ordinal
    }

    /// The card's compute capability, as (8, 9).
    pub fn capability(&self) -> (u32, u32) {
        self.context.card.capability
    }

    /// The card's name.
    pub fn name(&self) -> &str {
        &self.context.card.name
    }

    /// What decides how products are cut.
    pub(crate) fn chip(&self) -> Chip {
        Chip { processors: self.context.card.multiprocessors, capability: self.capability() }
    }

    /// Waits for everything that was enqueued.
    ///
    /// # Errors
    /// The fault of a kernel.
    pub fn synchronize(&self) -> Result<()> {
        self.context.synchronize()
    }
}
