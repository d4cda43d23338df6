//! The kernels that measure a card's roofs: they must do the work that they are timed for.

use super::support::{Guarded, exact, numbers};
use super::{Case, Verdict};
use scalefree::device::Cuda;
use scalefree::device::cuda::Precision;
use scalefree::ops::roof::Roof;

/// Sums and accumulators of a thread, as in kernels/roof.cu.
const CHAINS: usize = 8;
const THREADS: usize = 256;

pub fn cases(precision: Precision) -> Vec<Case<Cuda>> {
    let case = |name: &str, run: fn(&Cuda) -> Verdict| Case::new(format!("roof: {name}, {precision:?}"), run);
    match precision {
        // Products of f32 are the multiply-adds.
        Precision::F32 => vec![case("copy", copy), case("multiply-adds", multiply_add), case("multiply-adds of f64", double)],
        _ => vec![case("products", product)],
    }
}

fn copy(device: &Cuda) -> Verdict {
    for len in [4, 1028] {
        let values = numbers(len, 1);
        let from = Guarded::<Cuda, f32>::holding(device, &values.iter().map(|v| *v as f32).collect::<Vec<_>>())?;
        let mut to = Guarded::<Cuda, f32>::blank(device, len)?;
        device.copy(len, &from.buffer, &mut to.buffer)?;
        exact("copy", &to.values(device)?, &values)?;
    }
    Ok(())
}

fn multiply_add(device: &Cuda) -> Verdict {
    const ROUNDS: u32 = 5;
    let start = |thread: usize, chain: usize| (0..ROUNDS).fold((thread + chain) as f32, |x, _| x.mul_add(0.5, 1.0));
    let sum = |at: usize| f64::from((0..CHAINS).map(|chain| start(at % THREADS, chain)).sum::<f32>());
    let mut out = Guarded::<Cuda, f32>::blank(device, device.roof_len())?;
    device.multiply_add(ROUNDS, &mut out.buffer)?;
    exact("sums", &out.values(device)?, &(0..device.roof_len()).map(sum).collect::<Vec<_>>())
}

fn double(device: &Cuda) -> Verdict {
    const ROUNDS: u32 = 5;
    let start = |thread: usize, chain: usize| (0..ROUNDS).fold((thread + chain) as f64, |x, _| x.mul_add(0.5, 1.0));
    let sum = |at: usize| (0..CHAINS).map(|chain| start(at % THREADS, chain)).sum::<f64>();
    let mut out = Guarded::<Cuda, f64>::blank(device, device.roof_len())?;
    device.double(ROUNDS, &mut out.buffer)?;
    exact("sums", &out.written(device)?, &(0..device.roof_len()).map(sum).collect::<Vec<_>>())
}

/// Products of ones: each of a thread's 4 elements of an accumulator grows by the inner dimension.
fn product(device: &Cuda) -> Verdict {
    const ROUNDS: u32 = 3;
    let mut out = Guarded::<Cuda, f32>::blank(device, device.roof_len())?;
    let flop = device.product(ROUNDS, &mut out.buffer)?;
    // A warp's 16 x 8 accumulators, 2 flop an element and inner index.
    let inner = flop / f64::from(ROUNDS) / (2 * 16 * 8 * CHAINS * device.roof_len() / 32) as f64;
    let expected = f64::from(ROUNDS) * (4 * CHAINS) as f64 * inner;
    exact("sums", &out.values(device)?, &vec![expected; device.roof_len()])
}
