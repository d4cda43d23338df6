//! The driver's library, asked so that nothing panics: is it there, new enough, and has it what we call?

use super::CudaFault;
use crate::Result;
use cudarc::driver::sys::{self, CUdevice, CUdevice_attribute, CUresult};
use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::OnceLock;

/// Every function that this crate calls. cudarc panics where one is missing, so their names are looked up first.
const FUNCTIONS: &[&str] = &[
    "cuInit",
    "cuDriverGetVersion",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetName",
    "cuDeviceTotalMem_v2",
    "cuDeviceGetAttribute",
    "cuDevicePrimaryCtxRetain",
    "cuDevicePrimaryCtxRelease_v2",
    "cuCtxSetCurrent",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuModuleGetFunction",
    "cuFuncSetAttribute",
    "cuFuncGetParamInfo",
    "cuStreamCreateWithPriority",
    "cuStreamWaitEvent",
    "cuCtxGetStreamPriorityRange",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventRecord",
    "cuEventElapsedTime_v2",
    "cuMemAlloc_v2",
    "cuMemFree_v2",
    "cuMemGetInfo_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuMemsetD8Async",
    "cuLaunchKernel",
    "cuStreamBeginCapture_v2",
    "cuStreamEndCapture",
    "cuGraphGetNodes",
    "cuGraphNodeGetType",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuGraphExecDestroy",
    "cuGraphDestroy",
    "cuGetErrorName",
    "cuGetErrorString",
    #[cfg(feature = "cust-interop")]
    "cuCtxSynchronize",
    #[cfg(feature = "cust-interop")]
    "cuPointerGetAttribute",
];

/// The CUDA version whose functions are called: what a driver must support at least.
const NEEDED: i32 = 13000;

/// A driver that is there, initialised, and new enough.
#[derive(Debug, Clone, Copy)]
pub struct Driver {
    version: i32,
    cards: usize,
}

impl Driver {
    /// The machine's driver; the library is loaded once a process.
    pub fn load() -> Result<Self> {
        static DRIVER: OnceLock<std::result::Result<Driver, CudaFault>> = OnceLock::new();
        Ok(DRIVER.get_or_init(probe).clone()?)
    }

    /// Newest CUDA version that it supports, as (13, 0).
    pub fn version(&self) -> (i32, i32) {
        (self.version / 1000, self.version % 1000 / 10)
    }

    /// The cards that it shows.
    pub fn cards(&self) -> Result<Vec<Card>> {
        (0..self.cards).map(|ordinal| self.card(ordinal)).collect()
    }

    /// The card of that number.
    pub fn card(&self, ordinal: usize) -> Result<Card> {
        if ordinal >= self.cards {
            return Err(CudaFault::NoCard { ordinal, count: self.cards }.into());
        }
        let mut device: CUdevice = 0;
        let mut name = [0 as c_char; 256];
        let mut memory = 0;
        // SAFETY: the driver is initialised; every pointer is to a live place of the length told.
        unsafe {
            check("cuDeviceGet", sys::cuDeviceGet(&mut device, ordinal as i32))?;
            check("cuDeviceGetName", sys::cuDeviceGetName(name.as_mut_ptr(), name.len() as i32 - 1, device))?;
            check("cuDeviceTotalMem", sys::cuDeviceTotalMem_v2(&mut memory, device))?;
        }
        // SAFETY: the last byte was never written, so there is a 0.
        let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
        let ask = |attribute| attribute_of(device, attribute);
        Ok(Card {
            device,
            ordinal,
            name,
            memory,
            capability: (
                ask(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                ask(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            multiprocessors: ask(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        })
    }
}

/// A card as the driver describes it.
#[derive(Debug, Clone)]
pub struct Card {
    pub(super) device: CUdevice,
    /// Its number.
    pub ordinal: usize,
    /// Its name.
    pub name: String,
    /// Bytes of memory.
    pub memory: usize,
    /// Compute capability, as (8, 9).
    pub capability: (u32, u32),
    /// Its multiprocessors.
    pub multiprocessors: u32,
}

fn attribute_of(device: CUdevice, attribute: CUdevice_attribute) -> Result<u32> {
    let mut value = 0;
    // SAFETY: the driver is initialised and `value` lives.
    check("cuDeviceGetAttribute", unsafe { sys::cuDeviceGetAttribute(&mut value, attribute, device) })?;
    Ok(value as u32)
}

fn probe() -> std::result::Result<Driver, CudaFault> {
    // SAFETY: loading the driver runs its initialisers, which is what a program that uses it wants.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaFault::NoDriver("libcuda is not on this machine".into()));
    }
    // SAFETY: present, as just seen.
    let library = unsafe { sys::culib() };
    for &name in FUNCTIONS {
        // SAFETY: the symbol is only looked for, never called at this type.
        if unsafe { library.get::<unsafe extern "C" fn()>(name.as_bytes()) }.is_err() {
            return Err(CudaFault::MissingFunction(name));
        }
    }
    let mut version = 0;
    // SAFETY: the function exists; `version` lives. It may be asked before cuInit, which an old driver may refuse.
    let code = unsafe { sys::cuDriverGetVersion(&mut version) };
    if code == CUresult::CUDA_SUCCESS && version < NEEDED {
        return Err(CudaFault::OldDriver(version));
    }
    // SAFETY: the function exists.
    match unsafe { sys::cuInit(0) } {
        CUresult::CUDA_SUCCESS => {}
        CUresult::CUDA_ERROR_NO_DEVICE => return Ok(Driver { version, cards: 0 }),
        CUresult::CUDA_ERROR_STUB_LIBRARY => return Err(CudaFault::NoDriver("the libcuda found is the toolkit's stub".into())),
        code => return Err(CudaFault::NoDriver(describe(code))),
    }
    let mut cards = 0;
    // SAFETY: the driver is initialised and `cards` lives.
    match unsafe { sys::cuDeviceGetCount(&mut cards) } {
        CUresult::CUDA_SUCCESS => Ok(Driver { version, cards: cards as usize }),
        code => Err(CudaFault::Driver { call: "cuDeviceGetCount", code: describe(code) }),
    }
}

/// The fault behind `code`, where it is one.
pub(super) fn check(call: &'static str, code: CUresult) -> std::result::Result<(), CudaFault> {
    match code {
        CUresult::CUDA_SUCCESS => Ok(()),
        code => Err(CudaFault::Driver { call, code: describe(code) }),
    }
}

/// Name and text of a code, in the driver's words.
pub(super) fn describe(code: CUresult) -> String {
    let (mut name, mut text) = (ptr::null(), ptr::null());
    // SAFETY: both functions exist, and set their pointer to a static string or to null.
    unsafe {
        sys::cuGetErrorName(code, &mut name);
        sys::cuGetErrorString(code, &mut text);
    }
    if name.is_null() || text.is_null() {
        return format!("error {}", code as u32);
    }
    // SAFETY: not null, so static strings of the driver.
    unsafe { format!("{} ({})", CStr::from_ptr(name).to_string_lossy(), CStr::from_ptr(text).to_string_lossy()) }
}
