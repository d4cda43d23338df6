//! The energies of seeds and designs that are true to them (Fig. S6): against mode areas, their density, their spacings, and how many
//! stand apart from the band.
//!
//! Chosen are the designs of truth accuracy above 80 % and their seeds; where those are fewer than ten, the better half of all, as the
//! paper's 5057 of 10,000 are about half. Their modes are solved again, since `designs.npz` does not tell which energy a mode area has.
//!
//! `spectra.npz`, all f8 in C order, n pairs; the axis of two is seeds, designs:
//!
//! | array | shape | what |
//! |---|---|---|
//! | `sample` | (n) | which test samples |
//! | `threshold` | () | the accuracy that chose them, a share of 1; NaN for the better half |
//! | `energy` | (2) | lowest and highest energy of the bins, over both |
//! | `map` | (2, 160, 120) | modes in bins of energy, and of mode area from 0 to 1 |
//! | `density` | (2, 160) | density of states: modes a structure and a unit of energy |
//! | `density_error` | (2, 160) | its standard error over the structures |
//! | `spacings` | (2, 40) | density of the unfolded spacings, from 0 to 4 |
//! | `spacings_error` | (2, 40) | its standard error over the structures |
//! | `ratio` | (2, n) | mean ratio of neighbouring spacings, all levels |
//! | `ratio_middle` | (2, n) | the same, middle half of the levels |
//! | `gaps` | (g) | what counts as a gap, in energy |
//! | `discrete` | (g, 2, n) | discrete states of each structure ([`discrete_levels`]) |
//!
//! A gap is a spacing wider than any that the crystal of the same size has: the finite size alone does not make one. Half and twice that
//! width tell how much hangs on the rule; it is the middle one.

use super::Run;
use super::material::Material;
use crate::analysis::spectrum::{bin, discrete_levels, histogram, spacing_ratio, unfolded_spacings, widest_spacing};
use crate::analysis::statistics::Estimate;
use crate::config::Config;
use crate::dataset::npz;
use crate::ops::Device;
use crate::physics::{Spectrum, solve_on};
use crate::progress::Progress;
use crate::report::{Claim, Row};
use crate::{Error, Result};

/// Bins of energy and of mode area.
pub(super) const BINS: [usize; 2] = [160, 120];
/// Bins of unfolded spacings, and where they end.
pub(super) const SPACINGS: (usize, f64) = (40, 4.0);
/// What counts as a gap, in the widest spacings of the crystal: the rule is the middle one, the others tell how much hangs on it.
const GAPS: [f64; 3] = [0.5, 1.0, 2.0];
/// The paper's bound on the truth accuracy.
const THRESHOLD: f64 = 0.8;
/// Fewer designs above it do not make a figure.
const FEWEST: usize = 10;
/// Neighbours on either side that a spacing is unfolded with.
const NEIGHBOURS: usize = 8;

/// `spectra.npz`: what the figure shows, seeds then designs.
pub(super) struct Spectra {
    /// Pairs of seed and design.
    pub(super) n: usize,
    /// The truth accuracy that chose them; NaN for the better half.
    pub(super) threshold: f64,
    /// Lowest and highest energy.
    pub(super) energy: (f64, f64),
    /// Modes in bins of energy and mode area, row by row of energy, [`BINS`].
    pub(super) map: [Vec<f64>; 2],
    /// Density of states and its standard error.
    pub(super) density: [(Vec<f64>, Vec<f64>); 2],
    /// Density of the unfolded spacings and its standard error, [`SPACINGS`].
    pub(super) spacings: [(Vec<f64>, Vec<f64>); 2],
    /// Mean ratio of neighbouring spacings of each structure, all levels.
    pub(super) ratio: [Vec<f64>; 2],
    /// The same, middle half of the levels.
    pub(super) ratio_middle: [Vec<f64>; 2],
    /// What counts as a gap.
    pub(super) gaps: Vec<f64>,
    /// Discrete states of each structure, for each gap.
    discrete: Vec<[Vec<f64>; 2]>,
}

