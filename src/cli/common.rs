//! The options that every command understands.

use super::compute::{self, Compute};
use crate::config::{Config, Preset};
use crate::dataset::check_lattice;
use crate::physics::Lattice;
use crate::{Error, Result, file};
use clap::Args;
use std::path::{Path, PathBuf, is_separator};

#[derive(Args)]
pub(super) struct Common {
    /// Where to compute: auto, cpu or cuda[:n]
    #[arg(long, global = true, value_name = "DEVICE")]
    device: Option<String>,
    /// Seed of everything random
    #[arg(long, global = true, allow_hyphen_values = true)]
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
        if i64::try_from(config.seed).is_err() {
            // A run's config.toml could not hold it.
            return Err(Error::value("--seed", format!("{}; 0 to {} are possible", config.seed, i64::MAX)));
        }
        if let Some(device) = &self.device {
            config.device.clone_from(device);
        }
        compute::check_name(&config.device)?;
        Ok(config)
    }

    /// [`Common::load`], and the device that it names, for what computes.
    pub(super) fn open(&self, preset: Preset) -> Result<(Config, Compute)> {
        let config = self.load(preset)?;
        let compute = compute::open(&config, self.quiet)?;
        Ok((config, compute))
    }

    /// [`Common::load`] for a command that has no code for cards; a user who asks for one is told.
    pub(super) fn load_for_processor(&self, preset: Preset, command: &str) -> Result<Config> {
        let config = self.load(preset)?;
        if config.device.starts_with("cuda") && !self.quiet {
            note!("{command} computes on the processor");
        }
        Ok(config)
    }
}

/// Refuses an output that cannot be written, or that would replace one of the `inputs`, before any work is done.
pub(super) fn check_output(path: &Path, inputs: &[&Path]) -> Result<()> {
    if path.is_dir() || path.as_os_str().as_encoded_bytes().last().is_some_and(|&end| is_separator(char::from(end))) {
        return Err(Error::file(path, "is a folder; name a file"));
    }
    let target = file::target(path)?;
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Also a file within a folder of shards; one that is not there yet is known by its folder.
    let place = target.canonicalize().or_else(|_| folder.canonicalize()).unwrap_or_default();
    if inputs.iter().filter_map(|input| input.canonicalize().ok()).any(|input| place.starts_with(input)) {
        return Err(Error::file(path, "is read by this command; name another file to write"));
    }
    // A probe beside the output tells what permissions do not.
    probe(folder).map_err(|source| Error::write(path, source))
}

/// Says where a set of structures tells of another lattice than the one that they are taken for.
pub(super) fn note_lattice(set: &Path, lattice: &Lattice, common: &Common) {
    if let (Err(other), false) = (check_lattice(set, lattice), common.quiet) {
        note!("{other}");
    }
}

fn probe(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".scalefree.{}.probe", std::process::id()));
    std::fs::File::create(&probe)?;
    std::fs::remove_file(&probe)
}
