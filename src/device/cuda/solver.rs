//! cuSOLVER's batched eigen-solvers, found at run time like the driver.

use super::graph::hold_recordings;
use super::memory::out_of_memory;
use super::{Cuda, CudaBuffer, CudaFault};
use crate::Result;
use crate::device::{Element, Memory};
use cudarc::cusolver::sys::{self, cudaDataType, cusolverDnHandle_t, cusolverDnParams_t, cusolverStatus_t, syevjInfo_t};
use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;

const VECTORS: sys::cusolverEigMode_t = sys::cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR;
/// The matrices are symmetric: either triangle would do.
const LOWER: sys::cublasFillMode_t = sys::cublasFillMode_t::CUBLAS_FILL_MODE_LOWER;

/// A solver of many matrices at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batched {
    /// Householder tridiagonalisation and what follows it.
    Xsyev,
    /// Jacobi's rotations.
    Syevj,
}

impl Batched {
    /// Why this machine does not have it, if so. cudarc panics where a function is missing, so their names are looked up first.
    pub(crate) fn missing(self) -> Option<&'static str> {
        static MISSING: [OnceLock<Option<String>>; 2] = [const { OnceLock::new() }; 2];
        MISSING[self as usize].get_or_init(|| self.probe()).as_deref()
    }

    fn probe(self) -> Option<String> {
        // SAFETY: loading the library runs its initialisers, which is what a program that uses it wants.
        if !unsafe { sys::is_culib_present() } {
            return Some("libcusolver is not on this machine (it comes with the CUDA toolkit)".into());
        }
        // SAFETY: present, as just seen.
        let library = unsafe { sys::culib() };
        let own: &[&str] = match self {
            Batched::Xsyev => {
                &["cusolverDnCreateParams", "cusolverDnDestroyParams", "cusolverDnXsyevBatched_bufferSize", "cusolverDnXsyevBatched"]
            }
            Batched::Syevj => &[
                "cusolverDnCreateSyevjInfo",
                "cusolverDnDestroySyevjInfo",
                "cusolverDnSsyevjBatched_bufferSize",
                "cusolverDnDsyevjBatched_bufferSize",
                "cusolverDnSsyevjBatched",
                "cusolverDnDsyevjBatched",
            ],
        };
        let all = ["cusolverDnCreate", "cusolverDnDestroy", "cusolverDnSetStream"];
        // SAFETY: the symbol is only looked for, never called at this type.
        let lacks = |name: &&&str| unsafe { library.get::<unsafe extern "C" fn()>(name.as_bytes()) }.is_err();
        all.iter().chain(own).find(lacks).map(|name| format!("libcusolver has no {name}; CUDA 13 has it"))
    }
}

/// `cusolverDn{S,D}syevjBatched_bufferSize`.
type SizeOf<T> = unsafe fn(
    cusolverDnHandle_t,
    sys::cusolverEigMode_t,
    sys::cublasFillMode_t,
    c_int,
    *const T,
    c_int,
    *const T,
    *mut c_int,
    syevjInfo_t,
    c_int,
) -> cusolverStatus_t;

/// `cusolverDn{S,D}syevjBatched`.
type Solve<T> = unsafe fn(
    cusolverDnHandle_t,
    sys::cusolverEigMode_t,
    sys::cublasFillMode_t,
    c_int,
    *mut T,
    c_int,
    *mut T,
    *mut T,
    c_int,
    *mut c_int,
    syevjInfo_t,
    c_int,
) -> cusolverStatus_t;

/// What cuSOLVER computes in.
pub(crate) trait Scalar: Element {
    const TYPE: cudaDataType;
    const SIZE: SizeOf<Self>;
    const SOLVE: Solve<Self>;
}

impl Scalar for f32 {
    const TYPE: cudaDataType = cudaDataType::CUDA_R_32F;
    const SIZE: SizeOf<f32> = sys::cusolverDnSsyevjBatched_bufferSize;
    const SOLVE: Solve<f32> = sys::cusolverDnSsyevjBatched;
}

impl Scalar for f64 {
    const TYPE: cudaDataType = cudaDataType::CUDA_R_64F;
    const SIZE: SizeOf<f64> = sys::cusolverDnDsyevjBatched_bufferSize;
    const SOLVE: Solve<f64> = sys::cusolverDnDsyevjBatched;
}

/// The library's objects, destroyed in the end.
struct Objects {
    handle: cusolverDnHandle_t,
    parameters: cusolverDnParams_t,
    rotations: syevjInfo_t,
}

impl Drop for Objects {
    fn drop(&mut self) {
        // SAFETY: each was created, or is null; the functions of those created exist.
        unsafe {
            if !self.parameters.is_null() {
                sys::cusolverDnDestroyParams(self.parameters);
            }
            if !self.rotations.is_null() {
                sys::cusolverDnDestroySyevjInfo(self.rotations);
            }
            if !self.handle.is_null() {
                sys::cusolverDnDestroy(self.handle);
            }
        }
    }
}

