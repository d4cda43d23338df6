//! Rows of the power laws (Fig. 4g, 5, S3-S5, S8, S9) and their controls, from `fits.json`.

use super::{Branch, Material, Run};
use crate::Result;
use crate::analysis::powerlaw::{Bootstrap, Growth, exponent_from};
use crate::config::Config;
use crate::report::{Claim, Row};
use crate::reproduce::fits::{Fits, Fitted, WINDOWS};
use crate::reproduce::material::{lengths, weight_strengths};

/// The paper's lower bound of the tail, in lattice periods (Fig. 4g-1).
const BOUND: f64 = 0.432;

/// The p-value at and below which a power law is rejected (Clauset, Shalizi, Newman).
const REJECTED: f64 = 0.1;

impl Fitted {
    fn alpha(&self) -> f64 {
        self.fit.map_or(f64::NAN, |fit| fit.alpha)
    }

    /// Is the fit a power law by its p-value?
    fn stands(&self) -> bool {
        self.bootstrap.as_ref().is_some_and(|b| b.p > REJECTED)
    }

    /// Is the tail heavier than an exponential one?
    fn heavy(&self) -> bool {
        self.comparison.as_ref().is_some_and(|c| c.exponential.ratio > 0.0)
    }

    /// Exponent, lower bound and p-value as rows, the first two yet without a claim.
    fn rows(&self, id: &str) -> [Row; 3] {
        let n = self.realisations;
        let of = |quantity: &str| format!("{}: {quantity}", self.what);
        let fit = self.fit.as_ref();
        let mut note = fit.map_or(self.says.clone(), |fit| format!("D = {:.4}, {} of {} numbers in the tail", fit.ks, fit.n_tail, fit.n));
        if let Some(c) = &self.comparison {
            let each = c.named().map(|(name, rival)| format!("{name} {:.2} (p {:.2})", rival.ratio, rival.p));
            note += &format!("; likelihood ratios, negative where the other fits better: against {}", each.join(", "));
        }
        if let Some(size) = self.bootstrap.as_ref().and_then(|b| b.sample) {
            note += &format!("; the errors are those of sub-samples of {size} numbers");
        }
        let spread = |of: fn(&Bootstrap) -> f64| self.bootstrap.as_ref().map_or(f64::NAN, of);
        let sigma = fit.map_or(f64::NAN, |fit| fit.sigma);
        let spread_alpha = Some(spread(|b| b.alpha_error)).filter(|s| s.is_finite()).unwrap_or(sigma);
        [
            Row::new(&format!("{id}.alpha"), &of("exponent"), self.alpha(), "", n).uncertainty(spread_alpha).note(note),
            Row::new(&format!("{id}.xmin"), &of("lower bound"), fit.map_or(f64::NAN, |fit| fit.xmin), "", n)
                .uncertainty(spread(|b| b.xmin_error)),
            Row::new(&format!("{id}.p"), &of("p-value"), spread(|b| b.p), "", n).uncertainty(spread(|b| b.p_error)).note(self.says.clone()),
        ]
    }
}

fn direction(stated: &str, holds: bool) -> Claim {
    Claim::Direction { stated: stated.into(), holds }
}

/// The value below which `share` of the numbers lie.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get((share * (sorted.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// How far the tail reaches beyond the body. Whether it is heavy is for the fit to say.
fn reach(values: &[f64]) -> f64 {
    quantile(values, 0.99) / quantile(values, 0.5)
}

pub(super) fn rows(run: &Run, material: &Material) -> Result<Vec<Row>> {
    let fits = Fits::read(run)?;
    let n = material.chosen.len();
    let mut rows = Vec::new();

    let designs = material.lengths(&material.chosen);
    let seeds = lengths(&material.seeds, material.modes, &material.chosen);
    rows.push(
        Row::new("4g.reach", "displacement length of designs: 99 % quantile over median", reach(&designs), "", n)
            .claim(direction("longer than the seeds\u{2019}", reach(&designs) > reach(&seeds)), 3200)
            .baseline(reach(&seeds))
            .note("baseline: the seeds of these designs"),
    );
    let [alpha, xmin, p] = fits.get("4g-1")?.rows("4g-1");
    rows.extend([
        alpha.claim(Claim::Exponent(3.79), 3200),
        xmin.claim(Claim::Bound(BOUND), 3200),
        p.claim(direction("follows power-law statistics", fits.get("4g-1")?.stands()), 3200),
    ]);
    let within = |values: &[f64]| 100.0 * values.iter().filter(|dr| (0.4..=0.8).contains(*dr)).count() as f64 / values.len() as f64;
    rows.push(
        Row::new("4g-2.share", "sites of designs with 0.4 <= dr <= 0.8", within(&designs), "%", n)
            .stated("picture")
            .baseline(within(&seeds))
            .note("baseline: sites of the seeds"),
    );

    let weights = fits.get("5b")?;
    let [alpha, xmin, p] = weights.rows("5b");
    rows.extend([alpha.claim(direction("heavy-tailed", weights.heavy()), 256), xmin, p]);
    for (id, paper_n) in [("5c", 194), ("5d", 191)] {
        let fitted = fits.get(id)?;
        let [alpha, xmin, p] = fitted.rows(id);
        rows.extend([alpha.claim(direction("stays a power law", fitted.stands()), paper_n), xmin, p]);
    }
    rows.extend(growth(&fits, n));
    for (id, .., paper_n) in WINDOWS {
        let [alpha, xmin, p] = fits.get(id)?.rows(id);
        rows.extend([alpha.claim(Claim::Exponents(3.24, 3.92), paper_n), xmin, p]);
    }
    // The fit chooses its bound, and where it chooses another than the paper's the exponents are those of two stretches of the curve.
    let [ours, seeds] = [&designs, &seeds].map(|lengths| exponent_from(lengths.chunks_exact(material.modes), BOUND));
    let [alpha, error, of_seeds] = [ours.map(|(alpha, _)| alpha), ours.map(|(_, error)| error), seeds.map(|(alpha, _)| alpha)];
    rows.push(
        Row::new(
            "control.bound.alpha",
            &format!("designs: exponent from the paper\u{2019}s bound on, {BOUND}"),
            alpha.unwrap_or(f64::NAN),
            "",
            n,
        )
        .uncertainty(error.unwrap_or(f64::NAN))
        .baseline(of_seeds.unwrap_or(f64::NAN))
        .note("baseline: the seeds of these designs; the error is that between designs; whether it is a power law is not asked"),
    );
    for id in ["control.seeds", "control.untrained", "control.5b"] {
        rows.extend(fits.get(id)?.rows(id));
    }
    Ok(rows)
}

