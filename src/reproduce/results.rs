//! The rows of the results table that a run can fill.

use super::stages::{attacked_sample, designs, set};
use super::{Branch, Run, network, robustness, sets, spectra, sweep};
use crate::Result;
use crate::analysis::attack::{Attack, reduction};
use crate::analysis::population::{
    accuracy, displacement_length, longest_seed_displacement, median_curve_accuracy, nearest_curve_accuracy, share_above,
    smallest_site_distance, w_avg, weight_strength, window,
};
use crate::analysis::powerlaw::{Fit, fit};
use crate::config::Config;
use crate::dataset::{Attacked, npz};
use crate::nn::{Kind, Model, initialise};
use crate::report::{Claim, Row};

/// Fig. 4g: designs of this true average mode area.
pub(super) const WINDOW: (f64, f64) = (0.20, 0.30);

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean.
fn standard_error(values: &[f64]) -> f64 {
    let (n, m) = (values.len() as f64, mean(values));
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
}

fn percent(id: &str, what: &str, accuracies: &[f64]) -> Row {
    Row::new(id, what, 100.0 * mean(accuracies), "%", accuracies.len()).uncertainty(100.0 * standard_error(accuracies))
}

/// The weights from the hidden layer to the output, (2N, hidden).
pub(super) fn output_weights(model: &Model) -> &[f64] {
    let parameters = model.architecture.parameters();
    let [.., weight, bias] = parameters.as_slice() else { return &[] };
    let end = model.values.len() - bias.span.len();
    &model.values[end - weight.span.len()..end]
}

/// The rows of a fit: exponent and lower bound, with a note where the numbers admit no fit.
fn fit_rows(id: &str, what: &str, values: &[f64], n: usize, paper: Option<(f64, f64, usize)>) -> Vec<Row> {
    let found = fit(values);
    let of = |f: fn(&Fit) -> f64| found.as_ref().map_or(f64::NAN, f);
    let note = match &found {
        Ok(fit) => format!("D = {:.4}, {} of {} numbers in the tail", fit.ks, fit.n_tail, fit.n),
        Err(error) => format!("no fit: {error}"),
    };
    let alpha = Row::new(&format!("{id}.alpha"), &format!("{what}: exponent"), of(|f| f.alpha), "", n);
    let alpha = alpha.uncertainty(of(|f| f.sigma)).note(note.clone());
    let xmin = Row::new(&format!("{id}.xmin"), &format!("{what}: lower bound"), of(|f| f.xmin), "", n).note(note);
    match paper {
        None => vec![alpha, xmin],
        Some((exponent, bound, paper_n)) => {
            vec![alpha.claim(Claim::Exponent(exponent), paper_n), xmin.claim(Claim::Bound(bound), paper_n)]
        }
    }
}

/// The designs of Fig. 4g: those in the window of true average mode area, or all where the window is empty.
pub(super) fn in_window(mode_area: &[f64], modes: usize) -> (Vec<usize>, bool) {
    let w = w_avg(mode_area, modes);
    let chosen = window(&w, WINDOW.0, WINDOW.1);
    if chosen.is_empty() { ((0..w.len()).collect(), false) } else { (chosen, true) }
}

/// Displacement lengths of the chosen structures of (n, 2, L, L).
pub(super) fn lengths(displacement: &[f64], sites: usize, chosen: &[usize]) -> Vec<f64> {
    chosen.iter().flat_map(|k| displacement_length(&displacement[k * 2 * sites..][..2 * sites], sites)).collect()
}