impl Spectra {
    /// Discrete states of each seed and of each design, by the rule.
    pub(super) fn discrete(&self) -> &[Vec<f64>; 2] {
        &self.discrete[self.discrete.len() / 2]
    }
}

const FILE: &str = "spectra.npz";

/// Reads `spectra.npz`.
pub(super) fn read(run: &Run) -> Result<Spectra> {
    let path = run.path(FILE);
    let mut npz = npz::Npz::open(&path)?;
    // A length of 0 stands for any but none.
    let mut column = |key: &str, wanted: usize| -> Result<Vec<f64>> {
        let values = npz.array(key)?.values;
        match (values.len(), wanted) {
            (0, _) => Err(Error::file(&path, format!("{key} is empty; remove the file to have it made again"))),
            (found, wanted) if found != wanted && wanted > 0 => {
                Err(Error::file(&path, format!("{key} holds {found} numbers; {wanted} are needed; remove the file to have it made again")))
            }
            _ => Ok(values),
        }
    };
    let two = |values: Vec<f64>| {
        let (seeds, designs) = values.split_at(values.len() / 2);
        [seeds.to_vec(), designs.to_vec()]
    };
    let n = column("sample", 0)?.len();
    let [bins, areas] = BINS;
    let pairs = |values: Vec<f64>, errors: Vec<f64>| {
        let [seeds, designs] = two(values);
        let [seed_errors, design_errors] = two(errors);
        [(seeds, seed_errors), (designs, design_errors)]
    };
    let energy = column("energy", 2)?;
    let gaps = column("gaps", 0)?;
    let discrete = column("discrete", gaps.len() * 2 * n)?;
    Ok(Spectra {
        n,
        threshold: column("threshold", 1)?[0],
        energy: (energy[0], energy[1]),
        map: two(column("map", 2 * bins * areas)?),
        density: pairs(column("density", 2 * bins)?, column("density_error", 2 * bins)?),
        spacings: pairs(column("spacings", 2 * SPACINGS.0)?, column("spacings_error", 2 * SPACINGS.0)?),
        ratio: two(column("ratio", 2 * n)?),
        ratio_middle: two(column("ratio_middle", 2 * n)?),
        gaps,
        discrete: discrete.chunks(2 * n).map(|of| two(of.to_vec())).collect(),
    })
}

