//! The Hamiltonian on the CPU, in f64.

use super::{Hamiltonians, Hopping};
use crate::Result;
use crate::device::{BLOCK, Cpu, Kernel, Real, Vector, Vectorised};
use rayon::prelude::*;

impl<R: Real> Hamiltonians for Cpu<R> {
    fn hamiltonians(&self, config: &Hopping, count: usize, displacement: &Vec<f64>, matrices: &mut Vec<f64>) -> Result<()> {
        let sites = (config.size * config.size) as usize;
        let matrices = matrices.par_chunks_exact_mut(sites * sites).take(count);
        matrices.zip(displacement.par_chunks_exact(2 * sites)).for_each(|(matrix, image)| hamiltonian(config, image, matrix));
        Ok(())
    }
}

/// Fills `matrix` (N, N) from `displacement` (2, L, L), all x then all y.
pub fn hamiltonian(config: &Hopping, displacement: &[f64], matrix: &mut [f64]) {
    let sites = (config.size * config.size) as usize;
    assert!(displacement.len() == 2 * sites && matrix.len() == sites * sites, "a displacement and a matrix of {sites} sites");
    f64::vectorised(Fill { config, axes: &axes(config, displacement), matrix });
}

/// The axes of a `displacement`, filled up to a whole number of vectors.
fn axes(config: &Hopping, displacement: &[f64]) -> [Axis; 2] {
    let size = config.size as usize;
    let padded = |value: &dyn Fn(usize) -> f64| {
        let sites = size * size;
        (0..sites.next_multiple_of(BLOCK)).map(|n| if n < sites { value(n) } else { 0.0 }).collect()
    };
    let (x, y) = displacement.split_at(size * size);
    [
        Axis { crystal: padded(&|n| (n / size) as f64), displacement: padded(&|n| x[n]) },
        Axis { crystal: padded(&|n| (n % size) as f64), displacement: padded(&|n| y[n]) },
    ]
}

/// The sites' places along one axis.
struct Axis {
    crystal: Vec<f64>,
    displacement: Vec<f64>,
}

impl Axis {
    /// The square of the distance from site i to each of those from j on, on a torus if there is a `period`.
    #[inline(always)]
    unsafe fn square<V: Vector<Real = f64>>(&self, i: usize, j: usize, period: Option<f64>) -> V {
        // SAFETY: the caller's; whole vectors of the places.
        unsafe {
            // The difference of the crystal positions is a whole number, so it is taken first: nothing of the displacement is lost.
            let crystal = V::splat(self.crystal[i]).sub(V::load(self.crystal[j..][..V::LANES].as_ptr()));
            let displacement = V::splat(self.displacement[i]).sub(V::load(self.displacement[j..][..V::LANES].as_ptr()));
            let mut along = crystal.add(displacement);
            if let Some(period) = period {
                along = along.add_product(V::splat(-period), round(along.div(V::splat(period))));
            }
            along.mul(along)
        }
    }
}

/// The lower triangle, then its mirror.
struct Fill<'a> {
    config: &'a Hopping,
    axes: &'a [Axis; 2],
    matrix: &'a mut [f64],
}

impl Kernel<f64> for Fill<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = f64>>(self) {
        let Fill { config, axes: [x, y], matrix } = self;
        let sites = (config.size * config.size) as usize;
        let period = (config.periodic == 1).then_some(f64::from(config.size));
        for (i, row) in matrix.chunks_exact_mut(sites).enumerate() {
            for j in (0..i).step_by(V::LANES) {
                // SAFETY: the processor has vectors V, of at most BLOCK lanes, and the places are padded to BLOCK.
                unsafe {
                    let distance = x.square::<V>(i, j, period).add(y.square(i, j, period)).sqrt();
                    let hopping = exponential(V::splat(-config.alpha).mul(distance)).mul(V::splat(config.t0));
                    if j + V::LANES <= sites {
                        hopping.store(row[j..][..V::LANES].as_mut_ptr());
                    } else {
                        let mut lanes = [0.0; BLOCK];
                        hopping.store(lanes.as_mut_ptr());
                        row[j..].copy_from_slice(&lanes[..sites - j]);
                    }
                }
            }
            row[i] = 0.0;
        }
        // By squares of a cache line, of which the first cache holds both.
        const SIDE: usize = 8;
        for first_row in (0..sites).step_by(SIDE) {
            for first in (0..=first_row).step_by(SIDE) {
                for i in first_row..sites.min(first_row + SIDE) {
                    for j in first..i.min(first + SIDE) {
                        matrix[j * sites + i] = matrix[i * sites + j];
                    }
                }
            }
        }
    }
}

/// The nearest whole numbers.
#[inline(always)]
unsafe fn round<V: Vector<Real = f64>>(x: V) -> V {
    // SAFETY: the caller's.
    unsafe { x.add(V::splat(f64::WHOLE)).sub(V::splat(f64::WHOLE)) }
}

/// 1/n! of n from 13 down to 2.
const TAYLOR: [f64; 12] = {
    let mut terms = [1.0; 12];
    let mut n = 13;
    while n > 1 {
        let mut k = n;
        while k > 1 {
            terms[13 - n] /= k as f64;
            k -= 1;
        }
        n -= 1;
    }
    terms
};

