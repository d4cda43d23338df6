//! What can be wrong with a CUDA device. Each text ends with what mends it.

use super::Precision;
use crate::Error;

/// What mends a driver.
const MEND: &str = "install driver 580 or newer (Ubuntu: sudo apt install nvidia-driver-580), or use --device cpu";

/// A CUDA device that is not there, or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CudaFault {
    /// No driver library, or one that does not answer.
    #[error("no NVIDIA driver: {0}; {MEND}")]
    NoDriver(String),
    /// The driver is older than the toolkit that compiled the kernels.
    #[error("the NVIDIA driver supports CUDA {}.{}, and 13.0 is needed; {MEND}", .0 / 1000, .0 % 1000 / 10)]
    OldDriver(i32),
    /// The driver lacks a function.
    #[error("the NVIDIA driver has no {0}; {MEND}")]
    MissingFunction(&'static str),
    /// No card of this number.
    #[error("there is no cuda:{ordinal}: {}; see `scalefree device`", cards(*.count))]
    NoCard {
        /// The number asked for.
        ordinal: usize,
        /// Cards that the driver shows.
        count: usize,
    },
    /// A card that the kernels are not made for.
    #[error("{name} has compute capability {}.{}, and 7.5 (RTX 20, T4) or newer is needed; use --device cpu", .capability.0, .capability.1)]
    OldCard {
        /// The card.
        name: String,
        /// Its compute capability.
        capability: (u32, u32),
    },
    /// The program was built without a CUDA compiler.
    #[error(
        "this build has no kernels; run scripts/cuda-toolkit.sh and build again, or name a fatbin of them in {}",
        super::module::KERNELS
    )]
    NoKernels,
    /// A file of kernels that cannot be loaded.
    #[error("the kernels of {from} cannot be loaded: {code}; they must be a fatbin or cubin for this card, compiled from kernels/")]
    BadKernels {
        /// The file, or the program itself.
        from: String,
        /// The driver's or the system's word.
        code: String,
    },
    /// A kernel that the loaded modules do not hold, or hold with other parameters.
    #[error(
        "the kernels of {from} have no {kernel} with the parameters that this program passes; they are of another version: build again, or unset {}",
        super::module::KERNELS
    )]
    MissingKernel {
        /// The file, or the program itself.
        from: String,
        /// The kernel.
        kernel: String,
    },
    /// A way to compute that the card lacks.
    #[error("{name} (compute capability {}.{}) has no {precision}; use one of {}", .capability.0, .capability.1, Precision::list(*.capability))]
    NoPrecision {
        /// The card.
        name: String,
        /// Its compute capability.
        capability: (u32, u32),
        /// What was asked for.
        precision: Precision,
    },
    /// The card's memory is full.
    #[error(
        "out of memory on the card: {} more were asked for, and {} of {} are free, so that no more than that would fit; lower d2l.batch and l2d.batch, or use --device cpu",
        bytes(*.asked), bytes(*.free), bytes(*.total)
    )]
    OutOfMemory {
        /// Bytes of the allocation.
        asked: usize,
        /// Bytes that were free.
        free: usize,
        /// Bytes of the card.
        total: usize,
    },
    /// A batch for which a training run finds no room.
    #[error("out of memory on the card, which has {}: {key} = {batch} does not fit; {}", bytes(*.total), room(*.fits))]
    Batch {
        /// The configuration's key.
        key: String,
        /// Its value.
        batch: usize,
        /// The largest that fits beside what else is on the card; 0 if none does.
        fits: usize,
        /// Bytes of the card.
        total: usize,
    },
    /// A kernel failed on the card. The card answers nothing else to this process from then on, and neither do we.
    #[error("the card stopped with {code} in {kernels}; start again, with CUDA_LAUNCH_BLOCKING=1 to learn which kernel it was")]
    Kernel {
        /// The kernel, or those that were under way.
        kernels: String,
        /// The driver's word.
        code: String,
    },
    /// A launch that the driver refused.
    #[error("kernel {kernel} was refused: {code}")]
    Launch {
        /// The kernel.
        kernel: String,
        /// The driver's word.
        code: String,
    },
    /// A buffer of cust's that is not memory of this card's primary context.
    #[cfg(feature = "cust-interop")]
    #[error(
        "the buffer is not of the primary context of cuda:{ordinal}, but of another card or of a `cust::context::legacy` one, or an `_async` function made it; make it with DeviceBuffer::from_slice, zeroed or uninitialized after Cuda::cust_context"
    )]
    Foreign {
        /// The card that it was handed to.
        ordinal: usize,
    },
    /// Recorded work that cannot be replayed.
    #[error("the recorded work holds a node of kind {kind} (CUgraphNodeType); only kernels, fills and copies can be replayed")]
    GraphNode {
        /// The driver's number of the kind.
        kind: u32,
    },
    /// An eigen-solver that refused, or whose answer is no eigenpair.
    #[error("{call}: {fault}")]
    Solver {
        /// What was called.
        call: &'static str,
        /// The solver's word, or what is wrong with its answer.
        fault: String,
    },
    /// Any other answer of the driver.
    #[error("{call}: {code}")]
    Driver {
        /// What was called.
        call: &'static str,
        /// The driver's word.
        code: String,
    },
}

impl From<CudaFault> for Error {
    fn from(fault: CudaFault) -> Self {
        Error::Cuda(fault)
    }
}

fn cards(count: usize) -> String {
    match count {
        0 => "the driver shows no card".into(),
        1 => "the only card is cuda:0".into(),
        n => format!("the cards are cuda:0 to cuda:{}", n - 1),
    }
}

fn room(fits: usize) -> String {
    match fits {
        0 => "not even 1 would; use fewer filters, or --device cpu".into(),
        n => format!("{n} is the largest that does"),
    }
}

fn bytes(count: usize) -> String {
    const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", count as f64 / size as f64),
        None => format!("{count} bytes"),
    }
}
