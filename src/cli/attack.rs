//! `attack`.

use super::common::{Common, check_output};
use super::compute::on_device;
use super::progress::Bar;
use crate::analysis::attack::{Attack as Statistics, Hubs};
use crate::config::Preset;
use crate::dataset::{Attacked, load_structures};
use crate::physics::{Attack, Lattice, Modes};
use crate::progress::{Part, Progress};
use crate::{Error, Result};
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
    /// Print the statistics for these lengths of the move as well, with sorted and with tracked modes, e.g. 1e-4,1e-3,1e-2,1e-1
    #[arg(long, value_name = "RHO_A", value_delimiter = ',')]
    sweep: Vec<f64>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let (config, compute) = common.open(Preset::Paper)?;
    let structures = load_structures(&args.input)?;
    check_output(&args.out)?;
    if let Some(rho_a) = args.sweep.iter().find(|rho_a| !(rho_a.is_finite() && **rho_a > 0.0)) {
        return Err(Error::value("--sweep", format!("{rho_a}; a length must be finite and above 0")));
    }
    let lattice = Lattice { size: structures.size, ..config.lattice };
    let (keys, sites, seed) = (&config.attack, lattice.sites(), config.seed);
    let bar = Bar::new(common.quiet);
    let labels = &config.labels;
    let attacked = on_device!(compute, device => {
        Attacked::strike(device, labels, &lattice, &structures.displacement, keys.rho_a, keys.angles, keys.modes, seed, &bar)
    })?;
    attacked.write(&args.out)?;

    let table = Table::new(common);
    for (structure, changes) in attacked.delta_mode_area.chunks_exact(sites * keys.angles * sites).enumerate() {
        table.add(structure, keys.rho_a, keys.modes, &Statistics::new(changes, sites, keys.angles, sites)?)?;
    }
    let each = (sites * keys.angles) as u64;
    bar.begin("sweep", each * (args.sweep.len() * structures.count) as u64, "attacks");
    let mut before = 0;
    let mut swept = Vec::new();
    for (structure, displacement) in structures.displacement.chunks_exact(2 * sites).enumerate() {
        for &rho_a in &args.sweep {
            let attack = Attack { rho_a, ..Attack::everywhere(&lattice, keys.angles, seed, structure as u64)? };
            let part = Part { progress: &bar, before };
            let answer = on_device!(compute, device => attack.strike_both(device, labels, &lattice, displacement, &part))?;
            swept.push((structure, rho_a, answer));
            before += each;
        }
    }
    bar.end();
    for (structure, rho_a, answer) in &swept {
        for (modes, changes) in [(Modes::Sorted, &answer.sorted), (Modes::Tracked, &answer.tracked)] {
            table.add(*structure, *rho_a, modes, &Statistics::new(changes, sites, keys.angles, sites)?)?;
        }
    }
    Ok(())
}

/// What is printed: a line for each structure, length, pairing of modes, and for the mean over the angles and the first one alone.
struct Table {
    json: bool,
    quiet: bool,
}

impl Table {
    fn new(common: &Common) -> Self {
        if !common.json && !common.quiet {
            println!("structure     rho_a  modes    angles  mean |dw|     CV  largest/mean   Gini");
        }
        Table { json: common.json, quiet: common.quiet }
    }

    fn add(&self, structure: usize, rho_a: f64, modes: Modes, changes: &Statistics) -> Result<()> {
        let first = changes.first_angle();
        let atoms = changes.by_atom().len();
        let first = Statistics::new(&first, atoms, 1, first.len() / atoms)?.hubs();
        for (angles, long, hubs) in [("mean", "mean over angles", changes.hubs()), ("first", "first angle", first)] {
            let Hubs { mean, cv, largest, gini, .. } = hubs;
            let word = if modes == Modes::Sorted { "sorted" } else { "tracked" };
            if self.json {
                println!(
                    "{}",
                    json!({
                        "structure": structure, "rho_a": rho_a, "modes": word, "angles": long,
                        "mean": mean, "cv": cv, "largest": largest, "gini": gini,
                    })
                );
            } else if !self.quiet {
                println!("{structure:>9}  {rho_a:>8.1e}  {word:<7}  {angles:<6}  {mean:>9.3e}  {cv:>5.3}  {largest:>12.2}  {gini:>5.3}");
            }
        }
        Ok(())
    }
}