pub(super) fn rows(config: &Config, run: &Run) -> Result<Vec<Row>> {
    let (size, modes) = (config.lattice.size, config.lattice.sites());
    let mut rows = Vec::new();

    let test = set(run, "d2l_test")?.mode_area;
    let training = set(run, "d2l_train")?.mode_area;
    let predicted = npz::Npz::open(&run.path("prediction.npz"))?.array("mode_area")?.values;
    let nearest = mean(&nearest_curve_accuracy(&training, &test, modes));
    let median = mean(&median_curve_accuracy(&training, &test, modes));
    let d2l = accuracy(&predicted, &test, modes);
    let mut note =
        format!("baselines: median curve {:.2} %, training curve of the nearest true w_avg {:.2} %", 100.0 * median, 100.0 * nearest);
    if mean(&d2l) < nearest {
        note += "; below the nearest-w_avg curve, which is told the sample's true w_avg";
    }
    rows.push(percent("2g.accuracy", "D2L test accuracy", &d2l).claim(Claim::Accuracy(94.80), 10_000).baseline(100.0 * median).note(note));

    let labelled = set(run, "l2d_test")?;
    let designs = designs(run)?;
    let targets = &labelled.mode_area;
    let training = set(run, "l2d_train")?.mode_area;
    let median = 100.0 * mean(&median_curve_accuracy(&training, targets, modes));
    let nearest = 100.0 * mean(&nearest_curve_accuracy(&training, targets, modes));
    let truth = accuracy(&designs.mode_area, targets, modes);
    let note = format!("baselines: median curve {median:.2} %, training curve of the nearest true w_avg {nearest:.2} %");
    rows.push(
        percent("3d.accuracy", "L2D2L test accuracy", &accuracy(&designs.chained, targets, modes))
            .claim(Claim::Accuracy(94.21), 10_000)
            .baseline(median)
            .note(note.clone()),
    );
    rows.push(
        percent("3e.accuracy", "Hamiltonian truth of the designs", &truth)
            .claim(Claim::Accuracy(79.10), 10_000)
            .baseline(median)
            .note(note),
    );

    let (chosen, found) = in_window(&designs.mode_area, modes);
    let dr = lengths(&designs.structures.displacement, modes, &chosen);
    let (low, high) = WINDOW;
    let place = if found { format!("{low} <= w_avg <= {high}") } else { "all designs (none in the window)".into() };
    rows.extend(fit_rows("4g-1", &format!("designs' displacement length, {place}"), &dr, chosen.len(), Some((3.79, 0.432, 3200))));
    let seeds = lengths(&labelled.structures.displacement, modes, &chosen);
    rows.extend(fit_rows("control.seeds", "the same fit on the seeds of these designs", &seeds, chosen.len(), None));
    let untrained = lengths(&designs.untrained, modes, &(0..truth.len()).collect::<Vec<_>>());
    rows.extend(fit_rows("control.untrained", "the same fit on designs of an untrained L2D", &untrained, truth.len(), None));

    let l2d = Model::read(&run.path("l2d/checkpoints/best.safetensors"))?;
    let start = initialise(&l2d.architecture, config.l2d.init, config.l2d.output_scale, config.seed);
    let start = Model { values: start, ..l2d.clone() };
    let hidden = l2d.architecture.hidden;
    rows.extend(fit_rows("5b", "weight strength W_j of the trained L2D", &weight_strength(output_weights(&l2d), hidden), modes, None));
    let before = weight_strength(output_weights(&start), hidden);
    rows.extend(fit_rows("control.5b", "W_j at the start of training", &before, modes, None));

    let all = displacement_length(&designs.structures.displacement, modes);
    let limit = longest_seed_displacement(config.data.rho_max, config.data.sigma_max);
    let what = format!("designed sites beyond D2L's training range (dr > {limit:.3})");
    rows.push(Row::new("control.range", &what, 100.0 * share_above(&all, limit), "%", truth.len()));
    let closest = |displacement: &[f64]| {
        let each = displacement.chunks_exact(2 * modes).map(|d| smallest_site_distance(d, size));
        each.fold(f64::INFINITY, f64::min)
    };
    let smallest = closest(&designs.structures.displacement);
    let of_seeds = format!("seeds: {:.4}", closest(&labelled.structures.displacement));
    rows.push(Row::new("control.distance", "smallest distance of two sites in any design", smallest, "", truth.len()).note(of_seeds));

    if run.branch != Branch::OnePool {
        let pair = designs_w(targets, &designs.mode_area, &truth, attacked_sample(targets, &designs, modes)?, modes);
        rows.extend(attack_rows(config, run, &pair)?);
        rows.extend(robustness::rows(config, run)?);
        rows.extend(spectra::rows(run)?);
    }
    rows.extend(network::rows(config, run)?);
    if run.branch == Branch::Root {
        rows.extend(sets::rows(run)?);
        rows.extend(sweep::rows(config, run)?);
    }
    for kind in [Kind::D2l, Kind::L2d] {
        let name = kind.to_string().to_lowercase();
        let model = Model::read(&run.path(&format!("{name}/checkpoints/best.safetensors")))?;
        let live = model.notes.get("metrics").and_then(|m| m["live_units"].as_f64()).unwrap_or(f64::NAN);
        rows.push(Row::new(&format!("control.live.{name}"), &format!("live hidden units of the {kind}"), 100.0 * live, "%", hidden));
    }
    Ok(rows)
}

