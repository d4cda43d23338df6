//! Heavy tails: Fig. 4g with its fit, 5, S3, S4, S5, S8, S9.

use super::super::Run;
use super::super::fits::{Fits, WINDOWS};
use super::super::material::{Material, lengths};
use super::super::network::{self, positive};
use super::{Branch, Source, if_there};
use crate::Result;
use crate::analysis::network::correlation;
use crate::analysis::population::Classes;
use crate::analysis::powerlaw::{Candidate, Fit, fit};
use crate::config::Config;
use crate::figures::{Displaced, Layer, Scan, Tail, Weights, Window, displacement, realisations, scan, tails, variants, weights, windows};

const LENGTH: &str = "Displacement Δ*r* (period)";
const STRENGTH: &str = "Weight strength *W*_{j}";
const LETTERS: [&str; 4] = ["a", "b", "c", "d"];

/// Fig. 4g.
pub(super) fn displacements(source: &Source) -> Result<String> {
    let mut sets = vec![set(source, &source.run, &source.config, "4g-1")?];
    sets.extend(if_there(source.branch(Branch::Matched).and_then(|(run, config)| set(source, &run, &config, "4g-1")))?);
    displaced(&sets, ["g", "h"], "Fig. 4g: displacements of seeds and designs")
}

/// Fig. S8.
pub(super) fn displacements_of_variants(source: &Source) -> Result<String> {
    let (run, config) = source.branch(Branch::OnePool)?;
    let sets = [set(source, &source.run, &source.config, "4g-1")?, set(source, &run, &config, "S8")?];
    displaced(&sets, ["a", "b"], "Fig. S8: displacements of both network variants")
}

/// How the fit of Fig. 4g-1 was chosen.
pub(super) fn candidates(source: &Source) -> Result<String> {
    let mut sets = vec![scanned(source, &source.run, &source.config)?];
    sets.extend(if_there(source.branch(Branch::Matched).and_then(|(run, config)| scanned(source, &run, &config)))?);
    let letters = [["a", "b"], ["c", "d"]];
    let sets = sets.iter().zip(letters);
    Ok(scan(&sets.map(|((title, candidates, fit), letters)| Scan { title, letters, candidates, fit }).collect::<Vec<_>>()))
}

/// Fig. S3.
pub(super) fn sub_samples(source: &Source) -> Result<String> {
    let mut sets = vec![(population(&source.config), Fits::read(&source.run)?.growth)];
    if let Some((run, config)) = if_there(source.branch(Branch::Matched))? {
        sets.push((population(&config), Fits::read(&run)?.growth));
    }
    Ok(realisations(&sets.iter().map(|(name, growth)| (name.as_str(), growth.as_slice())).collect::<Vec<_>>()))
}

/// Fig. 5a, b.
pub(super) fn designs_and_weights(source: &Source) -> Result<String> {
    let (designs, weights) = (designs(&source.run, &source.config)?, network::read(&source.config, &source.run)?);
    let fits = Fits::read(&source.run)?;
    let [of_designs, of_weights] = ["4g-1", "5b"].map(|name| source.fit(&fits, name));
    let first = Tail { letter: "a", title: "Designs", label: LENGTH, values: &designs, fit: &of_designs? };
    tails(&[first, Tail { letter: "b", title: "Weights of L2D", label: STRENGTH, values: &weights.after, fit: &of_weights? }], "Fig. 5a, b")
}

/// The weights behind Fig. 5b.
pub(super) fn strengths(source: &Source) -> Result<String> {
    let network = network::read(&source.config, &source.run)?;
    let c = correlation(&network.after, &network.displacement);
    let said = format!("Pearson {:.2} \u{b1} {:.2}, Spearman {:.2} \u{b1} {:.2}", c.pearson, c.pearson_error, c.spearman, c.spearman_error);
    weights(Weights {
        before: &network.before,
        after: &network.after,
        fit: &source.fit(&Fits::read(&source.run)?, "5b")?,
        displacement: &network.displacement,
        correlation: &said,
    })
}

/// Which population a branch is of.
fn population(config: &Config) -> String {
    format!("ρ_{{max}} = {}", config.data.rho_max)
}

fn designs_of(n: usize) -> String {
    if n == 1 { "1 design".into() } else { format!("{n} designs") }
}

/// The candidates of the fit of Fig. 4g-1.
fn scanned(source: &Source, run: &Run, config: &Config) -> Result<(String, Vec<Candidate>, Fit)> {
    let fits = Fits::read(run)?;
    let fit = source.fit(&fits, "4g-1")?;
    Ok((population(config), fits.scan, fit))
}

/// Displacement lengths of seeds and of their designs, and the fit of the latter.
struct Set {
    title: String,
    seed: Vec<f64>,
    design: Vec<f64>,
    fit: Fit,
}

/// What Fig. 4g shows of a branch.
fn set(source: &Source, run: &Run, config: &Config, fit: &str) -> Result<Set> {
    let material = Material::load(config, run)?;
    let networks = if run.branch == Branch::OnePool { "one pool, " } else { "" };
    let title = format!("{networks}{}: {}", population(config), designs_of(material.chosen.len()));
    Ok(Set {
        title,
        seed: lengths(&material.seeds, material.modes, &material.chosen),
        design: material.lengths(&material.chosen),
        fit: source.fit(&Fits::read(run)?, fit)?,
    })
}