/// e^x of numbers of at most 0, to a unit in the last place: with k = round(x / ln 2), 2^k times the Taylor series of e^(x - k ln 2).
#[inline(always)]
unsafe fn exponential<V: Vector<Real = f64>>(x: V) -> V {
    /// ln 2 in two parts, of which the first times k is exact (fdlibm).
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    /// Below, e^x is 0.
    const LEAST: f64 = -800.0;
    // SAFETY: the caller's.
    unsafe {
        let x = x.at_least(V::splat(LEAST));
        let k = round(x.mul(V::splat(std::f64::consts::LOG2_E)));
        let rest = x.add_product(V::splat(-LN_2[0]), k).add_product(V::splat(-LN_2[1]), k);
        // Odd and even powers apart: two chains of products, each half as long.
        let square = rest.mul(rest);
        let (mut odd, mut even) = (V::splat(TAYLOR[0]), V::splat(TAYLOR[1]));
        for pair in TAYLOR[2..].chunks_exact(2) {
            odd = V::splat(pair[0]).add_product(odd, square);
            even = V::splat(pair[1]).add_product(even, square);
        }
        // The largest terms last.
        let sum = V::splat(1.0).add(rest.add_product(square, even.add_product(odd, rest)));
        // In two steps, so that both powers are ordinary numbers.
        let half = round(k.mul(V::splat(0.5)));
        sum.mul(half.power_of_two()).mul(k.sub(half).power_of_two())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Hopping = Hopping { size: 3, periodic: 0, t0: 3.14e-2, alpha: 1.1454 };

    /// e^x of one number.
    struct One<'a> {
        x: f64,
        lanes: &'a mut [f64; BLOCK],
    }

    impl Kernel<f64> for One<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector<Real = f64>>(self) {
            // SAFETY: the caller's; a vector has at most BLOCK lanes.
            unsafe { exponential(V::splat(self.x)).store(self.lanes.as_mut_ptr()) }
        }
    }

    /// By the processor's own vectors, and by arrays, which need nothing of it.
    fn exponentials(x: f64) -> [f64; 2] {
        let (mut own, mut plain) = ([0.0; BLOCK], [0.0; BLOCK]);
        f64::vectorised(One { x, lanes: &mut own });
        // SAFETY: arrays need nothing.
        unsafe { One { x, lanes: &mut plain }.run::<[f64; 8]>() };
        [own[0], plain[0]]
    }

    #[test]
    fn exponentials_to_a_unit_in_the_last_place() {
        for n in 0..200_000 {
            let x = -f64::from(n) * 3.5e-3 * 1.000_137;
            for ours in exponentials(x) {
                assert!(ours.to_bits().abs_diff(x.exp().to_bits()) <= 1, "e^{x} is {:e}, not {ours:e}", x.exp());
            }
        }
        // Numbers below the least ordinary one have fewer digits; then nothing is left.
        for x in [-708.0, -709.5, -720.0, -740.0, -745.0_f64] {
            assert!(exponentials(x).iter().all(|ours| ours.to_bits().abs_diff(x.exp().to_bits()) <= 1), "e^{x}");
        }
        for x in [-746.0, -1e4, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exponentials(x), [0.0; 2]);
        }
        for x in [0.0, -0.0] {
            assert_eq!(exponentials(x), [1.0; 2]);
        }
        assert!(exponentials(f64::NAN).iter().all(|ours| ours.is_nan()));
    }

    fn filled<V: Vector<Real = f64>>(config: &Hopping, displacement: &[f64]) -> Vec<f64> {
        let mut matrix = vec![f64::NAN; displacement.len() * displacement.len() / 4];
        // SAFETY: arrays need nothing.
        unsafe { Fill { config, axes: &axes(config, displacement), matrix: &mut matrix }.run::<V>() };
        matrix
    }

    /// Also where the last vector of a row is not whole.
    #[test]
    fn every_pair_by_hand() {
        for (size, periodic) in [(2_u32, 0), (3, 0), (3, 1), (4, 0), (5, 1)] {
            let config = Hopping { size, periodic, ..SMALL };
            let (side, period) = (size as usize, f64::from(size));
            let sites = side * side;
            let displacement: Vec<f64> = (0..2 * sites).map(|k| 0.1 * (k * k % 7) as f64 - 0.3).collect();
            let (x, y) = displacement.split_at(sites);
            let distance = |i: usize, j: usize| {
                let [dx, dy] = [(i / side, j / side, x), (i % side, j % side, y)].map(|(from, to, d)| {
                    let along = (from as f64 + d[i]) - (to as f64 + d[j]);
                    if periodic == 1 { along - period * (along / period).round() } else { along }
                });
                dx.hypot(dy)
            };
            let mut whole = vec![f64::NAN; sites * sites];
            hamiltonian(&config, &displacement, &mut whole);
            for matrix in [whole, filled::<[f64; 2]>(&config, &displacement), filled::<[f64; 8]>(&config, &displacement)] {
                for (i, j) in (0..sites).flat_map(|i| (0..sites).map(move |j| (i, j))) {
                    let expected = if i == j { 0.0 } else { 3.14e-2 * (-1.1454 * distance(i, j)).exp() };
                    assert!((matrix[i * sites + j] - expected).abs() < 1e-16, "{size}: {i} {j}");
                    assert_eq!(matrix[i * sites + j], matrix[j * sites + i]);
                }
            }
        }
    }

    #[test]
    fn a_torus_has_no_edge() {
        let config = Hopping { size: 5, periodic: 1, ..SMALL };
        let mut matrix = [0.0; 625];
        hamiltonian(&config, &[0.0; 50], &mut matrix);
        // Site (0, 0) meets (4, 0) and (0, 1) alike; and a whole period of displacement changes nothing.
        assert_eq!(matrix[20], matrix[1]);
        let (mut moved, mut displacement) = ([0.0; 625], [0.0; 50]);
        displacement[7] = 5.0;
        hamiltonian(&config, &displacement, &mut moved);
        assert_eq!(matrix, moved);
    }
}
