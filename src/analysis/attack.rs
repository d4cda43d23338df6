//! How a structure answers an attack on each of its atoms (Fig. 6): the mode areas' change, mode by mode and atom by atom.

use super::statistics::{coefficient_of_variation, gini, mean, median};
use crate::{Error, Result};

/// Changes of the mode areas of one structure: sorted w after the attack minus sorted w before.
#[derive(Debug, Clone, Copy)]
pub struct Attack<'a> {
    delta_mode_area: &'a [f64],
    atoms: usize,
    angles: usize,
    modes: usize,
}

/// The normalised error delta over the atoms (Fig. 6c, d), and how unequal it is: "democratic" or with hubs, in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Hubs {
    /// delta_j for each atom: the mean of abs(dw_m) over modes and angles, over its mean over the atoms.
    pub delta: Vec<f64>,
    /// That mean over the atoms.
    pub mean: f64,
    /// Standard deviation of delta (whose mean is 1).
    pub cv: f64,
    /// Largest delta.
    pub largest: f64,
    /// Gini coefficient of delta: 0 where all atoms count the same.
    pub gini: f64,
}

impl<'a> Attack<'a> {
    /// A view of `delta_mode_area` (atoms, angles, modes).
    ///
    /// # Errors
    /// [`Error::Value`] where the length does not fit the shape, a change is not finite, or nothing changed at all.
    pub fn new(delta_mode_area: &'a [f64], atoms: usize, angles: usize, modes: usize) -> Result<Self> {
        let fault = |fault: String| Err(Error::value("delta_mode_area", fault));
        if delta_mode_area.is_empty() || delta_mode_area.len() != atoms * angles * modes {
            return fault(format!("has {} numbers; {atoms} atoms x {angles} angles x {modes} modes are wanted", delta_mode_area.len()));
        }
        if let Some(at) = delta_mode_area.iter().position(|d| !d.is_finite()) {
            let atom = at / (angles * modes);
            return fault(format!("is {} for atom {atom}, mode {}; finite numbers are wanted", delta_mode_area[at], at % modes));
        }
        if delta_mode_area.iter().all(|&d| d == 0.0) {
            return fault("is zero everywhere; use a larger rho_a".into());
        }
        Ok(Attack { delta_mode_area, atoms, angles, modes })
    }

    /// The same with the first angle of each atom only: one attack an atom, as in the paper.
    pub fn first_angle(&self) -> Vec<f64> {
        self.delta_mode_area.chunks(self.angles * self.modes).flat_map(|atom| &atom[..self.modes]).copied().collect()
    }

    /// abs(dw_m) averaged over the angles, (atoms, modes): the points of Fig. 6a, b.
    pub fn by_atom_and_mode(&self) -> Vec<f64> {
        let mut points = vec![0.0; self.atoms * self.modes];
        for (point, atom) in points.chunks_mut(self.modes).zip(self.delta_mode_area.chunks(self.angles * self.modes)) {
            for (at, d) in atom.iter().enumerate() {
                point[at % self.modes] += d.abs() / self.angles as f64;
            }
        }
        points
    }

    /// abs(dw_m) averaged over atoms and angles, for each mode: the lines of Fig. 6a, b.
    pub fn by_mode(&self) -> Vec<f64> {
        let mut line = vec![0.0; self.modes];
        for (at, d) in self.delta_mode_area.iter().enumerate() {
            line[at % self.modes] += d.abs() / (self.atoms * self.angles) as f64;
        }
        line
    }

    /// abs(dw_m) averaged over modes and angles, for each atom: delta before it is normalised.
    pub fn by_atom(&self) -> Vec<f64> {
        let abs_mean = |atom: &[f64]| atom.iter().map(|d| d.abs()).sum::<f64>() / atom.len() as f64;
        self.delta_mode_area.chunks(self.angles * self.modes).map(abs_mean).collect()
    }

    /// The normalised error of each atom.
    pub fn hubs(&self) -> Hubs {
        Hubs::new(&self.by_atom())
    }
}

impl Hubs {
    /// From what [`Attack::by_atom`] gives.
    pub fn new(by_atom: &[f64]) -> Self {
        let mean = mean(by_atom);
        let delta: Vec<f64> = by_atom.iter().map(|d| d / mean).collect();
        let largest = delta.iter().copied().fold(0.0, f64::max);
        Hubs { mean, cv: coefficient_of_variation(&delta), largest, gini: gini(&delta), delta }
    }

    /// The atoms from the strongest hub down; of equal ones the smaller number first.
    pub fn ranking(&self) -> Vec<usize> {
        let mut atoms: Vec<usize> = (0..self.delta.len()).collect();
        atoms.sort_by(|&a, &b| self.delta[b].total_cmp(&self.delta[a]));
        atoms
    }
}

