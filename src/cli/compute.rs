//! Where networks run: the configured device and precision, made definite. The one place that matches on devices.

use crate::config::{Config, Precision};
use crate::device::cuda::{self, CudaFault};
use crate::device::{Cpu, Cuda};
use crate::{Error, Result};

/// An open device.
pub(super) enum Compute {
    Single(Cpu<f32>),
    Double(Cpu<f64>),
    Cuda(Box<Cuda>),
}

/// Runs `$body` with `$device` bound to the device inside a [`Compute`].
macro_rules! on_device {
    ($compute:expr, $device:ident => $body:expr) => {
        match &$compute {
            $crate::cli::compute::Compute::Single($device) => $body,
            $crate::cli::compute::Compute::Double($device) => $body,
            $crate::cli::compute::Compute::Cuda(device) => {
                let $device = device.as_ref();
                $body
            }
        }
    };
}
pub(super) use on_device;

/// What `--device` and the key `device` may say.
enum Wanted {
    Auto,
    Cpu,
    Card(usize),
}

impl Wanted {
    fn parse(name: &str) -> Result<Self> {
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        match name.split_once(':') {
            None if name == "auto" => Some(Wanted::Auto),
            None if name == "cpu" => Some(Wanted::Cpu),
            None if name == "cuda" => Some(Wanted::Card(0)),
            Some(("cuda", text)) => number(text).map(Wanted::Card),
            _ => None,
        }
        .ok_or_else(|| Error::Device { name: name.into(), fault: "unknown; use auto, cpu or cuda[:n]".into() })
    }
}

/// Can `name` be a device?
pub(super) fn check_name(name: &str) -> Result<()> {
    Wanted::parse(name).map(drop)
}

/// Opens the device that `config` asks for. `auto` takes the first card if it works; one line says so, or why a card that is there was
/// not taken.
pub(super) fn open(config: &Config, quiet: bool) -> Result<Compute> {
    Ok(match (Wanted::parse(&config.device)?, config.precision) {
        (Wanted::Cpu, precision) => cpu(precision)?,
        (Wanted::Card(ordinal), precision) => card(ordinal, precision)?,
        (Wanted::Auto, Precision::F64) => Compute::Double(Cpu::new()),
        (Wanted::Auto, precision) => match (card(0, precision), cpu(precision)) {
            (Ok(compute), _) => {
                note(quiet, format!("computing on {}; --device cpu takes the processor", describe(&compute)));
                compute
            }
            (Err(Error::Cuda(CudaFault::NoDriver(_) | CudaFault::NoCard { .. })), Ok(compute)) => compute,
            (Err(fault), Ok(compute)) => {
                note(quiet, format!("computing on the processor: {fault}"));
                compute
            }
            (Err(fault), Err(_)) => return Err(fault),
        },
    })
}

impl Compute {
    /// Device and precision as the configuration spells them.
    pub(super) fn name(&self) -> (String, Precision) {
        match self {
            Compute::Single(_) => ("cpu".into(), Precision::F32),
            Compute::Double(_) => ("cpu".into(), Precision::F64),
            Compute::Cuda(device) => (format!("cuda:{}", device.ordinal()), device.precision().into()),
        }
    }
}

/// The open device in words.
pub(super) fn describe(compute: &Compute) -> String {
    match compute {
        Compute::Single(_) => "cpu (f32)".into(),
        Compute::Double(_) => "cpu (f64)".into(),
        Compute::Cuda(device) => format!("cuda:{} ({}, {})", device.ordinal(), device.name(), device.precision()),
    }
}

fn cpu(precision: Precision) -> Result<Compute> {
    match precision {
        Precision::Auto | Precision::F32 => Ok(Compute::Single(Cpu::new())),
        Precision::F64 => Ok(Compute::Double(Cpu::new())),
        Precision::Tf32 | Precision::Bf16 | Precision::F16 => {
            Err(Error::value("precision", "tf32, bf16 and f16 are for NVIDIA cards; on the cpu use f32, f64 or auto"))
        }
    }
}

fn card(ordinal: usize, precision: Precision) -> Result<Compute> {
    let precision = match precision {
        Precision::Auto => None,
        Precision::F32 => Some(cuda::Precision::F32),
        Precision::Tf32 => Some(cuda::Precision::Tf32),
        Precision::Bf16 => Some(cuda::Precision::Bf16),
        Precision::F16 => Some(cuda::Precision::F16),
        Precision::F64 => return Err(Error::value("precision", "f64 is for the cpu; on a card use f32, tf32, bf16, f16 or auto")),
    };
    Ok(Compute::Cuda(Box::new(Cuda::new(ordinal, precision)?)))
}

fn note(quiet: bool, line: String) {
    if !quiet {
        note!("{line}");
    }
}

impl From<cuda::Precision> for Precision {
    fn from(precision: cuda::Precision) -> Self {
        match precision {
            cuda::Precision::F32 => Precision::F32,
            cuda::Precision::Tf32 => Precision::Tf32,
            cuda::Precision::Bf16 => Precision::Bf16,
            cuda::Precision::F16 => Precision::F16,
        }
    }
}