fn displaced(sets: &[Set], letters: [&str; 2], title: &str) -> Result<String> {
    let drawn: Vec<Displaced> = sets
        .iter()
        .zip(letters)
        .map(|(set, letter)| Displaced { letter, title: &set.title, seed: &set.seed, design: &set.design, fit: &set.fit })
        .collect();
    displacement(&drawn, title)
}

/// Displacement lengths of the designs of Fig. 4g.
fn designs(run: &Run, config: &Config) -> Result<Vec<f64>> {
    let material = Material::load(config, run)?;
    Ok(material.lengths(&material.chosen))
}

/// Fig. 5c, d.
pub(super) fn by_accuracy(source: &Source) -> Result<String> {
    let material = Material::load(&source.config, &source.run)?;
    let fits = Fits::read(&source.run)?;
    let Classes { high, low, by_threshold } = material.classes();
    let title =
        |by_threshold: bool, bound: &str, share: &str, n: usize| format!("{}: {}", if by_threshold { bound } else { share }, designs_of(n));
    let titles = [
        title(by_threshold[0], "Truth accuracy ≥ 84 %", "The truest 6 %", high.len()),
        title(by_threshold[1], "Truth accuracy ≤ 69 %", "The least true 6 %", low.len()),
    ];
    let values = [high, low].map(|chosen| material.lengths(&chosen));
    let found = [source.fit(&fits, "5c")?, source.fit(&fits, "5d")?];
    let panel = |i: usize| Tail { letter: ["c", "d"][i], title: &titles[i], label: LENGTH, values: &values[i], fit: &found[i] };
    tails(&[panel(0), panel(1)], "Fig. 5c, d: power laws by truth accuracy")
}

/// Fig. S4.
pub(super) fn by_localisation(source: &Source) -> Result<String> {
    let sets = in_windows(source)?;
    let panels = sets.iter().zip(LETTERS);
    let panels = panels.map(|(set, letter)| Window { letter, title: &set.title, seed: &set.seed, design: &set.design });
    Ok(windows(&panels.collect::<Vec<_>>()))
}

/// Fig. S5.
pub(super) fn laws_by_localisation(source: &Source) -> Result<String> {
    let sets = in_windows(source)?;
    let panels = sets.iter().zip(LETTERS);
    let panels = panels.map(|(set, letter)| Tail { letter, title: &set.title, label: LENGTH, values: &set.design, fit: &set.fit });
    tails(&panels.collect::<Vec<_>>(), "Fig. S5: power laws by degree of localisation")
}

/// The windows of Fig. S4 and S5 in which there are designs that a power law can be fitted to.
fn in_windows(source: &Source) -> Result<Vec<Set>> {
    let material = Material::load(&source.config, &source.run)?;
    let fits = Fits::read(&source.run)?;
    let mut found = Vec::new();
    for (name, low, high, _) in WINDOWS {
        let chosen = material.between(low, high);
        if let Some(fit) = fits.get(name)?.fit {
            let title = format!("{low:.2} ≤ *w*_{{avg}} ≤ {high:.2}: {}", designs_of(chosen.len()));
            let (seed, design) = (lengths(&material.seeds, material.modes, &chosen), material.lengths(&chosen));
            found.push(Set { title, seed, design, fit });
        }
    }
    if found.is_empty() {
        return Err(source.lacking("no design has a true average mode area of 0.20 to 0.40".into()));
    }
    Ok(found)
}

/// Fig. S9.
pub(super) fn both_variants(source: &Source) -> Result<String> {
    let (run, config) = source.branch(Branch::OnePool)?;
    let three = (&source.run, &source.config, ["4g-1", "5b"]);
    let one = (&run, &config, ["S8", "S9"]);
    let mut samples = Vec::new();
    let mut layers = Vec::new();
    for (run, config, names) in [three, one] {
        let (fits, network) = (Fits::read(run)?, network::read(config, run)?);
        let [dr, strength] = names.map(|name| source.fit(&fits, name));
        samples.push((designs(run, config)?, dr?));
        samples.push((network.after.clone(), strength?));
        layers.push(exponents(&network));
    }
    let panel = |i: usize| {
        let (label, title) = [
            (LENGTH, "Designs, three pools"),
            (STRENGTH, "Weights, three pools"),
            (LENGTH, "Designs, one pool"),
            (STRENGTH, "Weights, one pool"),
        ][i];
        Tail { letter: LETTERS[i], title, label, values: &samples[i].0, fit: &samples[i].1 }
    };
    variants(&[panel(0), panel(1), panel(2), panel(3)], [&layers[0], &layers[1]])
}

/// The exponents of the trained layers' spectra; NaN where the eigenvalues admit no fit.
fn exponents(network: &network::Network) -> Vec<Layer> {
    let alpha = |name: String| {
        let spectrum = network.layers.iter().find(|layer| layer.name == name).map(|layer| positive(&layer.after)).unwrap_or_default();
        fit(&spectrum).map_or((f64::NAN, f64::NAN), |fit| (fit.alpha, fit.sigma))
    };
    let names = network.layers.iter().filter_map(|layer| layer.name.strip_prefix("l2d."));
    names.map(|name| Layer { name: name.into(), d2l: alpha(format!("d2l.{name}")), l2d: alpha(format!("l2d.{name}")) }).collect()
}
