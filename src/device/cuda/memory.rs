//! The card's memory: buffers, and the typed pointers into them that kernels take.

use super::context::Context;
use super::{Cuda, CudaFault};
use crate::Result;
use crate::device::{Element, Memory};
use cudarc::driver::sys::{self, CUresult};
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::sync::Arc;

/// A run of elements in a card's memory.
pub struct CudaBuffer<T> {
    pub(super) context: Arc<Context>,
    pub(super) address: NonZeroU64,
    pub(super) len: usize,
    pub(super) elements: PhantomData<T>,
}

/// Where a kernel reads elements on the card. `Option<In<T>>` is null where it is `None`.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct In<'a, T>(NonZeroU64, PhantomData<&'a T>);

/// Where a kernel writes elements on the card. It is a copy of a pointer, for kernels that take several places of one buffer; the
/// buffer itself stays borrowed exclusively. `Option<Out<T>>` is null where it is `None`.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out<'a, T>(NonZeroU64, PhantomData<&'a T>);

impl<T> CudaBuffer<T> {
    /// Elements that it holds.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The elements from `offset` on, to read.
    pub(crate) fn at(&self, offset: usize) -> In<'_, T> {
        In(self.address_of(offset), PhantomData)
    }

    /// The elements from `offset` on, to write (and read).
    pub(crate) fn at_mut(&mut self, offset: usize) -> Out<'_, T> {
        Out(self.address_of(offset), PhantomData)
    }

    /// The first element's address, for a library that wants a plain pointer into the card's memory.
    pub(super) fn raw(&mut self) -> *mut T {
        self.address.get() as *mut T
    }

    fn address_of(&self, offset: usize) -> NonZeroU64 {
        assert!(offset <= self.len, "element {offset} of {}", self.len);
        self.address.saturating_add((offset * size_of::<T>()) as u64)
    }

    /// Bytes of `host`, which must not be longer than the buffer.
    fn bytes_of(&self, host: &[T]) -> usize {
        self.bytes_from(0, host)
    }

    /// Bytes of `host`, which must not be longer than the buffer from `offset` on.
    fn bytes_from(&self, offset: usize, host: &[T]) -> usize {
        assert!(offset + host.len() <= self.len, "{} elements from {offset} on for a buffer of {}", host.len(), self.len);
        size_of_val(host)
    }
}

impl<'a, T> Out<'a, T> {
    /// The place `elements` further on; the caller knows that it is in the buffer.
    pub(crate) fn offset(self, elements: usize) -> Out<'a, T> {
        Out(self.0.saturating_add((elements * size_of::<T>()) as u64), PhantomData)
    }

    /// The same place, to read.
    pub(crate) fn read(self) -> In<'a, T> {
        In(self.0, PhantomData)
    }

    /// The same place as elements of another type; the caller knows that it is aligned for them.
    pub(crate) fn cast<U>(self) -> Out<'a, U> {
        Out(self.0, PhantomData)
    }
}

impl<T> Drop for CudaBuffer<T> {
    fn drop(&mut self) {
        // A card that stopped has lost its memory already.
        if self.context.enter().is_ok() {
            // SAFETY: the address came from cuMemAlloc and nothing else frees it. The driver waits for kernels that use it.
            unsafe { sys::cuMemFree_v2(self.address.get()) };
        }
    }
}

impl Cuda {
    /// Copies the elements of `buffer` from `offset` on into `host`.
    pub(crate) fn download_from<T: Element>(&self, buffer: &CudaBuffer<T>, offset: usize, host: &mut [T]) -> Result<()> {
        let bytes = buffer.bytes_from(offset, host);
        if bytes == 0 {
            return Ok(());
        }
        let context = &self.context;
        context.enter()?;
        // SAFETY: both places hold `bytes`; any bits are a value of T; the wait below keeps `host` borrowed until it is written.
        let code = unsafe { sys::cuMemcpyDtoHAsync_v2(host.as_mut_ptr().cast(), buffer.address_of(offset).get(), bytes, context.stream) };
        context.check("cuMemcpyDtoHAsync", code)?;
        context.synchronize()
    }
}

impl Memory for Cuda {
    type Real = f32;
    type Buffer<T: Element> = CudaBuffer<T>;
    const OVERLAPS: bool = true;

    fn overlap(&self, work: &mut dyn FnMut(&Self) -> Result<()>) -> Result<()> {
        self.overlapped(work)
    }

    /// A second stream of the card's one context.
    fn beside(&self) -> Result<Self> {
        Cuda::new(self.ordinal(), Some(self.precision()))
    }

    fn zeros<T: Element>(&self, len: usize) -> Result<CudaBuffer<T>> {
        let context = &self.context;
        context.enter()?;
        // An empty buffer has an address too.
        let bytes = (len * size_of::<T>()).max(1);
        let mut address = 0;
        // SAFETY: the context is current and `address` lives.
        match unsafe { sys::cuMemAlloc_v2(&mut address, bytes) } {
            CUresult::CUDA_ERROR_OUT_OF_MEMORY => return Err(out_of_memory(bytes).into()),
            code => context.check("cuMemAlloc", code)?,
        }
        let address = NonZeroU64::new(address).ok_or_else(|| out_of_memory(bytes))?;
        let buffer = CudaBuffer { context: context.clone(), address, len, elements: PhantomData };
        // SAFETY: the memory was just allocated, of that size.
        context.check("cuMemsetD8Async", unsafe { sys::cuMemsetD8Async(address.get(), 0, bytes, context.stream) })?;
        Ok(buffer)
    }

    fn upload<T: Element>(&self, host: &[T], buffer: &mut CudaBuffer<T>) -> Result<()> {
        let bytes = buffer.bytes_of(host);
        if bytes == 0 {
            return Ok(());
        }
        let context = &self.context;
        context.enter()?;
        // SAFETY: both places hold `bytes`, and the wait below keeps `host` alive until it is read.
        let code = unsafe { sys::cuMemcpyHtoDAsync_v2(buffer.address.get(), host.as_ptr().cast(), bytes, context.stream) };
        context.check("cuMemcpyHtoDAsync", code)?;
        context.synchronize()
    }

    fn download<T: Element>(&self, buffer: &CudaBuffer<T>, host: &mut [T]) -> Result<()> {
        self.download_from(buffer, 0, host)
    }
}

/// The fault of an allocation that did not fit.
pub(super) fn out_of_memory(asked: usize) -> CudaFault {
    let (mut free, mut total) = (0, 0);
    // SAFETY: a context is current and both numbers live; where the call fails they stay 0.
    unsafe { sys::cuMemGetInfo_v2(&mut free, &mut total) };
    CudaFault::OutOfMemory { asked, free, total }
}
