//! `attack`.

use super::common::{Common, check_output, note_lattice};
use super::compute::on_device;
use super::progress::Bar;
use crate::analysis::attack::{Attack as Statistics, Hubs};
use crate::config::{AttackConfig, Preset};
use crate::dataset::{Attacked, Finished, load_structures};
use crate::physics::{Attack, Lattice, Modes};
use crate::progress::{Part, Progress};
use crate::{Error, Result};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// .npz with `displacement`, a bare .npy (n, 2, L, L), or a folder of shards
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Gets delta_mode_area (n, atoms, angles, N), theta, atom, rho_a
    #[arg(long, value_name = "F.npz")]
    out: PathBuf,
    /// Print the statistics for these lengths of the move as well, with sorted and with tracked modes, e.g. 1e-4,1e-3,1e-2,1e-1
    #[arg(long, value_name = "RHO_A", value_delimiter = ',', allow_hyphen_values = true)]
    sweep: Vec<f64>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    let (config, compute) = common.open(Preset::Paper)?;
    let structures = load_structures(&args.input)?;
    check_output(&args.out, &[&args.input])?;
    if let Some(rho_a) = args.sweep.iter().find(|rho_a| !(rho_a.is_finite() && **rho_a > 0.0)) {
        return Err(Error::value("--sweep", format!("{rho_a}; a length must be finite and above 0")));
    }
    let lattice = Lattice { size: structures.size, ..config.lattice };
    note_lattice(&args.input, &lattice, common);
    let (keys, sites, seed) = (&config.attack, lattice.sites(), config.seed);
    let bar = Bar::new(common.quiet);
    let labels = &config.labels;
    let attack = |structure, rho_a| Ok(Attack { rho_a, modes: keys.modes, ..Attack::everywhere(&lattice, keys.angles, seed, structure)? });
    let attacked = on_device!(compute, device => {
        Attacked::beside(device, labels, &lattice, &structures.displacement, &args.out, |k| attack(k, keys.rho_a), &bar)
    })?;
    let tell = || {
        let mut table = Table::of(&attacked, keys, sites)?;
        if !common.json {
            out!("structure     rho_a  modes    angles  mean |dw|     CV  largest/mean   Gini");
            table.print();
        }
        let each = (sites * keys.angles) as u64;
        bar.begin("sweep", each * (args.sweep.len() * structures.count) as u64, "attacks");
        let (first, mut before) = (table.lines.len(), 0);
        for (structure, displacement) in structures.displacement.chunks_exact(2 * sites).enumerate() {
            for &rho_a in &args.sweep {
                let (attack, part) = (attack(structure as u64, rho_a)?, Part { progress: &bar, before });
                let answer = on_device!(compute, device => attack.strike_both(device, labels, &lattice, displacement, &part))?;
                for (modes, changes) in [(Modes::Sorted, &answer.sorted), (Modes::Tracked, &answer.tracked)] {
                    table.add(structure, rho_a, modes, &told("--sweep", (structure, rho_a), changes, sites, keys.angles)?)?;
                }
                before += each;
            }
        }
        bar.end();
        if common.json {
            out!("{}", json!(table.lines));
        } else {
            table.lines.drain(..first);
            table.print();
        }
        Ok(())
    };
    match tell() {
        Err(Error::Interrupted(_)) => Err(Error::Interrupted("the attack is saved; the same command goes on with --sweep".into())),
        told => attacked.join(&args.out, |npz| npz.array("rho_a", &[], &[keys.rho_a])).and(told),
    }
}

/// The statistics of a move; where there are none its key, length and structure are named.
fn told<'a>(key: &str, (structure, rho_a): (usize, f64), changes: &'a [f64], sites: usize, angles: usize) -> Result<Statistics<'a>> {
    let named = |fault| Error::value(key, format!("{rho_a:e}: structure {structure}: {fault}"));
    Statistics::new(changes, sites, angles, sites).map_err(named)
}

/// What is printed: a line for each structure, length, pairing of modes, and for the mean over the angles and the first one alone.
#[derive(Default)]
struct Table {
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    structure: usize,
    rho_a: f64,
    modes: &'static str,
    angles: &'static str,
    mean: f64,
    cv: f64,
    largest: f64,
    gini: f64,
}

impl Table {
    /// What `attacked` answers to the attack of `keys`.
    fn of(attacked: &Finished, keys: &AttackConfig, sites: usize) -> Result<Self> {
        let (mut table, mut structure) = (Table::default(), 0);
        for shard in attacked.shards() {
            for changes in Attacked::read(shard)?.delta_mode_area.chunks_exact(sites * keys.angles * sites) {
                let changes = told("attack.rho_a", (structure, keys.rho_a), changes, sites, keys.angles)?;
                table.add(structure, keys.rho_a, keys.modes, &changes)?;
                structure += 1;
            }
        }
        Ok(table)
    }

    fn add(&mut self, structure: usize, rho_a: f64, modes: Modes, changes: &Statistics) -> Result<()> {
        let first = changes.first_angle();
        let atoms = changes.by_atom().len();
        let first = Statistics::new(&first, atoms, 1, first.len() / atoms)?.hubs();
        let modes = if modes == Modes::Sorted { "sorted" } else { "tracked" };
        for (angles, hubs) in [("mean over angles", changes.hubs()), ("first angle", first)] {
            let Hubs { mean, cv, largest, gini, .. } = hubs;
            self.lines.push(Line { structure, rho_a, modes, angles, mean, cv, largest, gini });
        }
        Ok(())
    }

    fn print(&self) {
        for Line { structure, rho_a, modes, angles, mean, cv, largest, gini } in &self.lines {
            let angles = angles.split(' ').next().unwrap_or_default();
            out!("{structure:>9}  {rho_a:>8.1e}  {modes:<7}  {angles:<6}  {mean:>9.3e}  {cv:>5.3}  {largest:>12.2}  {gini:>5.3}");
        }
    }
}
