//! The kernels: the fatbins that the build embedded, or those that the user names.

use super::CudaFault;
use super::context::Context;
use super::driver::describe;
use crate::Result;
use cudarc::driver::sys::{self, CUfunction, CUfunction_attribute, CUmodule, CUresult};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io, ptr};

/// The environment variable that names kernels compiled elsewhere: a fatbin or cubin, or a folder of `*.fatbin`.
pub const KERNELS: &str = "SCALEFREE_KERNELS";

/// The fatbins of kernels/*.cu, none where the build found no CUDA compiler.
static EMBEDDED: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// What the build knows of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct Built {
    /// Version of the CUDA compiler; empty where there was none, or it failed.
    pub toolkit: &'static str,
    /// The architectures that there is machine code for, as "sm_75 sm_80 ...".
    pub architectures: &'static str,
    /// Bytes of the fatbins; 0 without kernels.
    pub bytes: usize,
    /// Why a compiler that was there made none; empty otherwise.
    pub fault: &'static str,
}

/// The kernels inside this program.
pub fn built() -> Built {
    Built {
        toolkit: env!("SCALEFREE_TOOLKIT"),
        architectures: env!("SCALEFREE_ARCHITECTURES"),
        bytes: EMBEDDED.iter().map(|image| image.len()).sum(),
        fault: env!("SCALEFREE_KERNEL_FAULT"),
    }
}

/// The loaded kernels. A function is looked up when it is first launched.
pub(super) struct Module {
    context: Arc<Context>,
    loaded: Vec<CUmodule>,
    from: String,
    functions: Mutex<HashMap<&'static str, Function>>,
}

// SAFETY: the driver's handles may be used from any thread once the context is current there.
unsafe impl Send for Module {}
// SAFETY: as above; the map has its lock.
unsafe impl Sync for Module {}

#[derive(Clone, Copy)]
struct Function {
    raw: CUfunction,
    /// Dynamic shared memory that it may take, in bytes.
    shared: u32,
}

impl Module {
    /// Loads the kernels into the context.
    pub(super) fn load(context: &Arc<Context>) -> Result<Self> {
        let named = std::env::var_os(KERNELS).filter(|name| !name.is_empty()).map(PathBuf::from);
        let from = named.as_ref().map_or("this program".into(), |path| path.display().to_string());
        let fault = |code: String| CudaFault::BadKernels { from: from.clone(), code };
        let images = match &named {
            None if EMBEDDED.is_empty() => return Err(CudaFault::NoKernels.into()),
            None => EMBEDDED.iter().map(|image| Cow::Borrowed(*image)).collect(),
            Some(path) => read(path).map_err(|e| fault(e.to_string()))?,
        };
        context.enter()?;
        let mut module = Module { context: context.clone(), loaded: Vec::new(), from: from.clone(), functions: Mutex::default() };
        for image in images {
            let mut raw = ptr::null_mut();
            // SAFETY: the context is current and the image lives during the call.
            match unsafe { sys::cuModuleLoadData(&mut raw, image.as_ptr().cast()) } {
                CUresult::CUDA_SUCCESS => module.loaded.push(raw),
                code => return Err(fault(describe(code)).into()),
            }
        }
        Ok(module)
    }

    /// The kernel of that name, with parameters of these sizes, allowed `shared` bytes of dynamic shared memory.
    pub(super) fn function(&self, kernel: &'static str, shared: u32, parameters: &[usize]) -> Result<CUfunction> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut function = match functions.get(kernel) {
            Some(function) => *function,
            None => Function { raw: self.find(kernel, parameters)?, shared: 0 },
        };
        if shared > function.shared {
            let attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            // SAFETY: the function belongs to a loaded module.
            match unsafe { sys::cuFuncSetAttribute(function.raw, attribute, shared as i32) } {
                CUresult::CUDA_SUCCESS => function.shared = shared,
                code => {
                    let code = format!("{shared} bytes of shared memory: {}", describe(code));
                    return Err(CudaFault::Launch { kernel: kernel.into(), code }.into());
                }
            }
        }
        functions.insert(kernel, function);
        Ok(function.raw)
    }

    fn find(&self, kernel: &'static str, parameters: &[usize]) -> Result<CUfunction> {
        let missing = || CudaFault::MissingKernel { from: self.from.clone(), kernel: kernel.into() };
        let name = CString::new(kernel).map_err(|_| missing())?;
        for module in &self.loaded {
            let mut raw = ptr::null_mut();
            // SAFETY: the context is current, the module loaded, the name ends with 0.
            match unsafe { sys::cuModuleGetFunction(&mut raw, *module, name.as_ptr()) } {
                CUresult::CUDA_SUCCESS if takes(raw, parameters) => return Ok(raw),
                CUresult::CUDA_SUCCESS => return Err(missing().into()),
                CUresult::CUDA_ERROR_NOT_FOUND => {}
                code => self.context.check("cuModuleGetFunction", code)?,
            }
        }
        Err(missing().into())
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.context.enter().is_ok() {
            for module in &self.loaded {
                // SAFETY: nothing can launch its kernels any more; the driver waits for those under way.
                unsafe { sys::cuModuleUnload(*module) };
            }
        }
    }
}

/// Are the parameters of `function` of these sizes? The driver would not tell at the launch.
fn takes(function: CUfunction, parameters: &[usize]) -> bool {
    let size_of = |index: usize| {
        let (mut offset, mut size) = (0, 0);
        // SAFETY: the function belongs to a loaded module and both numbers live.
        let code = unsafe { sys::cuFuncGetParamInfo(function, index, &mut offset, &mut size) };
        (code == CUresult::CUDA_SUCCESS).then_some(size)
    };
    (0..=parameters.len()).all(|index| size_of(index) == parameters.get(index).copied())
}

/// The file, or every fatbin of the folder, in the order of their names.
fn read(path: &Path) -> io::Result<Vec<Cow<'static, [u8]>>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|e| e == "fatbin"));
        files.sort();
    }
    let mut images = Vec::new();
    for file in files {
        let mut image = fs::read(file)?;
        if image.is_empty() {
            return Err(io::Error::other("the file is empty"));
        }
        // PTX is text, which the driver reads up to a 0.
        image.push(0);
        images.push(image.into());
    }
    if images.is_empty() {
        return Err(io::Error::other("the folder holds no *.fatbin"));
    }
    Ok(images)
}
