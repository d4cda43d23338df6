//! Every op and both whole networks against central differences, in the device's own arithmetic.
//!
//! The cost is piecewise linear in any single number x (ReLU, max-pool and the mean absolute percentage error are), so
//! (C(x + h) - C(x - h)) / 2h is exact up to rounding, unless a kink lies inside the step. A kink shows as a change
//! of the pattern (which units fire, which element wins its pool, which side of the target the output is on) between
//! x - h and x + h; such points are skipped and counted.

use crate::Result;
use crate::device::{Real, View};
use crate::nn::{Architecture, Init, Kind, Mode, Pool, Tape, initialise, layout};
use crate::ops::Device;
use crate::ops::adam::{Tensor, WeightGradient};
use crate::ops::conv3x3::Conv3x3Config;
use crate::ops::dense::DenseConfig;
use crate::ops::mape::MapeConfig;
use crate::ops::philox::{Stream, draw, uniform};
use serde::Serialize;

/// The verdict on one gradient of one op.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The op or network, with its shape.
    pub op: String,
    /// What the gradient is taken with respect to.
    pub gradient: &'static str,
    /// Worst |analytic - numeric| / max(|analytic|, |numeric|, 1e-3 of the largest).
    pub worst: f64,
    /// Points compared.
    pub points: usize,
    /// Points skipped because a kink lay inside the step.
    pub skipped: usize,
}

impl Check {
    /// Is the gradient right? One that is NaN, or was compared nowhere, is not.
    pub fn passes(&self) -> bool {
        self.worst < TOLERANCE && self.points > 0
    }
}

/// The largest error that a check may show in f64.
pub const TOLERANCE: f64 = 1e-6;

/// Half the step of the central difference.
const STEP: f64 = 1e-4;
/// Points compared for each gradient; longer ones are sampled evenly.
const POINTS: usize = 400;

/// A cost with the pattern of its kinks.
type Cost = (f64, Vec<u8>);

/// All checks, in the order of a step.
pub fn gradcheck<D: Device>(device: &D) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for (pool, height, width) in [(false, 5, 7), (true, 6, 4)] {
        let config = Conv3x3Config { batch: 3, height, width, channels: 2, filters: 5, pool };
        checks.extend(conv3x3(device, &config)?);
    }
    for (relu, keep) in [(false, 1.0), (true, 1.0), (true, 0.5)] {
        checks.extend(dense(device, &DenseConfig { batch: 4, inputs: 11, outputs: 9, relu, keep, seed: 3 })?);
    }
    for scale in [1.0, 13.0] {
        checks.push(mape(device, &MapeConfig { batch: 3, modes: 13, scale })?);
    }
    let narrow = |kind, pool| Architecture { kind, size: 8, filters: vec![4, 5, 6], pool, hidden: 20 };
    for pool in [Pool::Each, Pool::Last] {
        checks.extend(d2l(device, &narrow(Kind::D2l, pool))?);
        checks.extend(l2d2l(device, &narrow(Kind::L2d, pool), &narrow(Kind::D2l, pool))?);
    }
    Ok(checks)
}

/// Compares `analytic`, the gradient at `x`, with central differences of `cost`.
fn compare(op: &str, gradient: &'static str, x: &[f64], analytic: &[f64], mut cost: impl FnMut(&[f64]) -> Result<Cost>) -> Result<Check> {
    let largest = analytic.iter().fold(0.0_f64, |a, g| a.max(g.abs()));
    let mut check = Check { op: op.into(), gradient, worst: 0.0, points: 0, skipped: 0 };
    let mut moved = x.to_vec();
    for at in (0..x.len()).step_by(x.len().div_ceil(POINTS)) {
        moved[at] = x[at] + STEP;
        let (above, pattern_above) = cost(&moved)?;
        moved[at] = x[at] - STEP;
        let (below, pattern_below) = cost(&moved)?;
        moved[at] = x[at];
        if pattern_above != pattern_below {
            check.skipped += 1;
            continue;
        }
        let numeric = (above - below) / (2.0 * STEP);
        let scale = analytic[at].abs().max(numeric.abs()).max(1e-3 * largest);
        let apart = (analytic[at] - numeric).abs();
        let error = if apart == 0.0 { 0.0 } else { apart / scale };
        // NaN is the worst.
        if error > check.worst || error.is_nan() {
            check.worst = error;
        }
        check.points += 1;
    }
    Ok(check)
}

/// Numbers in (-1, 1), the same on every run.
fn numbers(len: usize, series: u64) -> Vec<f64> {
    let words = (0..len.div_ceil(4) as u32).flat_map(|block| draw(series, Stream::Initialisation, u64::MAX, block));
    words.take(len).map(|word| 2.0 * uniform(word) - 1.0).collect()
}

