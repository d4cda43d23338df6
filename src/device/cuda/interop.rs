//! Memory and kernels handed to and from programs that use `cust` 0.3.2 (feature `cust-interop`; docs/cust.md).
//!
//! Both libraries retain the card's primary context, so an address means the same to both. Streams do not wait for each other: ours is
//! apart from the default stream, which cust's copies use and cust's streams take turns with. What hands memory over as a whole
//! ([`Cuda::adopt`], [`Cuda::release`]) waits for all of the card's work; where both sides see the same memory, [`Cuda::wait_for`] and
//! [`Cuda::hold_back`] order their work on the card, and the host goes on. A kernel's fault stops the card for both.

use super::clock::Event;
use super::{Cuda, CudaBuffer, CudaFault};
use crate::Result;
use crate::device::{Element, Memory};
use cudarc::driver::sys::{self, CUcontext, CUpointer_attribute, CUresult, CUstream};
use cust::context::Context;
use cust::device::Device;
use cust::error::CudaError;
use cust::function::{BlockSize, Function, GridSize};
use cust::memory::{DeviceBuffer, DeviceCopy, DevicePointer, DeviceSlice};
use cust::stream::Stream;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::num::NonZeroU64;
use std::ptr;

impl Cuda {
    /// cust's handle on this card's primary context, which it also makes current on this thread. Whatever cust makes on the card needs one
    /// that lives at least as long; another thread calls `cust::context::CurrentContext::set_current` first.
    ///
    /// # Errors
    /// The driver's, in cust's words.
    pub fn cust_context(&self) -> Result<Context> {
        let fault = |error: CudaError| CudaFault::Driver { call: "cust", code: format!("{error:?}") };
        let device = Device::get_device(self.ordinal() as u32).map_err(fault)?;
        Ok(Context::new(device).map_err(fault)?)
    }

    /// Takes over cust's buffer, after all work of the card that was enqueued by anyone: ours to use and to free.
    ///
    /// # Errors
    /// [`CudaFault::Foreign`] for memory of another context, which is freed; the fault of a kernel.
    pub fn adopt<T: Element + DeviceCopy>(&self, buffer: DeviceBuffer<T>) -> Result<CudaBuffer<T>> {
        let (context, len) = (&self.context, buffer.len());
        self.wait_for_all()?;
        let Some(address) = NonZeroU64::new(buffer.as_device_ptr().as_raw()).filter(|_| len > 0) else {
            return self.zeros(len);
        };
        let mut owner: CUcontext = ptr::null_mut();
        let asked = CUpointer_attribute::CU_POINTER_ATTRIBUTE_CONTEXT;
        // SAFETY: the context is current; the attribute is a context, and `owner` lives.
        let code = unsafe { sys::cuPointerGetAttribute((&raw mut owner).cast(), asked, address.get()) };
        // An address that the driver does not know is refused in the same words.
        if code != CUresult::CUDA_ERROR_INVALID_VALUE {
            context.check("cuPointerGetAttribute", code)?;
        }
        if owner != context.raw {
            return Err(CudaFault::Foreign { ordinal: self.ordinal() }.into());
        }
        // Freed by us from here on.
        std::mem::forget(buffer);
        Ok(CudaBuffer { context: context.clone(), address, len, elements: PhantomData })
    }

    /// Gives a buffer to cust, after all work of the card that was enqueued by anyone: cust's to use and to free. It must not outlive the
    /// last handle on the context ([`Cuda::cust_context`]).
    ///
    /// # Errors
    /// The fault of a kernel.
    pub fn release<T: Element + DeviceCopy>(&self, buffer: CudaBuffer<T>) -> Result<DeviceBuffer<T>> {
        self.wait_for_all()?;
        if buffer.len() == 0 {
            // SAFETY: no memory is no memory; cust does not free it.
            return Ok(unsafe { DeviceBuffer::from_raw_parts(DevicePointer::null(), 0) });
        }
        let buffer = ManuallyDrop::new(buffer);
        // SAFETY: the buffer is never dropped, so this is the only owner of its hold on the context.
        drop(unsafe { ptr::read(&raw const buffer.context) });
        // SAFETY: the memory is of that length, and nothing else frees it.
        Ok(unsafe { DeviceBuffer::from_raw_parts(DevicePointer::from_raw(buffer.address.get()), buffer.len) })
    }

