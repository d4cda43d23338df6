//! Our own eigen-solver on a card: many symmetric matrices of up to 256 rows at once, in f32 or f64.
//!
//! ```text
//! A = Q T Q'      Householder's reflections to a tridiagonal T, a block a matrix      kernels/eigh_reduce.cu
//! T = Z L Z'      divide and conquer with deflation, a block a matrix                  kernels/eigh_tridiagonal.cu
//! V = Q Z         the reflections undone, a warp a few modes in registers; mode areas  kernels/eigh_back.cu
//! ```
//!
//! In f32 the matrix stays in registers from its first reflection to its last. Modes are written for the matrices that are asked
//! for and no others: mode areas are summed where the modes are made. docs/eigensolvers.md has the reasons and the counts.

use super::LabelPrecision;
use crate::Result;
use crate::device::cuda::{Cuda, CudaBuffer, CudaFault, In, Launch, Out, kernels};
use crate::device::{Element, Memory};

/// The most rows of a matrix.
pub const MOST_ROWS: usize = 256;

/// As the configuration calls it.
const NAME: &str = "own";

kernels! {
    fn eigh_reduce_f32(
        reflectors: Out<f32>, scales: Out<f32>, diagonal: Out<f32>, beside: Out<f32>, exponents: Out<i32>, outcomes: Out<i32>,
        matrices: Out<f64>, n: u32,
    );
    fn eigh_reduce_f64(
        reflectors: Out<f64>, scales: Out<f64>, diagonal: Out<f64>, beside: Out<f64>, exponents: Out<i32>, outcomes: Out<i32>,
        matrices: Out<f64>, n: u32,
    );
    fn eigh_tridiagonal_f32(
        vectors: Out<f32>, scratch: Out<f32>, energies: Out<f64>, outcomes: Out<i32>, diagonal: In<f32>, beside: In<f32>,
        exponents: In<i32>, n: u32,
    );
    fn eigh_tridiagonal_f64(
        vectors: Out<f64>, scratch: Out<f64>, energies: Out<f64>, outcomes: Out<i32>, diagonal: In<f64>, beside: In<f64>,
        exponents: In<i32>, n: u32,
    );
    fn eigh_back_f32(areas: Out<f64>, modes: Option<Out<f64>>, vectors: In<f32>, reflectors: In<f32>, scales: In<f32>, n: u32);
    fn eigh_back_f64(areas: Out<f64>, modes: Option<Out<f64>>, vectors: In<f64>, reflectors: In<f64>, scales: In<f64>, n: u32);
}

/// What came of many matrices.
pub struct Pairs {
    /// Energies (count, n), ascending.
    pub energies: Vec<f64>,
    /// Mode areas (count, n), in the order of the energies.
    pub areas: CudaBuffer<f64>,
}

/// Whose modes are written.
#[derive(Debug, Clone, Copy)]
pub enum Modes<'a> {
    /// All matrices'.
    All,
    /// Those of the matrices with these numbers.
    Of(&'a [usize]),
}

/// Solves `count` symmetric `matrices` (count, n, n), of which the lower triangles are read. What is left of them is lost; in the
/// places of those whose modes are wanted stand their modes, one after another.
///
/// The bits of a matrix's pairs depend on it and on `precision` alone.
///
/// # Errors
/// [`CudaFault::Solver`] where n is above [`MOST_ROWS`], a matrix is not finite, or its iteration does not end; the faults of the card.
pub fn eigenpairs(
    device: &Cuda,
    precision: LabelPrecision,
    n: usize,
    count: usize,
    matrices: &mut CudaBuffer<f64>,
    modes: Modes,
) -> Result<Pairs> {
    if n > MOST_ROWS {
        return Err(CudaFault::Solver { call: NAME, fault: format!("matrices of {n} rows; {MOST_ROWS} are the most") }.into());
    }
    assert!(matrices.len() >= count * n * n, "a buffer of {count} matrices of {n} rows");
    match precision {
        LabelPrecision::F64 => solve::<f64>(device, n, count, matrices, modes),
        LabelPrecision::F32 => solve::<f32>(device, n, count, matrices, modes),
    }
}