fn up<D: Device>(device: &D, host: &[f64]) -> Result<D::Buffer<D::Real>> {
    device.holding(&host.iter().map(|v| D::Real::from_f64(*v)).collect::<Vec<_>>())
}

fn down<D: Device>(device: &D, buffer: &D::Buffer<D::Real>, len: usize) -> Result<Vec<f64>> {
    Ok(device.first(buffer, len)?.into_iter().map(Real::to_f64).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn signs(values: &[f64]) -> impl Iterator<Item = u8> {
    values.iter().map(|v| u8::from(*v > 0.0))
}

/// An op between two layers has the cost `probe . y`, so that `dy = probe`.
/// Its arena is the weight, then the bias.
struct Probed<F> {
    op: String,
    x: Vec<f64>,
    arena: Vec<f64>,
    probe: Vec<f64>,
    weights: usize,
    forward: F,
}

impl<F: FnMut(&[f64], &[f64]) -> Result<(Vec<f64>, Vec<u8>)>> Probed<F> {
    fn checks(mut self, dx: &[f64], gradient: &[f64]) -> Result<Vec<Check>> {
        let Probed { op, x, arena, probe, weights, forward } = &mut self;
        let mut cost = |x: &[f64], arena: &[f64]| forward(x, arena).map(|(y, pattern)| (dot(&y, probe), pattern));
        let (weight, bias) = arena.split_at(*weights);
        Ok(vec![
            compare(op, "dx", x, dx, |x| cost(x, arena))?,
            compare(op, "dw", weight, &gradient[..*weights], |w| cost(x, &[w, bias].concat()))?,
            compare(op, "db", bias, &gradient[*weights..], |b| cost(x, &[weight, b].concat()))?,
        ])
    }
}

fn conv3x3<D: Device>(device: &D, config: &Conv3x3Config) -> Result<Vec<Check>> {
    let weights = config.filters * config.taps();
    let spans = [0..weights, weights..weights + config.filters];
    let [weight, bias] = [0, 1].map(|index| Tensor { span: spans[index].clone(), index, l2_scale: 0.0 });
    let (x, arena) = (numbers(config.input_len(), 1), numbers(weights + config.filters, 2));
    let probe = numbers(config.output_len(), 3);
    let mut workspace = device.zeros(device.conv3x3_workspace(config))?;
    let mut y = device.zeros(config.output_len())?;
    let mut argmax = device.zeros::<u8>(config.output_len())?;

    let (xs, parameters) = (up(device, &x)?, up(device, &arena)?);
    let view = |tensor: &Tensor| tensor.span.clone();
    let (w, b) = (View::new(&parameters, view(&weight)), View::new(&parameters, view(&bias)));
    device.conv3x3_forward(config, &xs, w, b, &mut y, &mut argmax, &mut workspace)?;
    let (mut dx, mut gradient) = (device.zeros(x.len())?, device.zeros(arena.len())?);
    let dy = up(device, &probe)?;
    let mut target = WeightGradient::Store { parameters: &parameters, gradient: &mut gradient };
    device.conv3x3_backward(config, &xs, &y, &argmax, &dy, Some(&mut dx), &weight, &bias, &mut target, &mut workspace)?;
    let (dx, gradient) = (down(device, &dx, x.len())?, down(device, &gradient, arena.len())?);

    let forward = |x: &[f64], arena: &[f64]| {
        let (x, parameters) = (up(device, x)?, up(device, arena)?);
        let (w, b) = (View::new(&parameters, view(&weight)), View::new(&parameters, view(&bias)));
        device.conv3x3_forward(config, &x, w, b, &mut y, &mut argmax, &mut workspace)?;
        let values = down(device, &y, config.output_len())?;
        let mut pattern = vec![0; config.output_len()];
        device.download(&argmax, &mut pattern)?;
        // The winner of a pool that does not fire is of no consequence.
        let pattern = pattern.iter().zip(signs(&values)).map(|(place, fires)| fires * (1 + place)).collect();
        Ok((values, pattern))
    };
    let Conv3x3Config { batch, height, width, channels, filters, pool } = *config;
    let op = format!("conv3x3{} {batch}x{height}x{width}x{channels} -> {filters}", if pool { " + pool" } else { "" });
    Probed { op, x, arena, probe, weights, forward }.checks(&dx, &gradient)
}

fn dense<D: Device>(device: &D, config: &DenseConfig) -> Result<Vec<Check>> {
    let DenseConfig { batch, inputs, outputs, relu, keep, .. } = *config;
    let weights = inputs * outputs;
    let spans = [0..weights, weights..weights + outputs];
    let [weight, bias] = [0, 1].map(|index| Tensor { span: spans[index].clone(), index, l2_scale: 0.0 });
    let (x, arena) = (numbers(batch * inputs, 4), numbers(weights + outputs, 5));
    let probe = numbers(batch * outputs, 6);
    let mut step = device.zeros(1)?;
    device.upload(&[5_u64], &mut step)?;
    let mut y = device.zeros(batch * outputs)?;
    let mut workspace = device.zeros(device.dense_workspace(config))?;

    let (xs, parameters) = (up(device, &x)?, up(device, &arena)?);
    let view = |tensor: &Tensor| tensor.span.clone();
    let (w, b) = (View::new(&parameters, view(&weight)), View::new(&parameters, view(&bias)));
    device.dense_forward(config, &xs, w, b, Some(&step), &mut y, &mut workspace)?;
    let (mut dx, mut gradient) = (device.zeros(x.len())?, device.zeros(arena.len())?);
    let dy = up(device, &probe)?;
    let mut target = WeightGradient::Store { parameters: &parameters, gradient: &mut gradient };
    device.dense_backward(config, &xs, &y, &dy, Some(&mut dx), &weight, &bias, &mut target, &mut workspace)?;
    let (dx, gradient) = (down(device, &dx, x.len())?, down(device, &gradient, arena.len())?);

    let forward = |x: &[f64], arena: &[f64]| {
        let (x, parameters) = (up(device, x)?, up(device, arena)?);
        let (w, b) = (View::new(&parameters, view(&weight)), View::new(&parameters, view(&bias)));
        device.dense_forward(config, &x, w, b, Some(&step), &mut y, &mut workspace)?;
        let values = down(device, &y, batch * outputs)?;
        let pattern = if relu { signs(&values).collect() } else { Vec::new() };
        Ok((values, pattern))
    };
    let mut op = format!("dense{} {batch}x{inputs} -> {outputs}", if relu { " + relu" } else { "" });
    if keep < 1.0 {
        op = op.replace("relu", "relu + dropout");
    }
    Probed { op, x, arena, probe, weights, forward }.checks(&dx, &gradient)
}

/// The cost of `y` with its pattern: the side of the target that each output is on.
fn mape_cost<D: Device>(device: &D, config: &MapeConfig, y: &D::Buffer<D::Real>, t: &D::Buffer<D::Real>) -> Result<Cost> {
    let len = config.batch * config.modes;
    let mut errors = device.zeros(config.batch)?;
    device.mape(config, y, t, &mut errors, None)?;
    let mut host = vec![0.0; config.batch];
    device.download(&errors, &mut host)?;
    let pattern = down(device, y, len)?.iter().zip(down(device, t, len)?).map(|(y, t)| u8::from(*y > t)).collect();
    Ok((config.scale * host.iter().sum::<f64>() / config.batch as f64, pattern))
}

fn mape<D: Device>(device: &D, config: &MapeConfig) -> Result<Check> {
    let len = config.batch * config.modes;
    let y = numbers(len, 7);
    let t: Vec<f64> = numbers(len, 8).iter().map(|v| 0.5 + 0.4 * v).collect();
    let target = up(device, &t)?;
    let (mut errors, mut dy) = (device.zeros(config.batch)?, device.zeros(len)?);
    device.mape(config, &up(device, &y)?, &target, &mut errors, Some(&mut dy))?;
    let op = format!("mape {}x{}{}", config.batch, config.modes, if config.scale == 1.0 { "" } else { " (sum)" });
    compare(&op, "dy", &y, &down(device, &dy, len)?, |y| mape_cost(device, config, &up(device, y)?, &target))
}

/// A D2L on a few samples: the gradient at the input and at every parameter.
fn d2l<D: Device>(device: &D, architecture: &Architecture) -> Result<Vec<Check>> {
    let (batch, modes) = (3, architecture.sites());
    let config = MapeConfig { batch, modes, scale: 1.0 };
    let x = numbers(batch * architecture.input().len(), 9);
    let arena = layout::to_arena::<f64>(architecture, &initialise(architecture, Init::He, 1.0, 11));
    let target = up(device, &numbers(batch * modes, 10).iter().map(|v| 0.3 + 0.2 * v).collect::<Vec<_>>())?;
    let mut tape = Tape::record(device, architecture, batch, &[])?;

    let (input, parameters) = (up(device, &x)?, up(device, &arena)?);
    tape.forward(device, batch, &input, &parameters, Mode::Evaluate)?;
    let (mut errors, mut dy) = (device.zeros(batch)?, device.zeros(batch * modes)?);
    device.mape(&config, tape.output(), &target, &mut errors, Some(&mut dy))?;
    let mut gradient = device.zeros(arena.len())?;
    let store = WeightGradient::Store { parameters: &parameters, gradient: &mut gradient };
    let dx = tape.backward(device, batch, &input, &dy, store, true)?;
    let (dx, gradient) = (down(device, dx, x.len())?, down(device, &gradient, arena.len())?);

    let mut cost = |x: &[f64], arena: &[f64]| {
        tape.forward(device, batch, &up(device, x)?, &up(device, arena)?, Mode::Evaluate)?;
        let (cost, mut pattern) = mape_cost(device, &config, tape.output(), &target)?;
        pattern.extend(tape.pattern(device, batch)?);
        Ok((cost, pattern))
    };
    let op = format!("D2L {:?} pool, L = {}", architecture.pool, architecture.size).replace("Each", "each").replace("Last", "last");
    Ok(vec![compare(&op, "dx", &x, &dx, |x| cost(x, &arena))?, compare(&op, "parameters", &arena, &gradient, |arena| cost(&x, arena))?])
}

/// The chain of Fig. 3b: the gradient of an L2D's parameters through the frozen D2L.
fn l2d2l<D: Device>(device: &D, l2d: &Architecture, d2l: &Architecture) -> Result<Vec<Check>> {
    let (batch, modes) = (3, l2d.sites());
    let config = MapeConfig { batch, modes, scale: 1.0 };
    let input = up(device, &numbers(batch * modes, 12))?;
    let target = up(device, &numbers(batch * modes, 13).iter().map(|v| 0.3 + 0.2 * v).collect::<Vec<_>>())?;
    let arena = layout::to_arena::<f64>(l2d, &initialise(l2d, Init::He, 1.0, 14));
    let frozen = up(device, &layout::to_arena::<f64>(d2l, &initialise(d2l, Init::He, 1.0, 15)))?;
    let (mut first, mut second) = (Tape::record(device, l2d, batch, &[])?, Tape::record(device, d2l, batch, &[])?);

    let parameters = up(device, &arena)?;
    first.forward(device, batch, &input, &parameters, Mode::Evaluate)?;
    second.forward(device, batch, first.output(), &frozen, Mode::Evaluate)?;
    let (mut errors, mut dy) = (device.zeros(batch)?, device.zeros(batch * modes)?);
    device.mape(&config, second.output(), &target, &mut errors, Some(&mut dy))?;
    let between = second.backward(device, batch, first.output(), &dy, WeightGradient::Skip { parameters: &frozen }, true)?;
    let mut gradient = device.zeros(arena.len())?;
    let store = WeightGradient::Store { parameters: &parameters, gradient: &mut gradient };
    first.backward(device, batch, &input, between, store, false)?;
    let gradient = down(device, &gradient, arena.len())?;

    let op = format!("L2D2L {:?} pool, L = {}", l2d.pool, l2d.size).replace("Each", "each").replace("Last", "last");
    let check = compare(&op, "parameters", &arena, &gradient, |arena| {
        first.forward(device, batch, &input, &up(device, arena)?, Mode::Evaluate)?;
        second.forward(device, batch, first.output(), &frozen, Mode::Evaluate)?;
        let (cost, mut pattern) = mape_cost(device, &config, second.output(), &target)?;
        pattern.extend(first.pattern(device, batch)?);
        pattern.extend(second.pattern(device, batch)?);
        Ok((cost, pattern))
    })?;
    Ok(vec![check])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_gradient_fails_and_so_does_one_that_is_nan() {
        // C = 3 x + 0 y.
        let cost = |x: &[f64]| Ok((3.0 * x[0], Vec::new()));
        for (analytic, passes) in [
            ([3.0, 0.0], true),
            ([3.1, 0.0], false),
            ([3.0, 0.1], false),
            ([f64::NAN, 0.0], false),
            ([3.0, f64::NAN], false),
            ([f64::NAN; 2], false),
            ([f64::INFINITY, 0.0], false),
        ] {
            let check = compare("an op", "x", &[0.5, 0.2], &analytic, cost).unwrap();
            assert_eq!((check.passes(), check.points), (passes, 2), "{analytic:?}: {}", check.worst);
        }
        let nowhere = compare("an op", "x", &[0.5], &[3.0], |x| Ok((3.0 * x[0], vec![u8::from(x[0] > 0.5)]))).unwrap();
        assert_eq!((nowhere.passes(), nowhere.skipped), (false, 1));
    }
}
