//! The card's clock: the time between two marks on the stream.

use super::Cuda;
use super::driver::check;
use crate::Result;
use cudarc::driver::sys::{self, CUevent};
use std::ptr;

/// A mark on the stream.
pub(super) struct Event(pub(super) CUevent);

impl Event {
    pub(super) fn new() -> Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: the caller made the context current; `raw` lives.
        check("cuEventCreate", unsafe { sys::cuEventCreate(&mut raw, 0) })?;
        Ok(Event(raw))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event was created and nothing else destroys it; the driver waits where it must.
        unsafe { sys::cuEventDestroy_v2(self.0) };
    }
}

impl Cuda {
    /// Seconds that the card takes for what `work` enqueues, by its own clock.
    pub(crate) fn timed(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
        let context = &self.context;
        context.synchronize()?;
        let (start, end) = (Event::new()?, Event::new()?);
        let mark = |event: &Event| {
            context.enter()?;
            // SAFETY: event and stream live.
            context.check("cuEventRecord", unsafe { sys::cuEventRecord(event.0, context.stream) })
        };
        mark(&start)?;
        work()?;
        mark(&end)?;
        context.synchronize()?;
        let mut milliseconds = 0.0;
        // SAFETY: both events are complete.
        context.check("cuEventElapsedTime", unsafe { sys::cuEventElapsedTime_v2(&mut milliseconds, start.0, end.0) })?;
        Ok(f64::from(milliseconds) / 1e3)
    }
}