/// How much of a localisation is lost between two curves of mode areas, both ascending: the cost of Eq. 3 with `before` as the truth,
///
/// ```text
/// loss = (1/M) sum_m abs(w'_m - w(q_m)) / w(q_m),     q_m = (m + 1/2)/M
/// ```
///
/// where w(q) is `before` at the share q of its modes, interpolated between them. The lengths may differ: atoms that are taken out take
/// modes with them. Where they are equal, w(q_m) is w_m.
pub fn loss(before: &[f64], after: &[f64]) -> f64 {
    let (most, n) = (before.len() as f64, after.len() as f64);
    let truth = |m: usize| {
        let place = ((m as f64 + 0.5) / n * most - 0.5).clamp(0.0, most - 1.0);
        let below = place.floor() as usize;
        let above = (below + 1).min(before.len() - 1);
        before[below] + (before[above] - before[below]) * (place - below as f64)
    };
    after.iter().enumerate().map(|(m, w)| (w - truth(m)).abs() / truth(m)).sum::<f64>() / n
}

/// By how many orders of magnitude a design answers less than its seed: the median of log10(seed / design) over modes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reduction {
    /// Over the most localised eighth of the modes ("especially in small m").
    pub small_m: f64,
    /// Over all modes.
    pub all: f64,
}

/// Compares the lines of Fig. 6a and b, [`Attack::by_mode`] of seed and design. Modes that one of them does not change at all are
/// left out.
pub fn reduction(seed: &[f64], design: &[f64]) -> Reduction {
    let orders = |modes: usize| {
        let ratios = seed.iter().zip(design).take(modes).map(|(s, d)| (s / d).log10());
        median(&mut ratios.filter(|r| r.is_finite()).collect::<Vec<_>>())
    };
    Reduction { small_m: orders(seed.len().div_ceil(8)), all: orders(seed.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two atoms, two angles, two modes.
    const DELTA: [f64; 8] = [1.0, -3.0, -1.0, 1.0, 0.0, 2.0, 4.0, 4.0];

    #[test]
    fn averages_by_hand() {
        let attack = Attack::new(&DELTA, 2, 2, 2).unwrap();
        assert_eq!(attack.by_atom_and_mode(), [1.0, 2.0, 2.0, 3.0]);
        assert_eq!(attack.by_mode(), [1.5, 2.5]);
        let hubs = attack.hubs();
        assert_eq!((hubs.mean, hubs.delta, hubs.largest, hubs.cv), (2.0, vec![0.75, 1.25], 1.25, 0.25));
        assert!((hubs.gini - 0.125).abs() < 1e-15);
        assert_eq!(attack.first_angle(), [1.0, -3.0, 0.0, 2.0]);
        assert_eq!(attack.by_atom(), [1.5, 2.5]);
        assert_eq!(Hubs::new(&[1.0, 4.0, 0.5, 4.0]).ranking(), [1, 3, 0, 2]);
    }

    #[test]
    fn losses_by_hand() {
        assert_eq!(loss(&[0.1, 0.2, 0.4], &[0.1, 0.2, 0.4]), 0.0);
        assert!((loss(&[0.1, 0.2, 0.4], &[0.1, 0.1, 0.6]) - 1.0 / 3.0).abs() < 1e-15);
        // Two modes of three: their shares 1/4 and 3/4 lie at places 1/4 and 7/4, where the truth is 0.125 and 0.35.
        assert!((loss(&[0.1, 0.2, 0.4], &[0.125, 0.7]) - 0.5).abs() < 1e-15);
        assert_eq!(loss(&[0.5], &[0.5]), 0.0);
    }

    #[test]
    fn refuses_wrong_shapes_and_values() {
        for (delta, atoms, says) in [
            (&[][..], 0, "has 0 numbers"),
            (&[1.0; 5], 2, "has 5 numbers; 2 atoms x 1 angles x 3 modes"),
            (&[0.0, 0.0, 0.0, 1.0, f64::NAN, 0.0], 2, "is NaN for atom 1, mode 1"),
            (&[0.0; 3], 1, "is zero everywhere"),
        ] {
            let said = Attack::new(delta, atoms, 1, 3).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn orders_of_magnitude() {
        let seed = vec![1e-2; 16];
        let design: Vec<f64> = (0..16).map(|m| if m < 2 { 1e-6 } else { 1e-4 }).collect();
        let Reduction { small_m, all } = reduction(&seed, &design);
        assert!((small_m - 4.0).abs() < 1e-12 && (all - 2.0).abs() < 1e-12);
    }
}
