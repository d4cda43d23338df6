//! The modes of given structures, solved in shards.

use super::fingerprint;
use super::npz::write_npz;
use super::shards::{Finished, LATTICES, Sharded};
use crate::Result;
use crate::ops::eigh::Labels;
use crate::ops::spectrum::Spectra;
use crate::physics::{Lattice, solve_on};
use crate::progress::{Part, Progress};
use npyz::AutoSerialize;
use serde_json::json;
use std::ops::Range;
use std::path::Path;

/// Solves `displacement` (n, 2, L, L) beside the file `out`: `mode_area` (n, N), of which `stored` makes what is kept, `energy` and `order`.
/// The same call goes on where it was cut.
///
/// # Errors
/// Those of [`solve_on`] and of writing; another process at the same job; Ctrl-C, after the shards before were saved.
pub fn solve_beside<D: Spectra, T: AutoSerialize>(
    device: &D,
    labels: &Labels,
    lattice: &Lattice,
    displacement: &[f64],
    out: &Path,
    stored: fn(&[f64]) -> Vec<T>,
    progress: &dyn Progress,
) -> Result<Finished> {
    let (sites, row) = (lattice.sites(), 2 * lattice.sites());
    let (solved, kept) = (fingerprint(bytemuck::cast_slice(displacement)), T::default_dtype().descr());
    let spec = json!({ "solve": solved, "mode_area": kept, "lattice": lattice, "labels": labels });
    let (rows, arrays) = ("lattices", &["mode_area", "energy", "order"]);
    let job = Sharded { spec, count: displacement.len() / row, shard: LATTICES, rows, arrays };
    progress.begin("solve", job.count as u64, rows);
    let solve = |rows: Range<usize>| {
        let part = Part { progress, before: rows.start as u64 };
        solve_on(device, labels, lattice, &displacement[rows.start * row..rows.end * row], &part)
    };
    let solved = job.beside(out, solve, |path, rows, truth| {
        write_npz(path, |npz| {
            npz.array("mode_area", &[rows.len(), sites], &stored(&truth.mode_area))?;
            npz.array("energy", &[rows.len(), sites], &truth.energy)?;
            npz.array("order", &[rows.len(), sites], &truth.order)
        })
    })?;
    progress.end();
    Ok(solved)
}
