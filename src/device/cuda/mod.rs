//! NVIDIA cards. The driver's library is loaded at run time; a program with this device inside starts on any machine.
//!
//! A device is one context with one stream, on which everything is enqueued in order. Copies to and from the host wait for it, so a
//! fault of a kernel comes out there at the latest.

mod clock;
mod context;
mod driver;
mod error;
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
use module::Module;
use std::sync::Arc;

/// The oldest compute capability that kernels are compiled for.
const OLDEST: (u32, u32) = (7, 5);

/// An NVIDIA card.
pub struct Cuda {
    context: Arc<Context>,
    module: Module,
    precision: Precision,
    graphs: bool,
}

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
        let module = Module::load(&context)?;
        Ok(Cuda { context, module, precision, graphs: true })
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

    /// Multiprocessors of the card: the blocks that should be under way at once, at least.
    pub(crate) fn multiprocessors(&self) -> u32 {
        self.context.card.multiprocessors
    }

    /// Waits for everything that was enqueued.
    ///
    /// # Errors
    /// The fault of a kernel.
    pub fn synchronize(&self) -> Result<()> {
        self.context.synchronize()
    }
}
