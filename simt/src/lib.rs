//! An emulated CUDA driver.
//!
//! The build script compiles the kernels of `kernels/` as host C++, together with a runtime that gives them threads, warps, barriers,
//! shared memory, tensor cores and asynchronous copies, into libraries that answer as `libcuda.so`; beside each lies a `libcusolver.so`.
//! A program that asks for a CUDA driver is given one of them through `LD_LIBRARY_PATH`, or by [`load`], and then runs its kernels here:
//! slowly, repeatably, in an order that can be chosen, and, in the [checking](Build::Checking) build, under the eyes of a checker that
//! reports races, accesses out of bounds and reads of what was never written.
//!
//! What can be chosen, in the environment, when the driver is initialised:
//!
//! | variable | values | meaning |
//! |---|---|---|
//! | `SIMT_SCHEDULE` | `ascending` (default), `descending`, a seed | which ready thread runs next |
//! | `SIMT_CP_ASYNC` | `late` (default), `early` | asynchronous copies land when waited for, or at once |
//! | `SIMT_MMA` | `once` (default), `truncate` | a tensor core's sum is rounded once, or cut after every term |
//! | `SIMT_MEMORY` | bytes, default 8 GiB | what the device has |
//! | `SIMT_DEVICES` | 1 (default), 0 | how many devices there are |
//! | `SIMT_DRIVER_VERSION` | default 13000 | what the driver says it is |
//! | `SIMT_CAPABILITY` | default the variant's, as 89 | the compute capability that the device says it has |
//! | `SIMT_PROCESSORS` | default the variant's | multiprocessors |
//! | `SIMT_NODE` | default the node's, as 10 | the kind that every node of a graph says it is (`CUgraphNodeType`) |
//! | `SIMT_XSYEV` | `wrong`, `stuck` | `cusolverDnXsyevBatched` spoils an answer without a word, or says that a matrix did not converge |
//!
//! A kernel's fault is one line on stderr that names kernel, thread and source line; the driver then answers as a GPU's would.

mod compile;

use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

pub use compile::{Build, Profile};

/// Where the build script put a variant: a folder with `libcuda.so` and `libcusolver.so`, for `LD_LIBRARY_PATH`.
pub fn folder(profile: Profile, build: Build) -> PathBuf {
    Path::new(env!("OUT_DIR")).join(compile::folder_name(profile, build))
}

/// Whether there is an emulator: false where the build script found no C++ compiler, or another system than Linux on x86-64.
pub fn is_built() -> bool {
    Profile::ALL.iter().all(|&profile| Build::ALL.iter().all(|&build| folder(profile, build).join("libcuda.so").exists()))
}

/// Compiles a copy of the kernels' folder (`*.cu` and `include/`) into libraries in `out`, as the build script does with the original.
/// Objects are kept, so that only what differs is compiled. The error is the compiler's own.
pub fn compile(kernels: &Path, profile: Profile, build: Build, out: &Path) -> Result<(), String> {
    let compiler = compile::Compiler::find(Path::new(env!("CARGO_MANIFEST_DIR")), Path::new(env!("OUT_DIR")))?;
    compiler.compile(kernels, &[(profile, build, out.to_path_buf())])
}

/// Loads a variant into this process, so that whoever asks for `libcuda.so` or `libcusolver.so` later is given it.
///
/// # Safety
///
/// Nothing in the process may have looked for a CUDA driver yet. The variables above are read when the driver is initialised: set them
/// before, while no other thread runs.
pub unsafe fn load(profile: Profile, build: Build) -> Result<(), libloading::Error> {
    for name in ["libcuda.so", "libcusolver.so"] {
        // SAFETY: the libraries' initialisers do nothing but fill their table of kernels.
        let library = unsafe { Library::open(Some(folder(profile, build).join(name)), RTLD_NOW | RTLD_GLOBAL) }?;
        std::mem::forget(library);
    }
    Ok(())
}
