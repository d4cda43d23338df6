//! `generate` and `solve`.

use super::common::{Common, check_output, note_lattice};
use super::compute::on_device;
use super::progress::Bar;
use crate::config::Preset;
use crate::dataset::npz::Npz;
use crate::dataset::{self, Spec, load_structures, solve_beside};
use crate::physics::{Boundary, Lattice, average_mode_area};
use crate::{Error, Result};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct GenerateArgs {
    /// Number of samples
    #[arg(long, allow_hyphen_values = true)]
    count: i64,
    /// Index of the first sample; sample k depends on (seed, k) alone
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    start: u64,
    /// F.npz for one file, anything else for a folder of shards
    #[arg(long, value_name = "F.npz|DIR")]
    out: PathBuf,
    /// Sites along one side of the lattice
    #[arg(long, value_name = "L", allow_hyphen_values = true)]
    lattice: Option<i64>,
    /// Largest collective amplitude of Eq. 5, in lattice periods
    #[arg(long, allow_hyphen_values = true)]
    rho_max: Option<f64>,
    /// Largest individual amplitude of Eq. 5, in lattice periods
    #[arg(long, allow_hyphen_values = true)]
    sigma_max: Option<f64>,
    /// open or periodic
    #[arg(long)]
    boundary: Option<String>,
}

pub(super) fn generate(args: &GenerateArgs, common: &Common) -> Result<()> {
    let (mut config, compute) = common.open(Preset::Paper)?;
    config.lattice = lattice(config.lattice, args.lattice, args.boundary.as_deref())?;
    let mut amplitudes = config.data.amplitudes();
    amplitudes.rho_max = args.rho_max.unwrap_or(amplitudes.rho_max);
    amplitudes.sigma_max = args.sigma_max.unwrap_or(amplitudes.sigma_max);
    let count = u64::try_from(args.count).map_err(|_| Error::value("--count", format!("{} samples; at least 1 is needed", args.count)))?;
    if dataset::is_file(&args.out) {
        check_output(&args.out, &[])?;
    }
    let spec = Spec { seed: config.seed, start: args.start, count, lattice: config.lattice, amplitudes, labels: config.labels };
    on_device!(compute, device => dataset::generate(device, &spec, &args.out, &Bar::new(common.quiet)))?;
    if common.json {
        out!("{}", json!({ "count": count, "out": args.out.display().to_string() }));
    }
    Ok(())
}

#[derive(Args)]
pub(super) struct SolveArgs {
    /// .npz with `displacement`, a bare .npy (n, 2, L, L), or a folder of shards
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Gets mode_area (n, N) and energy (n, N), both f8, and order (n, N), u2
    #[arg(long, value_name = "F.npz")]
    out: PathBuf,
    /// open or periodic
    #[arg(long)]
    boundary: Option<String>,
}

pub(super) fn solve(args: &SolveArgs, common: &Common) -> Result<()> {
    let (config, compute) = common.open(Preset::Paper)?;
    let structures = load_structures(&args.input)?;
    check_output(&args.out, &[&args.input])?;
    let lattice = Lattice { size: structures.size, ..lattice(config.lattice, None, args.boundary.as_deref())? };
    // Who names a boundary wants it.
    if args.boundary.is_none() {
        note_lattice(&args.input, &lattice, common);
    }
    let (bar, displacement) = (Bar::new(common.quiet), &structures.displacement);
    on_device!(compute, device => solve_beside(device, &config.labels, &lattice, displacement, &args.out, <[f64]>::to_vec, &bar))?
        .join(&args.out, |_| Ok(()))?;
    if common.json {
        let mode_area = Npz::open(&args.out)?.array("mode_area")?.values;
        out!("{}", json!({ "count": structures.count, "w_avg": average_mode_area(&mode_area) }));
    }
    Ok(())
}

/// The configured lattice with what the options say.
fn lattice(configured: Lattice, size: Option<i64>, boundary: Option<&str>) -> Result<Lattice> {
    let size = match size {
        None => configured.size,
        Some(size) => {
            usize::try_from(size).map_err(|_| Error::value("--lattice", format!("{size} sites a side; at least 2 are needed")))?
        }
    };
    let boundary = match boundary {
        None => configured.boundary,
        Some("open") => Boundary::Open,
        Some("periodic") => Boundary::Periodic,
        Some(other) => return Err(Error::value("--boundary", format!("{other:?} is unknown; use open or periodic"))),
    };
    Ok(Lattice { size, boundary, ..configured })
}
