//! The little of a CUDA device that the cases need, on the driver's own functions.

use std::ffi::{CString, c_void};
use std::mem::MaybeUninit;
use std::{env, fs, ptr};

use cudarc::driver::sys::{self, CUdeviceptr, CUfunction, CUmodule, CUresult, CUstream};

/// Names the compiled kernels where the device is a real one.
pub const IMAGE: &str = "SIMT_TEST_IMAGE";

/// Whether it is.
pub fn is_card() -> bool {
    env::var_os(IMAGE).is_some()
}

/// A context, a module and a stream.
pub struct Gpu {
    /// Not blocking: nothing is ordered with it but its own work.
    pub stream: CUstream,
    module: CUmodule,
}

/// What a driver function stores through a pointer.
pub fn out<T>(call: impl FnOnce(*mut T) -> CUresult) -> Result<T, CUresult> {
    let mut value = MaybeUninit::uninit();
    match call(value.as_mut_ptr()) {
        CUresult::CUDA_SUCCESS => Ok(unsafe { value.assume_init() }),
        fault => Err(fault),
    }
}

pub fn check(result: CUresult) {
    assert_eq!(result, CUresult::CUDA_SUCCESS);
}

impl Gpu {
    pub fn new() -> Self {
        unsafe {
            check(sys::cuInit(0));
            let device = out(|device| sys::cuDeviceGet(device, 0)).unwrap();
            let context = out(|context| sys::cuDevicePrimaryCtxRetain(context, device)).unwrap();
            check(sys::cuCtxSetCurrent(context));
            // The emulator takes anything for an image.
            let image = env::var_os(IMAGE).map_or(b"an image\0".to_vec(), |path| fs::read(path).unwrap());
            let module = out(|module| sys::cuModuleLoadData(module, image.as_ptr().cast())).unwrap();
            let stream = out(|stream| sys::cuStreamCreate(stream, 1)).unwrap();
            Self { stream, module }
        }
    }

    pub fn function(&self, name: &str) -> Result<CUfunction, CUresult> {
        let name = CString::new(name).unwrap();
        out(|function| unsafe { sys::cuModuleGetFunction(function, self.module, name.as_ptr()) })
    }

    /// Device memory with these numbers in it.
    pub fn memory<T: Copy>(&self, values: &[T]) -> CUdeviceptr {
        let bytes = size_of_val(values);
        let memory = self.fresh(bytes);
        check(unsafe { sys::cuMemcpyHtoD_v2(memory, values.as_ptr().cast(), bytes) });
        memory
    }

    /// Device memory as the driver hands it out.
    pub fn fresh(&self, bytes: usize) -> CUdeviceptr {
        out(|memory| unsafe { sys::cuMemAlloc_v2(memory, bytes) }).unwrap()
    }

    /// What is there now.
    pub fn read<T: Copy + Default>(&self, from: CUdeviceptr, count: usize) -> Vec<T> {
        let mut values = vec![T::default(); count];
        check(unsafe { sys::cuMemcpyDtoH_v2(values.as_mut_ptr().cast(), from, count * size_of::<T>()) });
        values
    }

    pub fn launch(&self, name: &str, grid: u32, block: u32, shared: u32, arguments: &[*const c_void]) -> CUresult {
        let function = self.function(name).unwrap();
        let arguments = arguments.as_ptr().cast_mut().cast();
        unsafe { sys::cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, self.stream, arguments, ptr::null_mut()) }
    }

    pub fn wait(&self) -> CUresult {
        unsafe { sys::cuStreamSynchronize(self.stream) }
    }
}

/// Where an argument lies.
pub fn argument<T>(value: &T) -> *const c_void {
    ptr::from_ref(value).cast()
}
