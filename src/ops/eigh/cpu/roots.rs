//! Roots and vectors of the secular equation 1/rho + sum_i z_i^2 / (d_i - x) = 0, d ascending.
//!
//! A root is kept as its distance mu from the nearer d: then d_i - x = (d_i - d_nearer) - mu has a small relative error for every i.
//! Gu's and Eisenstat's z^, of which the computed roots are the exact eigenvalues (Loewner's formula),
//!
//! ```text
//! z^_i^2 = (d_i - x_i) prod_(j != i) (d_i - x_j) / (d_i - d_j)       (its size; rho and signs apart)
//! ```
//!
//! gives vectors z^_i / (d_i - x) that are orthogonal to rounding however near the roots are. So no cluster needs special care.

use super::total;
use crate::device::{BLOCK, Vector};
use crate::ops::scratch::Aligned;

/// Steps of a search; few take more than ten.
const SEARCH: usize = 200;

/// A secular equation of at most n poles, its roots and vectors. Behind the last pole stand infinities, whose terms are 0.
pub(super) struct Secular {
    count: usize,
    /// d and z.
    poles: Aligned<f64>,
    weights: Aligned<f64>,
    /// The roots' poles, and their distances from there.
    nearest: Vec<usize>,
    distances: Vec<f64>,
    /// The same poles in the order that was asked for, and their z^.
    grouped: Aligned<f64>,
    forces: Aligned<f64>,
    /// z^^2 while it is made.
    squares: Aligned<f64>,
    factors: Aligned<f64>,
    pitch: usize,
}

/// The sums over the poles up to the root's and over those behind, with their slopes.
#[derive(Clone, Copy)]
struct Sums {
    below: f64,
    above: f64,
    below_slope: f64,
    above_slope: f64,
}

impl Secular {
    pub(super) fn new(n: usize) -> Self {
        // From one vector to the next: an odd number of cache lines.
        let (padded, pitch) = (n.next_multiple_of(BLOCK), n.next_multiple_of(BLOCK) + 8);
        let numbers = || Aligned::zeros(padded);
        Secular {
            count: 0,
            poles: numbers(),
            weights: numbers(),
            nearest: vec![0; n],
            distances: vec![0.0; n],
            grouped: numbers(),
            forces: numbers(),
            squares: numbers(),
            factors: Aligned::zeros(n * pitch),
            pitch,
        }
    }

    /// Forgets all poles.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// One more pole, above the others.
    pub(super) fn push(&mut self, pole: f64, weight: f64) {
        (self.poles[self.count], self.weights[self.count]) = (pole, weight);
        self.count += 1;
    }

    /// From one vector to the next.
    pub(super) fn pitch(&self) -> usize {
        self.pitch
    }