/// Log-likelihood ratios of the fits that carry the paper's claim, as numbers: `ID.ratio.RIVAL`, positive where the power law fits better.
pub(super) fn ratios(run: &Run) -> Result<Vec<Row>> {
    let fits = Fits::read(run)?;
    let mut rows = Vec::new();
    for id in ["4g-1", "5b"] {
        let fitted = fits.get(id)?;
        for (name, rival) in fitted.comparison.iter().flat_map(|c| c.named()) {
            let key = name.replace([' ', '-'], "_");
            let what = format!("{}: likelihood ratio against {name}", fitted.what);
            rows.push(
                Row::new(&format!("{id}.ratio.{key}"), &what, rival.ratio, "", fitted.realisations).note(format!("p {:.3}", rival.p)),
            );
        }
    }
    Ok(rows)
}

/// Fig. S3: where exponent and lower bound settle, told by how far the mean of its sub-samples lies from all realisations.
fn growth(fits: &Fits, n: usize) -> Vec<Row> {
    let Some(all) = fits.growth.last() else { return Vec::new() };
    let mut rows = Vec::new();
    for (size, quantity) in [(10, "alpha"), (100, "xmin"), (1, "alpha"), (1, "xmin")] {
        let of = |point: &Growth| match quantity {
            "alpha" => (point.alpha, point.alpha_error),
            _ => (point.xmin, point.xmin_error),
        };
        let ours = fits.growth.iter().find(|point| point.realisations == size).map_or((f64::NAN, f64::NAN), of);
        let (what, tolerance) = if quantity == "alpha" { ("exponent", 0.3) } else { ("lower bound", 0.05) };
        let id = format!("S3.{quantity}.{size}");
        let row = Row::new(&id, &format!("{what} of {size} realisations"), ours.0, "", n).uncertainty(ours.1).baseline(of(all).0);
        let stated = match size {
            1 => "similar with even a single realisation".to_string(),
            _ => format!("saturated at about {size} realisations"),
        };
        let claim = direction(&stated, (ours.0 - of(all).0).abs() <= tolerance);
        rows.push(
            row.claim(claim, 3200).note(format!("baseline: all {} realisations; counted as the same within {tolerance}", all.realisations)),
        );
    }
    rows
}

/// Fig. S8, S9: the one-pool networks beside the run's own.
pub(super) fn one_pool_rows(config: &Config, run: &Run, material: &Material) -> Result<Vec<Row>> {
    debug_assert!(run.branch == Branch::OnePool);
    let (fits, root) = (Fits::read(run)?, run.root());
    let [alpha, xmin, p] = fits.get("S8")?.rows("S8");
    let mut rows = vec![alpha.claim(Claim::Exponent(4.09), 3200), xmin, p];

    let three_pools = Material::load(&root.config()?, &root)?;
    let (ours, other) = (quantile(&material.lengths(&material.chosen), 0.999), quantile(&three_pools.lengths(&three_pools.chosen), 0.999));
    rows.push(
        Row::new("S9.tail", "99.9 % quantile of the displacement length of one-pool designs", ours, "", material.chosen.len())
            .claim(direction("a shorter tail than with three pools", ours < other), 3200)
            .baseline(other)
            .note("baseline: three pools"),
    );
    let fitted = fits.get("S9")?;
    let [alpha, xmin, p] = fitted.rows("S9");
    rows.extend([alpha.claim(direction("heavy-tailed", fitted.heavy()), 256), xmin, p]);
    let range = |w: &[f64]| quantile(w, 1.0) / quantile(w, 0.0);
    let [[_, ours], [_, other]] = [weight_strengths(config, run)?, weight_strengths(&root.config()?, &root)?];
    rows.push(
        Row::new("S9.range", "largest W_j over the smallest, one pool", range(&ours), "", ours.len())
            .claim(direction("a narrower range than with three pools", range(&ours) < range(&other)), 256)
            .baseline(range(&other))
            .note("baseline: three pools"),
    );
    rows.extend(fits.get("control.S9")?.rows("control.S9"));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let values = [4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!([0.0, 0.5, 1.0].map(|share| quantile(&values, share)), [1.0, 3.0, 5.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