/// In words: which pair is attacked.
fn designs_w(targets: &[f64], truth: &[f64], accuracy: &[f64], sample: usize, modes: usize) -> String {
    let of = |w: &[f64]| w_avg(&w[sample * modes..][..modes], modes)[0];
    let (seed, design) = (of(targets), of(truth));
    format!("test sample {sample}: seed w_avg {seed:.3}, design {design:.3}, truth accuracy {:.1} %", 100.0 * accuracy[sample])
}

fn attack_rows(config: &Config, run: &Run, pair: &str) -> Result<Vec<Row>> {
    let modes = config.lattice.sites();
    let (seed, design) = (Attacked::read(&run.path("attack_seed.npz"))?, Attacked::read(&run.path("attack_design.npz"))?);
    let seed = Attack::new(&seed.delta_mode_area, modes, seed.angles, modes)?;
    let design = Attack::new(&design.delta_mode_area, modes, design.angles, modes)?;
    let fall = reduction(&seed.by_mode(), &design.by_mode());
    let holds = (2.0..=4.0).contains(&fall.small_m);
    let stated = "two to four orders lower for the design, most at small m".to_string();
    let mut rows = vec![
        Row::new("6ab.small_m", "fall of |dw_m| from seed to design at small m", fall.small_m, "orders", 1)
            .claim(Claim::Direction { stated, holds }, 1)
            .note(format!("{pair}; rho_a = {}", config.attack.rho_a)),
        Row::new("6ab.all", "the same over all modes", fall.all, "orders", 1),
    ];
    let (s, d) = (seed.hubs(), design.hubs());
    let one = |attack: &Attack| Attack::new(&attack.first_angle(), modes, 1, modes).map(|a| a.hubs());
    let (s1, d1) = (one(&seed)?, one(&design)?);
    let stated = || "seed democratic, design with hubs".to_string();
    for (key, what, seed, design, seed1, design1) in [
        ("cv", "coefficient of variation of delta", s.cv, d.cv, s1.cv, d1.cv),
        ("largest", "largest delta over the mean", s.largest, d.largest, s1.largest, d1.largest),
        ("gini", "Gini coefficient of delta", s.gini, d.gini, s1.gini, d1.gini),
    ] {
        rows.push(
            Row::new(&format!("6d.{key}"), &format!("design: {what}"), design, "", 1)
                .claim(Claim::Direction { stated: stated(), holds: design > seed }, 1)
                .baseline(seed)
                .note(format!("baseline: the seed; one angle alone: design {design1:.3}, seed {seed1:.3}")),
        );
    }
    rows.push(Row::new("6c.mean", "seed: mean |dw|", s.mean, "", 1).note(format!("design: {:.3e}", d.mean)));
    Ok(rows)
}