/// Makes `spectra.npz`.
pub(super) fn compute<D: Device>(device: &D, config: &Config, run: &Run, progress: &dyn Progress) -> Result<()> {
    let path = run.path(FILE);
    if path.exists() {
        return Ok(());
    }
    let material = Material::load(config, run)?;
    let (chosen, threshold) = true_designs(&material.accuracy);
    let (n, sites) = (chosen.len(), material.modes);
    let solved = |displacement: &[f64]| {
        let some: Vec<f64> = chosen.iter().flat_map(|k| &displacement[k * 2 * sites..][..2 * sites]).copied().collect();
        solve_on(device, &config.labels, &config.lattice, &some, progress)
    };
    let both = [solved(&material.seeds)?, solved(&material.designs.structures.displacement)?];
    let energies = || both.iter().flat_map(|spectrum| &spectrum.energy).copied();
    let (low, high) = (energies().fold(f64::INFINITY, f64::min), energies().fold(f64::NEG_INFINITY, f64::max));

    let [bins, areas] = BINS;
    let levels = |of: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        both.iter().flat_map(|spectrum| spectrum.energy.chunks_exact(sites).map(of).collect::<Vec<_>>()).collect()
    };
    let middle = |levels: &[f64]| spacing_ratio(&levels[levels.len() / 4..3 * levels.len() / 4]);
    let density = over_structures(&both, sites, bins, |levels| scaled(histogram(levels, low, high, bins), bins as f64 / (high - low)));
    let (steps, end) = SPACINGS;
    let spacings = over_structures(&both, sites, steps, |levels| {
        let spacings = unfolded_spacings(levels, NEIGHBOURS);
        scaled(histogram(&spacings, 0.0, end, steps), steps as f64 / end / spacings.len() as f64)
    });
    let maps: Vec<f64> = both.iter().flat_map(|spectrum| map(spectrum, sites, low, high)).collect();
    let crystal = solve_on(device, &config.labels, &config.lattice, &vec![0.0; 2 * sites], progress)?;
    let gaps = GAPS.map(|times| times * widest_spacing(&crystal.energy));
    let discrete: Vec<f64> = gaps.iter().flat_map(|&gap| levels(&|levels| discrete_levels(levels, gap) as f64)).collect();
    let samples: Vec<f64> = chosen.iter().map(|&k| k as f64).collect();
    npz::write_npz(&path, |npz| {
        npz.array("sample", &[n], &samples)?;
        npz.array("threshold", &[], &[threshold])?;
        npz.array("energy", &[2], &[low, high])?;
        npz.array("map", &[2, bins, areas], &maps)?;
        npz.array("density", &[2, bins], &density.0)?;
        npz.array("density_error", &[2, bins], &density.1)?;
        npz.array("spacings", &[2, steps], &spacings.0)?;
        npz.array("spacings_error", &[2, steps], &spacings.1)?;
        npz.array("ratio", &[2, n], &levels(&spacing_ratio))?;
        npz.array("ratio_middle", &[2, n], &levels(&middle))?;
        npz.array("gaps", &[gaps.len()], &gaps)?;
        npz.array("discrete", &[gaps.len(), 2, n], &discrete)
    })
}

/// The designs of truth accuracy above 80 %, or the better half, and the bound that chose them.
fn true_designs(accuracy: &[f64]) -> (Vec<usize>, f64) {
    let above: Vec<usize> = (0..accuracy.len()).filter(|&k| accuracy[k] > THRESHOLD).collect();
    if above.len() >= FEWEST {
        return (above, THRESHOLD);
    }
    let mut ranked: Vec<usize> = (0..accuracy.len()).collect();
    ranked.sort_by(|&a, &b| accuracy[b].total_cmp(&accuracy[a]));
    ranked.truncate(accuracy.len().div_ceil(2));
    ranked.sort_unstable();
    (ranked, f64::NAN)
}

/// Modes of a spectrum in bins of energy and of mode area, (energies, areas).
fn map(spectrum: &Spectrum, sites: usize, low: f64, high: f64) -> Vec<f64> {
    let [bins, areas] = BINS;
    let mut counts = vec![0.0; bins * areas];
    for (structure, modes) in spectrum.energy.chunks_exact(sites).enumerate() {
        for m in structure * sites..(structure + 1) * sites {
            let energy = modes[usize::from(spectrum.order[m])];
            counts[bin(energy, low, high, bins) * areas + bin(spectrum.mode_area[m], 0.0, 1.0, areas)] += 1.0;
        }
    }
    counts
}

fn scaled(values: Vec<f64>, by: f64) -> Vec<f64> {
    values.into_iter().map(|v| v * by).collect()
}

/// Mean and standard error over the structures of `bins` numbers that `of` makes of one's levels: seeds, then designs.
fn over_structures(both: &[Spectrum; 2], sites: usize, bins: usize, of: impl Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, Vec<f64>) {
    let (mut means, mut errors) = (Vec::new(), Vec::new());
    for spectrum in both {
        let each: Vec<Vec<f64>> = spectrum.energy.chunks_exact(sites).map(&of).collect();
        for at in 0..bins {
            let estimate = Estimate::of(&each.iter().map(|of| of[at]).collect::<Vec<_>>());
            means.push(estimate.mean);
            errors.push(estimate.error);
        }
    }
    (means, errors)
}

