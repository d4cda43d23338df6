//! A second stream, on which a backward pass leaves the gradients of the weights: they end in memory-bound updates that nobody
//! waits for before the next step, while the chain of input gradients goes on. That chain comes first where both have blocks to run: the first
//! stream has the highest priority, this one the lowest, and graphs keep them (`graph.rs`).

use super::Cuda;
use super::context::Context;
use crate::Result;
use cudarc::driver::sys::{self, CUevent, CUevent_flags, CUstream};
use std::ptr;
use std::sync::Arc;

/// The second stream with the marks by which the two wait for each other.
pub(super) struct Fork {
    context: Arc<Context>,
    stream: CUstream,
    /// What the second stream waits for, and what the first one does.
    left: CUevent,
    joined: CUevent,
}

// SAFETY: the driver's handles may be used from any thread once the context is current there.
unsafe impl Send for Fork {}
// SAFETY: as above.
unsafe impl Sync for Fork {}

impl Fork {
    pub(super) fn new(context: &Arc<Context>) -> Result<Self> {
        context.enter()?;
        let mut fork = Fork { context: context.clone(), stream: ptr::null_mut(), left: ptr::null_mut(), joined: ptr::null_mut() };
        let (apart, plain) = (sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32, CUevent_flags::CU_EVENT_DISABLE_TIMING as u32);
        let (mut least, mut greatest) = (0, 0);
        // SAFETY: the context is current and every pointer lives. What was made before a failure is dropped with `fork`.
        unsafe {
            context.check("cuCtxGetStreamPriorityRange", sys::cuCtxGetStreamPriorityRange(&mut least, &mut greatest))?;
            context.check("cuStreamCreateWithPriority", sys::cuStreamCreateWithPriority(&mut fork.stream, apart, least))?;
            context.check("cuEventCreate", sys::cuEventCreate(&mut fork.left, plain))?;
            context.check("cuEventCreate", sys::cuEventCreate(&mut fork.joined, plain))?;
        }
        Ok(fork)
    }

    /// What `then` is given from now on waits for what `first` has been given.
    fn order(&self, first: CUstream, mark: CUevent, then: CUstream) -> Result<()> {
        self.context.enter()?;
        // SAFETY: streams and mark live; a wait is for the mark as it was made last.
        unsafe {
            self.context.check("cuEventRecord", sys::cuEventRecord(mark, first))?;
            self.context.check("cuStreamWaitEvent", sys::cuStreamWaitEvent(then, mark, 0))
        }
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        // After a fault there is nothing to free.
        if self.context.enter().is_ok() {
            // SAFETY: what was made is ours, and nothing else destroys it; the driver finishes what is under way.
            unsafe {
                for mark in [self.left, self.joined] {
                    if !mark.is_null() {
                        sys::cuEventDestroy_v2(mark);
                    }
                }
                if !self.stream.is_null() {
                    sys::cuStreamDestroy_v2(self.stream);
                }
            }
        }
    }
}

impl Cuda {
    /// The card on which launches go to the second stream, behind all that was enqueued until now; the card itself where no
    /// [`overlap`](crate::device::Memory::overlap) is under way.
    pub(crate) fn aside(&self) -> Result<Cuda> {
        let mut aside = self.clone();
        if self.overlaps {
            self.fork.order(self.stream, self.fork.left, self.fork.stream)?;
            aside.stream = self.fork.stream;
        }
        Ok(aside)
    }

    /// Runs `work` on a card whose backward passes use the second stream, and joins the two.
    pub(super) fn overlapped(&self, work: &mut dyn FnMut(&Cuda) -> Result<()>) -> Result<()> {
        let worked = work(&Cuda { overlaps: true, ..self.clone() });
        // Also after a fault: a capture must not end with a stream that left it. And only because every backward pass has gone aside: in a
        // capture the mark of a stream outside of it may not be waited for.
        let joined = self.fork.order(self.fork.stream, self.fork.joined, self.stream);
        worked.and(joined)
    }
}
