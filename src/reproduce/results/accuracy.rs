//! Rows of how well the networks do (Fig. 2b-g, 3c-e, 4a-f, Note S6), and of the populations behind them.

use super::{Branch, Material, Run};
use crate::Result;
use crate::analysis::population::{
    accuracy, longest_seed_displacement, median_curve_accuracy, nearest_curve_accuracy, share_above, smallest_site_distance, w_avg,
    weak_and_strong, window,
};
use crate::analysis::statistics::{Estimate, mean};
use crate::config::Config;
use crate::physics::Boundary;
use crate::report::{Claim, Row};
use crate::reproduce::stages::{predicted, set};

fn percent(id: &str, what: &str, accuracies: &[f64]) -> Row {
    let found = Estimate::of(accuracies);
    Row::new(id, what, 100.0 * found.mean, "%", found.n).uncertainty(100.0 * found.error)
}

/// What trivial methods reach on `targets`: one median curve for all, and the curve of the training sample nearest in true w_avg.
struct Baselines {
    median: f64,
    nearest: f64,
}

impl Baselines {
    fn of(config: &Config, run: &Run, training: &str, targets: &[f64], modes: usize) -> Result<Self> {
        let training = set(config, run, training)?.mode_area;
        let median = 100.0 * mean(&median_curve_accuracy(&training, targets, modes));
        let nearest = 100.0 * mean(&nearest_curve_accuracy(&training, targets, modes));
        Ok(Baselines { median, nearest })
    }

    /// A row with its claim, and with the baselines told.
    fn beside(&self, row: Row, paper: f64) -> Row {
        let note = "baseline: the median curve of the training set; nearest w_avg: its curve of the nearest w_avg, for which the \
                    sample\u{2019}s true one must be known";
        row.claim(Claim::Accuracy(paper), 10_000).baseline(self.median).nearest(self.nearest).note(note)
    }
}

pub(super) fn rows(config: &Config, run: &Run, material: &Material) -> Result<Vec<Row>> {
    let modes = material.modes;
    let one_pool = run.branch == Branch::OnePool;
    let test = set(config, run, "d2l_test")?.mode_area;
    let predicted = predicted(config, run)?;
    let d2l = accuracy(&predicted, &test, modes);
    let of_d2l = Baselines::of(config, run, "d2l_train", &test, modes)?;
    let of_l2d = Baselines::of(config, run, "l2d_train", &material.targets, modes)?;
    let chained = accuracy(&material.designs.chained, &material.targets, modes);
    // As published: Fig. 2g, 3d, 3e; for the one-pool networks Note S6.
    let (ids, paper) = if one_pool {
        (["S8.d2l.accuracy", "S8.l2d.accuracy", "S8.truth.accuracy"], [94.89, 95.06, 84.32])
    } else {
        (["2g.accuracy", "3d.accuracy", "3e.accuracy"], [94.80, 94.21, 79.10])
    };
    let mut rows = vec![
        of_d2l.beside(percent(ids[0], "D2L test accuracy", &d2l), paper[0]),
        of_l2d.beside(percent(ids[1], "L2D2L test accuracy", &chained), paper[1]),
        of_l2d.beside(percent(ids[2], "Hamiltonian truth of the designs", &material.accuracy), paper[2]),
    ];
    if one_pool {
        return Ok(rows);
    }
    let seeds = w_avg(&test, modes);
    if let Some((weak, strong)) = weak_and_strong(&seeds) {
        rows.push(
            Row::new("1", "a lattice, its deformation and its two images", seeds[strong], "", 1)
                .stated("picture")
                .note(format!("test sample {strong}; the number is its average mode area")),
        );
        for (id, disorder, sample) in [("2b-e.weak", "weak", weak), ("2b-e.strong", "strong", strong)] {
            let row = Row::new(id, &format!("D2L on one lattice of {disorder} disorder"), 100.0 * d2l[sample], "%", 1);
            rows.push(row.stated("picture").note(format!("test sample {sample}, w_avg {:.3}", seeds[sample])));
        }
    }
    let targets = w_avg(&material.targets, modes);
    if let Some((weak, strong)) = weak_and_strong(&targets) {
        for (id, disorder, sample) in [("4a-f.weak", "weak", weak), ("4a-f.strong", "strong", strong)] {
            let row = Row::new(id, &format!("truth of one design, {disorder} disorder"), 100.0 * material.accuracy[sample], "%", 1);
            let of = format!("target {sample}: seed w_avg {:.3}, design {:.3}", targets[sample], material.w_avg[sample]);
            rows.push(row.stated("picture: very similar localisation").note(of));
        }
    }

    let share = |w: &[f64], low, high| 100.0 * window(w, low, high).len() as f64 / w.len() as f64;
    let what = "targets with 0.20 <= w_avg <= 0.40";
    rows.push(Row::new("population.targets", what, share(&targets, 0.20, 0.40), "%", targets.len()));
    let designs = share(&material.w_avg, 0.20, 0.40);
    rows.push(
        Row::new("population.designs", "designs with 0.20 <= w_avg <= 0.40", designs, "%", targets.len())
            .stated("6911 designs in Fig. S4: 69 % if they came of 1e4 targets"),
    );
    rows.extend(structures(config, material));
    Ok(rows)
}

/// Do the designs leave what D2L has learnt from, and do sites collide?
fn structures(config: &Config, material: &Material) -> Vec<Row> {
    let (size, modes, n) = (config.lattice.size, material.modes, material.accuracy.len());
    let designs = &material.designs.structures.displacement;
    let all = material.lengths(&(0..n).collect::<Vec<_>>());
    let limit = longest_seed_displacement(config.data.rho_max, config.data.sigma_max);
    let periodic = config.lattice.boundary == Boundary::Periodic;
    let distance = |d: &[f64]| smallest_site_distance(d, size, periodic);
    let closest = |all: &[f64]| all.chunks_exact(2 * modes).map(distance).fold(f64::INFINITY, f64::min);
    let what = format!("designed sites beyond D2L\u{2019}s training range (dr > {limit:.3})");
    vec![
        Row::new("control.range", &what, 100.0 * share_above(&all, limit), "%", n),
        Row::new("control.distance", "smallest distance of two sites in any design", closest(designs), "", n)
            .baseline(closest(&material.seeds))
            .note("baseline: in any seed"),
    ]
}