/// The rows of Fig. S6.
pub(super) fn rows(run: &Run) -> Result<Vec<Row>> {
    let spectra = read(run)?;
    let which = if spectra.threshold.is_nan() {
        "the better half of the designs (fewer than ten of truth accuracy above 80 %)".to_string()
    } else {
        format!("designs of truth accuracy above {} %", 100.0 * spectra.threshold)
    };
    let each = |both: &[Vec<f64>; 2]| [Estimate::of(&both[0]), Estimate::of(&both[1])];
    let more = |[seeds, designs]: &[Vec<f64>; 2]| Estimate::of_differences(designs, seeds);
    let fewer = |[seeds, designs]: &[Vec<f64>; 2]| Estimate::of_differences(seeds, designs).above(0.0);
    let ([seeds, designs], difference) = (each(spectra.discrete()), more(spectra.discrete()));
    let others: Vec<String> = spectra
        .gaps
        .iter()
        .zip(&spectra.discrete)
        .map(|(gap, counts)| {
            let [seeds, designs] = each(counts);
            format!("{gap:.2e}: designs {:.3}, seeds {:.3}", designs.mean, seeds.mean)
        })
        .collect();
    let stated = "more spectrally discrete states in the designs".to_string();
    let note = format!(
        "{which}; baseline: their seeds; design - seed = {:.3} +- {:.3}; by the width of a gap, {}; the rule is the middle one, the widest spacing of the crystal, and at no width may the seeds have more",
        difference.mean,
        difference.error,
        others.join("; ")
    );
    let holds = difference.above(0.0) && !spectra.discrete.iter().any(fewer);
    let mut rows = vec![
        Row::new("S6.discrete", "discrete states of a design", designs.mean, "", spectra.n)
            .claim(Claim::Direction { stated, holds }, 5057)
            .uncertainty(designs.error)
            .baseline(seeds.mean)
            .note(note),
    ];
    let filled = |map: &[f64]| 100.0 * map.iter().filter(|modes| **modes > 0.0).count() as f64 / map.len() as f64;
    let note =
        "baseline: the seeds; the fewer, the more alike the designs are: Fig. S6b shows the states that all of them share as discrete";
    let row = Row::new("S6.filled", "bins of energy and mode area that the designs together fill", filled(&spectra.map[1]), "%", spectra.n);
    rows.push(row.baseline(filled(&spectra.map[0])).note(note));
    for (key, what, values) in [
        ("ratio", "design: mean ratio <r> of neighbouring spacings", &spectra.ratio),
        ("ratio.middle", "the same, middle half of the levels", &spectra.ratio_middle),
    ] {
        let [seeds, designs] = each(values);
        let note = format!("baseline: the seeds, +- {:.4}; levels that repel 0.5307, independent ones 0.3863", seeds.error);
        let row = Row::new(&format!("S6.{key}"), what, designs.mean, "", spectra.n);
        rows.push(row.uncertainty(designs.error).baseline(seeds.mean).note(note));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_designs_or_the_better_half() {
        let mut accuracy: Vec<f64> = (0..20).map(|k| 0.7 + 0.01 * f64::from(k)).collect();
        let (chosen, bound) = true_designs(&accuracy);
        assert!(chosen == [10, 11, 12, 13, 14, 15, 16, 17, 18, 19] && bound.is_nan(), "{chosen:?}");
        accuracy[0] = 0.9;
        let (chosen, bound) = true_designs(&accuracy);
        assert!(chosen == [0, 11, 12, 13, 14, 15, 16, 17, 18, 19] && bound == THRESHOLD, "{chosen:?}");
    }

    #[test]
    fn modes_are_binned_by_their_own_energy() {
        // Areas are sorted, energies are too: the smaller area belongs to the higher energy.
        let spectrum = Spectrum { energy: vec![0.0, 1.0], mode_area: vec![0.1, 0.9], order: vec![1, 0] };
        let map = map(&spectrum, 2, 0.0, 1.0);
        let filled: Vec<usize> = (0..map.len()).filter(|&at| map[at] > 0.0).collect();
        assert_eq!(filled, [108, 159 * 120 + 12]);
    }
}