fn solve<R: Number>(device: &Cuda, n: usize, count: usize, matrices: &mut CudaBuffer<f64>, modes: Modes) -> Result<Pairs> {
    /// Matrices under way for each multiprocessor: enough that its last ones are few, and few enough that the work space is small.
    const WAVES: usize = 4;
    let at_once = count.min(WAVES * device.chip().processors as usize);
    let (numbers, rows) = (at_once * n * n, at_once * n);
    let (mut reflectors, mut vectors) = (device.zeros::<R>(numbers)?, device.zeros::<R>(numbers)?);
    let (mut scales, mut diagonal, mut beside) = (device.zeros::<R>(rows)?, device.zeros::<R>(rows)?, device.zeros::<R>(rows)?);
    let mut exponents = device.zeros::<i32>(at_once)?;
    let (mut outcomes, mut energies, mut areas) = (device.zeros::<i32>(count)?, device.zeros(count * n)?, device.zeros(count * n)?);
    for first in (0..count).step_by(at_once.max(1)) {
        let part = at_once.min(count - first);
        let matrix = |at: usize| (first + at) * n * n;
        (R::REDUCE)(
            device,
            reduction(n, part),
            reflectors.at_mut(0),
            scales.at_mut(0),
            diagonal.at_mut(0),
            beside.at_mut(0),
            exponents.at_mut(0),
            outcomes.at_mut(first),
            matrices.at_mut(matrix(0)),
            n as u32,
        )?;
        (R::TRIDIAGONAL)(
            device,
            Launch::new(part, THREADS),
            vectors.at_mut(0),
            // What is left of the matrices has room enough.
            matrices.at_mut(matrix(0)).cast(),
            energies.at_mut(first * n),
            outcomes.at_mut(first),
            diagonal.at(0),
            beside.at(0),
            exponents.at(0),
            n as u32,
        )?;
        let mut back = |at: usize, count: usize, modes: bool| {
            let launch =
                Launch { grid: [count as u32, n.div_ceil(R::COLUMNS * THREADS as usize / 32) as u32, 1], block: THREADS, shared: 0 };
            let areas = areas.at_mut((first + at) * n);
            let modes = modes.then(|| matrices.at_mut(matrix(at)));
            (R::BACK)(device, launch, areas, modes, vectors.at(at * n * n), reflectors.at(at * n * n), scales.at(at * n), n as u32)
        };
        match modes {
            Modes::All => back(0, part, true)?,
            Modes::Of(wanted) => {
                back(0, part, false)?;
                for at in wanted.iter().filter(|at| (first..first + part).contains(at)) {
                    back(at - first, 1, true)?;
                }
            }
        }
    }
    let (mut host, mut flags) = (vec![0.0; count * n], vec![0; count]);
    device.download(&energies, &mut host)?;
    device.download(&outcomes, &mut flags)?;
    match flags.iter().position(|flag| *flag != SOLVED) {
        Some(at) => {
            let what = if flags[at] == NOT_FINITE { "is not finite" } else { "did not converge" };
            Err(CudaFault::Solver { call: NAME, fault: format!("matrix {at} of {count} {what}") }.into())
        }
        None => Ok(Pairs { energies: host, areas }),
    }
}

/// Threads of the second and third kernel's blocks.
const THREADS: u32 = 256;

/// What the kernels say of a matrix (kernels/include/eigen.cuh).
const SOLVED: i32 = 0;
const NOT_FINITE: i32 = 1;

/// The first kernel's launch: warps for 9 tiles of 16 x 16 each, and for a thread a row.
fn reduction(n: usize, count: usize) -> Launch {
    const SIDE: usize = 16;
    const SLOTS: usize = 9;
    let tiles = n.div_ceil(SIDE);
    let warps = (tiles * (tiles + 1) / 2).div_ceil(SLOTS).max(n.div_ceil(32));
    Launch::new(count, 32 * warps as u32)
}

type Reduce<R> = fn(&Cuda, Launch, Out<R>, Out<R>, Out<R>, Out<R>, Out<i32>, Out<i32>, Out<f64>, u32) -> Result<()>;
type Tridiagonal<R> = fn(&Cuda, Launch, Out<R>, Out<R>, Out<f64>, Out<i32>, In<R>, In<R>, In<i32>, u32) -> Result<()>;
type Back<R> = fn(&Cuda, Launch, Out<f64>, Option<Out<f64>>, In<R>, In<R>, In<R>, u32) -> Result<()>;

/// What a matrix is solved in.
trait Number: Element {
    /// Modes that a warp of the last kernel holds.
    const COLUMNS: usize;
    const REDUCE: Reduce<Self>;
    const TRIDIAGONAL: Tridiagonal<Self>;
    const BACK: Back<Self>;
}

impl Number for f32 {
    const COLUMNS: usize = 8;
    const REDUCE: Reduce<f32> = eigh_reduce_f32;
    const TRIDIAGONAL: Tridiagonal<f32> = eigh_tridiagonal_f32;
    const BACK: Back<f32> = eigh_back_f32;
}

impl Number for f64 {
    const COLUMNS: usize = 4;
    const REDUCE: Reduce<f64> = eigh_reduce_f64;
    const TRIDIAGONAL: Tridiagonal<f64> = eigh_tridiagonal_f64;
    const BACK: Back<f64> = eigh_back_f64;
}
