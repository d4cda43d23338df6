//! Launches: one typed Rust function a kernel, made by [`kernels!`], so that a wrong argument does not compile.

use super::driver::describe;
use super::{Cuda, CudaFault};
use crate::Result;
use cudarc::driver::sys::{self, CUfunction, CUresult};
use std::ffi::c_void;
use std::ptr;

/// The shape of a launch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch {
    /// Blocks.
    pub(crate) grid: [u32; 3],
    /// Threads of a block, in one dimension.
    pub(crate) block: u32,
    /// Dynamic shared memory of a block, in bytes.
    pub(crate) shared: u32,
}

impl Launch {
    /// `blocks` blocks of `block` threads, without dynamic shared memory.
    pub(crate) fn new(blocks: usize, block: u32) -> Self {
        Launch { grid: [blocks as u32, 1, 1], block, shared: 0 }
    }

    /// Enough blocks of `block` threads for `threads` threads.
    pub(crate) fn over(threads: usize, block: u32) -> Self {
        Launch::new(threads.div_ceil(block as usize), block)
    }
}

impl Cuda {
    /// Enqueues `kernel`; a launch of nothing is no launch.
    ///
    /// # Safety
    /// `arguments` points to values of `sizes` bytes, one a parameter of the kernel, each of the parameter's type, and the kernel
    /// stays within the buffers that they name.
    pub(crate) unsafe fn launch(&self, kernel: &'static str, launch: Launch, arguments: &mut [*mut c_void], sizes: &[usize]) -> Result<()> {
        let Launch { grid: [x, y, z], block, shared } = launch;
        if x == 0 || y == 0 || z == 0 {
            return Ok(());
        }
        self.context.enter()?;
        let function = self.module.function(kernel, shared, sizes)?;
        // SAFETY: the caller's promise; the function lives as long as `self`.
        unsafe { self.enqueue(kernel, function, launch.grid, [block, 1, 1], shared, arguments) }
    }

    /// Enqueues `function`, which faults call `kernel`.
    ///
    /// # Safety
    /// That of [`Cuda::launch`], and the function's module stays loaded until the kernel ran.
    pub(super) unsafe fn enqueue(
        &self,
        kernel: &'static str,
        function: CUfunction,
        [x, y, z]: [u32; 3],
        [across, down, deep]: [u32; 3],
        shared: u32,
        arguments: &mut [*mut c_void],
    ) -> Result<()> {
        let context = &self.context;
        context.launching(kernel);
        let (stream, parameters, extra) = (self.stream, arguments.as_mut_ptr(), ptr::null_mut());
        // SAFETY: the caller's promise; the stream lives as long as `self`.
        let code = unsafe { sys::cuLaunchKernel(function, x, y, z, across, down, deep, shared, stream, parameters, extra) };
        match code {
            CUresult::CUDA_ERROR_INVALID_VALUE | CUresult::CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES | CUresult::CUDA_ERROR_INVALID_IMAGE => {
                Err(CudaFault::Launch { kernel: kernel.into(), code: describe(code) }.into())
            }
            code => context.check("cuLaunchKernel", code),
        }
    }
}

/// Declares kernels: for each a function `name(device, launch, arguments ...) -> Result<()>`. The parameters are those of the
/// kernel, in its order: `In<T>`, `Out<T>`, an `Option` of them (null where `None`), numbers, and `#[repr(C)]` structs of numbers.
/// With `name[f32|tf32|...]` the kernel is `name_f32`, `name_tf32` ..., by the precision of the device.
macro_rules! kernels {
    ($($(#[$doc:meta])* $visible:vis fn $name:ident $([$($precision:ident)|+])? ($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $visible fn $name(
            device: &$crate::device::cuda::Cuda,
            launch: $crate::device::cuda::Launch,
            $($argument: $type),*
        ) -> $crate::Result<()> {
            let kernel = $crate::device::cuda::kernels!(@name device, $name $(, $($precision)|+)?);
            // SAFETY: one pointer a parameter, each to a value of the declared type that lives during the call.
            unsafe { device.launch(kernel, launch, &mut [$((&raw const $argument).cast_mut().cast()),*], &[$(size_of_val(&$argument)),*]) }
        }
    )*};
    (@name $device:ident, $name:ident) => { stringify!($name) };
    (@name $device:ident, $name:ident, $($precision:ident)|+) => {
        match $device.precision().name() {
            $(stringify!($precision) => concat!(stringify!($name), "_", stringify!($precision)),)+
            other => unreachable!("{} has no kernel for {other}", stringify!($name)),
        }
    };
}
pub(crate) use kernels;
