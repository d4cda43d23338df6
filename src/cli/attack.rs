//! `attack`.

use super::common::{Common, check_output};
use super::compute::on_device;
use super::progress::Bar;
use crate::Result;
use crate::analysis::attack::Attack as Statistics;
use crate::config::Preset;
use crate::dataset::{Attacked, load_structures};
use crate::physics::Lattice;
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// .npz with `displacement`, or a bare .npy (n, 2, L, L)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Gets delta_mode_area (n, atoms, angles, N), theta, atom, rho_a
    #[arg(long, value_name = "F.npz")]
    out: PathBuf,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let (config, compute) = common.open(Preset::Paper)?;
    let structures = load_structures(&args.input)?;
    check_output(&args.out)?;
    let lattice = Lattice { size: structures.size, ..config.lattice };
    let attacked = {
        let keys = &config.attack;
        let bar = Bar::new(common.quiet);
        let (displacement, labels) = (&structures.displacement, &config.labels);
        on_device!(compute, device => {
            Attacked::strike(device, labels, &lattice, displacement, keys.rho_a, keys.angles, keys.modes, config.seed, &bar)
        })?
    };
    attacked.write(&args.out)?;
    let (atoms, angles, modes) = (lattice.sites(), config.attack.angles, lattice.sites());
    for (structure, delta) in attacked.delta_mode_area.chunks_exact(atoms * angles * modes).enumerate() {
        let statistics = Statistics::new(delta, atoms, angles, modes)?;
        let first = statistics.first_angle();
        for (name, hubs) in [("mean over angles", statistics.hubs()), ("first angle", Statistics::new(&first, atoms, 1, modes)?.hubs())] {
            if common.json {
                println!(
                    "{}",
                    json!({ "structure": structure, "angles": name, "mean": hubs.mean, "cv": hubs.cv, "largest": hubs.largest, "gini": hubs.gini })
                );
            } else if !common.quiet {
                println!(
                    "structure {structure}, {name}: mean |dw| {:.3e}, CV {:.3}, largest/mean {:.2}, Gini {:.3}",
                    hubs.mean, hubs.cv, hubs.largest, hubs.gini
                );
            }
        }
    }
    Ok(())
}
