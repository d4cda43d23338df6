//! A card's context with its first stream (`fork.rs` has the second), and the fault that it stopped with, if it has.

use super::CudaFault;
use super::driver::{Card, check, describe};
use crate::Result;
use cudarc::driver::sys::{self, CUcontext, CUresult, CUstream};
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The device's primary context, so that other CUDA code of the process shares our pointers.
pub(super) struct Context {
    pub(super) card: Card,
    pub(super) raw: CUcontext,
    pub(super) stream: CUstream,
    /// What the card stopped with: it answers nothing else from then on.
    fault: OnceLock<CudaFault>,
    /// The kernels launched since the card was last found in order.
    under_way: Mutex<Vec<&'static str>>,
    /// Does the driver wait for each kernel? Then the last one launched is to blame.
    pub(super) blocking: bool,
}

// SAFETY: the driver's handles may be used from any thread, one call after another or at once, after the context is made current.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    pub(super) fn new(card: Card) -> Result<Self> {
        let (mut raw, mut stream) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the driver is initialised, `card.device` is one of its devices, and the pointers live.
        unsafe {
            check("cuDevicePrimaryCtxRetain", sys::cuDevicePrimaryCtxRetain(&mut raw, card.device))?;
            let made = check("cuCtxSetCurrent", sys::cuCtxSetCurrent(raw)).and_then(|()| {
                let (mut least, mut greatest) = (0, 0);
                check("cuCtxGetStreamPriorityRange", sys::cuCtxGetStreamPriorityRange(&mut least, &mut greatest))?;
                // Before what it leaves to the second stream.
                let apart = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
                check("cuStreamCreateWithPriority", sys::cuStreamCreateWithPriority(&mut stream, apart, greatest))
            });
            if let Err(fault) = made {
                sys::cuDevicePrimaryCtxRelease_v2(card.device);
                return Err(fault.into());
            }
        }
        let blocking = std::env::var("CUDA_LAUNCH_BLOCKING").is_ok_and(|value| value == "1");
        Ok(Context { card, raw, stream, fault: OnceLock::new(), under_way: Mutex::default(), blocking })
    }

    /// Makes the context current on this thread; a card that stopped answers with its fault.
    pub(super) fn enter(&self) -> Result<()> {
        if let Some(fault) = self.fault.get() {
            return Err(fault.clone().into());
        }
        // SAFETY: `raw` is retained as long as `self` lives.
        self.check("cuCtxSetCurrent", unsafe { sys::cuCtxSetCurrent(self.raw) })
    }

    /// The fault behind `code`, where it is one; a kernel's fault stays.
    pub(super) fn check(&self, call: &'static str, code: CUresult) -> Result<()> {
        if stops_the_card(code) {
            let kernels = self.under_way().join(", ");
            let kernels = if kernels.is_empty() { "a kernel of another program part".into() } else { kernels };
            return Err(self.fault.get_or_init(|| CudaFault::Kernel { kernels, code: describe(code) }).clone().into());
        }
        Ok(check(call, code)?)
    }

    /// Notes a kernel that is about to be launched.
    pub(super) fn launching(&self, kernel: &'static str) {
        let mut under_way = self.under_way();
        if self.blocking {
            under_way.clear();
        }
        if !under_way.contains(&kernel) {
            under_way.push(kernel);
        }
    }

    /// Waits for everything that was enqueued.
    pub(super) fn synchronize(&self) -> Result<()> {
        self.enter()?;
        // SAFETY: the stream lives as long as `self`.
        self.check("cuStreamSynchronize", unsafe { sys::cuStreamSynchronize(self.stream) })?;
        self.under_way().clear();
        Ok(())
    }

    /// The kernels noted since the last wait, and a new list for those to come.
    pub(super) fn take_under_way(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.under_way())
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: nothing else holds the stream or this retain. After a fault the calls fail, and there is nothing to do about it.
        unsafe {
            sys::cuCtxSetCurrent(self.raw);
            sys::cuStreamDestroy_v2(self.stream);
            sys::cuDevicePrimaryCtxRelease_v2(self.card.device);
        }
    }
}

/// Codes after which a context is lost.
fn stops_the_card(code: CUresult) -> bool {
    matches!(
        code,
        CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
            | CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
            | CUresult::CUDA_ERROR_LAUNCH_TIMEOUT
            | CUresult::CUDA_ERROR_ASSERT
            | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR
            | CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
            | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
            | CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE
            | CUresult::CUDA_ERROR_INVALID_PC
            | CUresult::CUDA_ERROR_LAUNCH_FAILED
    )
}
