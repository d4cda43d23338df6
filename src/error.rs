//! The one error type of the library. Its text names the file, key or value at fault and says what would be right.

use crate::device::cuda::CudaFault;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What went wrong, in words for the person at the keyboard.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be read, or does not hold what is wanted.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file at fault.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        fault: String,
    },
    /// An argument, configuration key or array with an impossible value.
    #[error("{name}: {fault}")]
    Value {
        /// The argument, key or array, as the user spells it.
        name: String,
        /// What is wrong with it, and what would be right.
        fault: String,
    },
    /// An output that could not be written; whatever stood there before is untouched.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A device that is not there, or cannot do what was asked.
    #[error("device {name}: {fault}")]
    Device {
        /// The device as the user spelled it.
        name: String,
        /// What is missing, and what mends it.
        fault: String,
    },
    /// An NVIDIA card that is not there, or failed.
    #[error(transparent)]
    Cuda(CudaFault),
    /// Something of a run that its stages have not made yet, or that its scale leaves out.
    #[error("{what}: {lacking}")]
    Lacking {
        /// What was asked for: a figure, a row.
        what: String,
        /// Which file of the run is not there, and which stage makes it.
        lacking: String,
    },
    /// The computation itself failed (an eigen-solver that did not converge, a run that became NaN).
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C, after everything was saved.
    #[error("interrupted; {0}")]
    Interrupted(String),
}

/// `Result` with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A fault of an input file.
    pub fn file(path: impl AsRef<Path>, fault: impl std::fmt::Display) -> Self {
        Error::File { path: path.as_ref().to_owned(), fault: fault.to_string() }
    }

    /// A fault of a value that the user gave.
    pub fn value(name: impl Into<String>, fault: impl std::fmt::Display) -> Self {
        Error::Value { name: name.into(), fault: fault.to_string() }
    }

    /// An output that the system refused.
    pub fn write(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Write { path: path.as_ref().to_owned(), source }
    }

    /// 2 for bad usage, input or output path; 1 for anything that failed on good input.
    pub fn exit_code(&self) -> u8 {
        match self {
            // A path that will not do is the user's; a disk that is full or broken is the machine's.
            Error::Write { source, .. } if !is_of_the_path(source.kind()) => 1,
            Error::File { .. } | Error::Value { .. } | Error::Write { .. } | Error::Device { .. } | Error::Lacking { .. } => 2,
            Error::Cuda(
                CudaFault::OutOfMemory { .. }
                | CudaFault::Batch { .. }
                | CudaFault::Kernel { .. }
                | CudaFault::Launch { .. }
                | CudaFault::GraphNode { .. }
                | CudaFault::Driver { .. },
            ) => 1,
            Error::Cuda(_) => 2,
            Error::Failed(_) | Error::Interrupted(_) => 1,
        }
    }
}

fn is_of_the_path(kind: ErrorKind) -> bool {
    use ErrorKind as Of;
    let path = [Of::NotFound, Of::PermissionDenied, Of::IsADirectory, Of::NotADirectory, Of::ReadOnlyFilesystem, Of::AlreadyExists];
    let name = [Of::InvalidFilename, Of::InvalidInput, Of::ResourceBusy, Of::CrossesDevices];
    path.contains(&kind) || name.contains(&kind)
}