/// Solves `count` symmetric matrices (count, n, n) in place: modes, one after another, and ascending `energies` (count, n). The work
/// space is zeroed each time: a version of the library answers wrongly otherwise. `solver` must not be missing.
pub(crate) fn solve_batched<T: Scalar>(
    device: &Cuda,
    solver: Batched,
    n: usize,
    count: usize,
    matrices: &mut CudaBuffer<T>,
    energies: &mut CudaBuffer<T>,
) -> Result<()> {
    assert!(matrices.len() >= count * n * n && energies.len() >= count * n, "buffers of {count} matrices of {n} rows");
    let _none = hold_recordings();
    device.context.enter()?;
    let mut objects = Objects { handle: ptr::null_mut(), parameters: ptr::null_mut(), rotations: ptr::null_mut() };
    // SAFETY: `missing` found the functions; the places live; cuSOLVER's stream type is the driver's.
    unsafe {
        check("cusolverDnCreate", sys::cusolverDnCreate(&mut objects.handle))?;
        check("cusolverDnSetStream", sys::cusolverDnSetStream(objects.handle, device.context.stream.cast()))?;
    }
    let handle = objects.handle;
    let mut info = device.zeros::<i32>(count)?;
    let flags: *mut c_int = info.raw();
    let (a, w): (*mut T, *mut T) = (matrices.raw(), energies.raw());
    let (call, last) = match solver {
        Batched::Xsyev => {
            let (mut on_device, mut on_host) = (0, 0);
            // SAFETY: as above; `a` and `w` are device memory of the lengths told.
            unsafe {
                check("cusolverDnCreateParams", sys::cusolverDnCreateParams(&mut objects.parameters))?;
                let (n, count) = (n as i64, count as i64);
                let size = sys::cusolverDnXsyevBatched_bufferSize(
                    handle,
                    objects.parameters,
                    VECTORS,
                    LOWER,
                    n,
                    T::TYPE,
                    a.cast(),
                    n,
                    T::TYPE,
                    w.cast(),
                    T::TYPE,
                    &mut on_device,
                    &mut on_host,
                    count,
                );
                check("cusolverDnXsyevBatched_bufferSize", size)?;
            }
            let mut work = device.zeros::<u8>(on_device)?;
            let mut host = vec![0_u8; on_host];
            // SAFETY: the work spaces have the sizes asked for, and live until the wait below.
            let code = unsafe {
                let (n, count) = (n as i64, count as i64);
                sys::cusolverDnXsyevBatched(
                    handle,
                    objects.parameters,
                    VECTORS,
                    LOWER,
                    n,
                    T::TYPE,
                    a.cast(),
                    n,
                    T::TYPE,
                    w.cast(),
                    T::TYPE,
                    work.raw().cast(),
                    on_device,
                    host.as_mut_ptr().cast(),
                    on_host,
                    flags,
                    count,
                )
            };
            device.synchronize()?;
            ("cusolverDnXsyevBatched", code)
        }
        Batched::Syevj => {
            let mut numbers: c_int = 0;
            let (n, count) = (n as c_int, count as c_int);
            // SAFETY: as above.
            unsafe {
                check("cusolverDnCreateSyevjInfo", sys::cusolverDnCreateSyevjInfo(&mut objects.rotations))?;
                let size = T::SIZE(handle, VECTORS, LOWER, n, a, n, w, &mut numbers, objects.rotations, count);
                check("cusolverDn{S,D}syevjBatched_bufferSize", size)?;
            }
            let mut work = device.zeros::<T>(numbers as usize)?;
            // SAFETY: as above.
            let code = unsafe { T::SOLVE(handle, VECTORS, LOWER, n, a, n, w, work.raw(), numbers, flags, objects.rotations, count) };
            device.synchronize()?;
            ("cusolverDn{S,D}syevjBatched", code)
        }
    };
    check(call, last)?;
    let mut flags = vec![0; count];
    device.download(&info, &mut flags)?;
    match flags.iter().position(|flag| *flag != 0) {
        Some(at) => Err(CudaFault::Solver { call, fault: format!("matrix {at} of {count} did not converge (info {})", flags[at]) }.into()),
        None => Ok(()),
    }
}

fn check(call: &'static str, code: cusolverStatus_t) -> Result<()> {
    match code {
        cusolverStatus_t::CUSOLVER_STATUS_SUCCESS => Ok(()),
        // Fewer matrices at once may do (`ops/spectrum`).
        cusolverStatus_t::CUSOLVER_STATUS_ALLOC_FAILED => Err(out_of_memory(0).into()),
        code => Err(CudaFault::Solver { call, fault: format!("{code:?}") }.into()),
    }
}