    /// The vectors, root by root, of length 1; the poles in the order that [`Secular::solve`] was given.
    pub(super) fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// The roots, ascending.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.nearest[..self.count].iter().zip(&self.distances).map(|(&nearest, mu)| self.poles[nearest] + mu)
    }

    /// Finds all roots, and their vectors with the poles in the order `grouped`; answers whether every root was found.
    ///
    /// # Safety
    /// The processor has vectors `V`.
    #[inline(always)]
    pub(super) unsafe fn solve<V: Vector<Real = f64>>(&mut self, rho: f64, grouped: &[usize]) -> bool {
        let count = self.count;
        let padded = count.next_multiple_of(V::LANES);
        self.poles[count..padded].fill(f64::INFINITY);
        self.weights[count..padded].fill(0.0);
        let mut found = true;
        for index in 0..count {
            // SAFETY: the caller's.
            found &= unsafe { self.root::<V>(rho, index) };
        }
        // SAFETY: the caller's; all vectors lie within `padded`.
        unsafe {
            self.squares[..padded].fill(1.0);
            for j in 0..count {
                let before = self.squares[j];
                let (pole, mu, own) = (self.poles[self.nearest[j]], self.distances[j], self.poles[j]);
                for at in (0..padded).step_by(V::LANES) {
                    let d = V::load(self.poles.as_ptr().add(at));
                    let apart = d.sub(V::splat(pole)).sub(V::splat(mu));
                    let square = V::load(self.squares.as_ptr().add(at)).mul(apart.div(d.sub(V::splat(own))));
                    square.store(self.squares.as_mut_ptr().add(at));
                }
                self.squares[j] = before * ((own - pole) - mu);
            }
            for (place, &i) in grouped.iter().enumerate() {
                self.grouped[place] = self.poles[i];
                self.forces[place] = self.squares[i].abs().sqrt().copysign(self.weights[i]);
            }
            self.grouped[count..padded].fill(f64::INFINITY);
            self.forces[count..padded].fill(0.0);
            for j in 0..count {
                let (pole, mu) = (self.poles[self.nearest[j]], self.distances[j]);
                let vector = self.factors[j * self.pitch..][..padded].as_mut_ptr();
                let mut square = V::splat(0.0);
                for at in (0..padded).step_by(V::LANES) {
                    let apart = V::load(self.grouped.as_ptr().add(at)).sub(V::splat(pole)).sub(V::splat(mu));
                    let part = V::load(self.forces.as_ptr().add(at)).div(apart);
                    square = square.add_product(part, part);
                    part.store(vector.add(at));
                }
                let scale = V::splat(1.0 / total(square).sqrt());
                for at in (0..padded).step_by(V::LANES) {
                    V::load(vector.add(at)).mul(scale).store(vector.add(at));
                }
            }
        }
        found
    }

    /// The root behind pole `index`; answers whether it was found.
    ///
    /// Each step replaces both sums by a constant and one pole next to the root, of the same value and slope (Bunch, Nielsen, Sorensen),
    /// and solves for that; a step that leaves what is known to hold the root, or every second one of a long search, is a bisection.
    ///
    /// # Safety
    /// The processor has vectors `V`.
    #[inline(always)]
    unsafe fn root<V: Vector<Real = f64>>(&mut self, rho: f64, index: usize) -> bool {
        let d = &self.poles[..];
        let last = index + 1 == self.count;
        let width = if last { rho * self.weights[..self.count].iter().map(|z| z * z).sum::<f64>() } else { d[index + 1] - d[index] };
        if self.count == 1 {
            (self.nearest[0], self.distances[0]) = (0, width);
            return true;
        }
        let inverse = 1.0 / rho;
        let (mut nearer, mut mu, mut low, mut high) = (index, 0.5 * width, 0.0, width);
        // SAFETY: the caller's.
        let mut sums = unsafe { self.sums::<V>(index, d[nearer], mu) };
        let mut value = inverse + sums.below + sums.above;
        if value < 0.0 && !last {
            (nearer, mu, low, high) = (index + 1, -mu, -mu, 0.0);
        }
        let mut found = false;
        for step in 0..SEARCH {
            let slope = sums.below_slope + sums.above_slope;
            let size = inverse + sums.below.abs() + sums.above.abs();
            if value.abs() <= f64::EPSILON * (2.0 * size + mu.abs() * slope) {
                found = true;
                break;
            }
            *(if value < 0.0 { &mut low } else { &mut high }) = mu;
            let here = (d[index] - d[nearer]) - mu;
            let change = if last {
                here * value / (value - here * sums.below_slope)
            } else {
                let there = (d[index + 1] - d[nearer]) - mu;
                let a = (here + there) * value - here * there * slope;
                let b = here * there * value;
                let c = value - here * sums.below_slope - there * sums.above_slope;
                let root = (a * a - 4.0 * b * c).max(0.0).sqrt();
                if a <= 0.0 { (a - root) / (2.0 * c) } else { 2.0 * b / (a + root) }
            };
            let mut moved = mu + change;
            if !(moved > low && moved < high) || (step > 8 && step % 2 == 0) {
                moved = low + 0.5 * (high - low);
            }
            // No number lies between: the root is found as well as f64 has it.
            if moved == low || moved == high {
                found = mu != 0.0;
                break;
            }
            mu = moved;
            // SAFETY: the caller's.
            sums = unsafe { self.sums::<V>(index, d[nearer], mu) };
            value = inverse + sums.below + sums.above;
        }
        (self.nearest[index], self.distances[index]) = (nearer, mu);
        found
    }

    /// The equation's sums at `nearer` + `mu`.
    ///
    /// # Safety
    /// The processor has vectors `V`.
    #[inline(always)]
    unsafe fn sums<V: Vector<Real = f64>>(&self, index: usize, nearer: f64, mu: f64) -> Sums {
        // The vector that holds poles of both sums is split into two.
        let split = index / V::LANES * V::LANES;
        let mut split_weights = [[0.0; BLOCK]; 2];
        // SAFETY: the caller's; the arrays are padded to whole vectors.
        unsafe {
            for at in split..split + V::LANES {
                split_weights[usize::from(at > index)][at - split] = self.weights[at];
            }
            let root = (V::splat(nearer), V::splat(mu));
            let (mut below, mut above) = ([V::splat(0.0); 2], [V::splat(0.0); 2]);
            let (poles, weights) = (self.poles.as_ptr(), self.weights.as_ptr());
            for at in (0..split).step_by(V::LANES) {
                add(&mut below, root, poles.add(at), weights.add(at));
            }
            add(&mut below, root, poles.add(split), split_weights[0].as_ptr());
            add(&mut above, root, poles.add(split), split_weights[1].as_ptr());
            for at in (split + V::LANES..self.count).step_by(V::LANES) {
                add(&mut above, root, poles.add(at), weights.add(at));
            }
            Sums { below: total(below[0]), above: total(above[0]), below_slope: total(below[1]), above_slope: total(above[1]) }
        }
    }
}

/// A vector of poles' terms, added to a sum and its slope, at `root`: a pole and the distance from it.
///
/// # Safety
/// The processor has vectors `V`; one of poles and one of weights are there.
#[inline(always)]
unsafe fn add<V: Vector<Real = f64>>(sums: &mut [V; 2], root: (V, V), poles: *const f64, weights: *const f64) {
    // SAFETY: the caller's.
    unsafe {
        let z = V::load(weights);
        let ratio = z.div(V::load(poles).sub(root.0).sub(root.1));
        *sums = [sums[0].add_product(z, ratio), sums[1].add_product(ratio, ratio)];
    }
}
