//! The options that every command understands.

use crate::config::{Config, Precision, Preset};
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Common {
    /// Where to compute: auto, cpu or cuda[:n]
    #[arg(long, global = true, value_name = "DEVICE")]
    device: Option<String>,
    /// Seed of everything random
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// A TOML configuration file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One configuration key, e.g. --set d2l.batch=20 (repeatable)
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// No progress, no notes
    #[arg(long, global = true)]
    pub(super) quiet: bool,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Common {
    /// The configuration: preset, file, settings, then the options of their own name.
    pub(super) fn load(&self, preset: Preset) -> Result<Config> {
        let mut config = Config::load(preset, self.config.as_deref(), &self.settings)?;
        config.seed = self.seed.unwrap_or(config.seed);
        if let Some(device) = &self.device {
            config.device.clone_from(device);
        }
        check_device(&config.device)?;
        Ok(config)
    }
}

/// Is there such a device?
fn check_device(name: &str) -> Result<()> {
    let (kind, number) = name.split_once(':').map_or((name, None), |(kind, number)| (kind, Some(number)));
    match (kind, number) {
        ("auto" | "cpu", None) => Ok(()),
        ("cuda", number) if number.is_none_or(|n| n.parse::<u32>().is_ok()) => {
            Err(Error::Device { name: name.into(), fault: "this build has no CUDA device yet; use --device cpu".into() })
        }
        _ => Err(Error::Device { name: name.into(), fault: "unknown; use auto, cpu or cuda[:n]".into() }),
    }
}

/// Runs `$body` with `$device` bound to the configured device: the one match on devices.
macro_rules! on_device {
    ($config:expr, $device:ident => $body:expr) => {
        match $config.precision {
            $crate::config::Precision::F32 => {
                let $device = &$crate::device::Cpu::<f32>::new();
                $body
            }
            $crate::config::Precision::F64 => {
                let $device = &$crate::device::Cpu::<f64>::new();
                $body
            }
        }
    };
}
pub(crate) use on_device;

/// How a model file keeps its numbers.
pub(super) fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "f32",
        Precision::F64 => "f64",
    }
}

/// Refuses an output that cannot be written before any work is done.
pub(super) fn check_output(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name a file"));
    }
    // A probe beside the output tells what permissions do not.
    tempfile_probe(folder).map_err(|source| Error::write(path, source))
}

fn tempfile_probe(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".scalefree.{}.probe", std::process::id()));
    std::fs::File::create(&probe)?;
    std::fs::remove_file(&probe)
}
