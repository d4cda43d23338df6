//! The three kinds of deformation that Note S1 compares (Fig. S1): `sets/{collective,individual,both}.npz`, labelled data sets.

use super::Run;
use super::stages::SETS;
use crate::analysis::spectrum::histogram;
use crate::config::Config;
use crate::dataset::{Spec, generate, load_labelled};
use crate::ops::Device;
use crate::physics::Amplitudes;
use crate::progress::Progress;
use crate::report::{Claim, Row};
use crate::{Result, file};

/// The kinds, with whether rho_max and sigma_max are the run's or 0.
pub(super) const KINDS: [(&str, bool, bool); 3] = [("collective", true, false), ("individual", false, true), ("both", true, true)];

pub(super) fn compute<D: Device>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    file::create_folder(&run.path("sets"))?;
    for (k, (name, collective, individual)) in KINDS.iter().enumerate() {
        let out = run.path(&format!("sets/{name}.npz"));
        if out.exists() {
            continue;
        }
        let all = config.data.amplitudes();
        let of = |on: bool, amplitude: f64| if on { amplitude } else { 0.0 };
        let amplitudes = Amplitudes { rho_max: of(*collective, all.rho_max), sigma_max: of(*individual, all.sigma_max) };
        // Beside the seeds of the networks' data sets, with the highest bit flipped, so that none is met twice.
        let seed = config.seed.wrapping_mul(SETS.len() as u64).wrapping_add(k as u64) ^ (1 << 63);
        let spec = Spec { seed, start: 0, count: config.data.sets, lattice: config.lattice, amplitudes, labels: config.labels };
        generate(device, &spec, &out, progress)?;
    }
    Ok(())
}

/// Cells of the histogram of w over [0, 1] whose evenness is told.
const CELLS: usize = 50;

/// How evenly `values` in [0, 1] are spread: the entropy of their histogram, over that of an even one.
fn evenness(values: &[f64]) -> f64 {
    let counts = histogram(values, 0.0, 1.0, CELLS);
    let shares = counts.iter().filter(|c| **c > 0.0).map(|c| c / values.len() as f64);
    -shares.map(|p| p * p.ln()).sum::<f64>() / (CELLS as f64).ln()
}

pub(super) fn rows(run: &Run) -> Result<Vec<Row>> {
    let mut even = Vec::new();
    let mut n = 0;
    for (name, ..) in KINDS {
        let set = load_labelled(&run.path(&format!("sets/{name}.npz")))?;
        n = set.structures.count;
        even.push(evenness(&set.mode_area));
    }
    let other = even[0].max(even[1]);
    let stated = "both deformations together spread the mode areas more evenly".to_string();
    let note = format!(
        "entropy of the histogram of w_m in {CELLS} cells over [0, 1], 1 where all are equally full; collective {:.3}, individual {:.3}; \
         baseline: the larger of these",
        even[0], even[1]
    );
    let row = Row::new("S1.evenness", "evenness of the mode areas, both deformations", even[2], "", n);
    Ok(vec![row.claim(Claim::Direction { stated, holds: even[2] > other }, 10_000).baseline(other).note(note)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenness_is_one_where_all_cells_are_equally_full_and_nought_in_one() {
        let all: Vec<f64> = (0..CELLS).map(|c| (c as f64 + 0.5) / CELLS as f64).collect();
        let half: Vec<f64> = all.iter().map(|w| w / 2.0).collect();
        assert!((evenness(&all) - 1.0).abs() < 1e-12);
        assert_eq!(evenness(&[0.31, 0.315]), 0.0);
        assert!((evenness(&half) - 1.0 + 2f64.ln() / (CELLS as f64).ln()).abs() < 1e-12);
    }
}