    /// What is enqueued here from now on runs after everything that `stream` has been given. The host does not wait.
    ///
    /// # Errors
    /// The driver's; a card that stopped.
    pub fn wait_for(&self, stream: &Stream) -> Result<()> {
        self.order(stream.as_inner().cast(), self.context.stream)
    }

    /// What `stream` is given from now on runs after everything that was enqueued here. The host does not wait.
    ///
    /// # Errors
    /// The driver's; a card that stopped.
    pub fn hold_back(&self, stream: &Stream) -> Result<()> {
        self.order(self.context.stream, stream.as_inner().cast())
    }

    /// Our kernel of that name for `cust::sys::cuLaunchKernel`, valid as long as this device; the kernels are in `kernels/`. It takes
    /// parameters of the sizes in `parameters`, which are compared with its own, and may be given `shared` bytes of dynamic shared memory.
    ///
    /// # Errors
    /// [`CudaFault::MissingKernel`]: no such kernel, or one with other parameters; [`CudaFault::Launch`]: too much shared memory.
    pub fn kernel(&self, kernel: &'static str, shared: u32, parameters: &[usize]) -> Result<cust::sys::CUfunction> {
        self.context.enter()?;
        Ok(self.module.function(kernel, shared, parameters)?.cast())
    }

    /// Enqueues a kernel of cust's behind our own work: `grid` blocks of `block` threads with `shared` bytes of dynamic shared memory.
    ///
    /// # Errors
    /// [`CudaFault::Launch`] where the driver refuses; a card that stopped.
    ///
    /// # Safety
    /// `arguments` points to one value a parameter, each of the parameter's type; the kernel stays within buffers that nobody else uses
    /// meanwhile; its module stays loaded until it ran ([`Cuda::synchronize`]).
    pub unsafe fn launch_cust(
        &self,
        function: &Function<'_>,
        grid: impl Into<GridSize>,
        block: impl Into<BlockSize>,
        shared: u32,
        arguments: &mut [*mut c_void],
    ) -> Result<()> {
        let (grid, block) = (grid.into(), block.into());
        self.context.enter()?;
        let (grid, block) = ([grid.x, grid.y, grid.z], [block.x, block.y, block.z]);
        // SAFETY: the caller's promise.
        unsafe { self.enqueue("a kernel of cust", function.to_raw().cast(), grid, block, shared, arguments) }
    }

    /// Waits for every stream of the context, cust's too.
    fn wait_for_all(&self) -> Result<()> {
        self.synchronize()?;
        // SAFETY: the context is current.
        self.context.check("cuCtxSynchronize", unsafe { sys::cuCtxSynchronize() })
    }

    fn order(&self, first: CUstream, then: CUstream) -> Result<()> {
        let context = &self.context;
        context.enter()?;
        let event = Event::new()?;
        // SAFETY: event and streams live; the driver keeps what a stream waits for beyond the event.
        context.check("cuEventRecord", unsafe { sys::cuEventRecord(event.0, first) })?;
        // SAFETY: as above.
        context.check("cuStreamWaitEvent", unsafe { sys::cuStreamWaitEvent(then, event.0, 0) })
    }
}

impl<T: Element + DeviceCopy> CudaBuffer<T> {
    /// The buffer's memory as cust sees it.
    ///
    /// # Safety
    /// cust's slices are plain pointers. This one, and whatever is made of it, is not used after the buffer is dropped, nor while work of
    /// ours on the buffer may be under way, and ours begins after cust's: see [`Cuda::hold_back`], [`Cuda::wait_for`] and
    /// [`Cuda::synchronize`].
    pub unsafe fn as_cust(&mut self) -> DeviceSlice<T> {
        // SAFETY: the memory is of that length; the caller promises the rest.
        unsafe { DeviceSlice::from_raw_parts(DevicePointer::from_raw(self.address.get()), self.len) }
    }
}
