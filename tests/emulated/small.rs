//! The ops that round no product: gather, the cost and its ring, the optimiser.

use super::support::{ADAM, ALIGNED, UNALIGNED, largest};
use super::support::{Arena, Guarded, Outputs, adam_state, array, ensure, exact, integers, near, numbers, reals, twice};
use super::{Case, Fault, Verdict};
use scalefree::device::Cpu;
use scalefree::ops::Device;
use scalefree::ops::adam::{AdamConfig, AdamForm, Decay, Tensor};
use scalefree::ops::gather::GatherConfig;
use scalefree::ops::mape::{MapeConfig, RECORD};

pub fn cases<D: Device<Real = f32>>(cases: &mut Vec<Case<D>>) {
    // Rows of one number, of no multiple of four, of a whole number of loads; more rows than a block has threads.
    for (batch, width, steps) in [(1, 1, 1), (3, 7, 4), (10, 512, 2), (300, 5, 2)] {
        for step in [1, steps as u64, 7 * steps as u64 + 1, (1 << 32) + 2] {
            let config = GatherConfig { batch, width, steps };
            cases.push(Case::new(format!("gather {batch}x{width} of {steps} steps, step {step}"), move |device| {
                gather(device, &config, step)
            }));
        }
    }
    for (batch, modes) in [(1, 1), (3, 13), (10, 256), (7, 1025)] {
        for scale in [1.0, modes as f64] {
            let config = MapeConfig { batch, modes, scale };
            cases.push(Case::new(format!("mape {batch}x{modes}, scale {scale}"), move |device| mape(device, &config)));
        }
    }
    for (slots, step) in [(1, 1), (5, 5), (64, 2 * 64 + 3)] {
        cases.push(Case::new(format!("cost of step {step} into {slots} slots"), move |device| record(device, slots, step)));
    }
    for form in [AdamForm::TensorFlow, AdamForm::PyTorch] {
        for decay in [Decay::Exponential, Decay::Cosine] {
            cases.push(Case::new(format!("adam {form:?}, {decay:?}: rates"), move |device| adam_rates(device, form, decay)));
        }
        for (weights, biases) in [(1, 1), (1000, 37), (70_001, 300)] {
            let name = format!("adam {form:?}: {weights} + {biases} parameters");
            cases.push(Case::new(name, move |device| adam_apply(device, form, weights, biases)));
        }
    }
    // Of the first steps, and of one from which on the decay is the key's.
    for (count, step) in [(1, 1), (1027, 5), (1027, 1000)] {
        let name = format!("average of {count} parameters, step {step}");
        cases.push(Case::new(name, move |device| average(device, count, step)));
    }
}

fn gather<D: Device<Real = f32>>(device: &D, config: &GatherConfig, step: u64) -> Verdict {
    let GatherConfig { batch, width, steps } = *config;
    let rows = batch * steps + 3;
    let source = numbers(rows * width, 21);
    // Every row once, in a scrambled order; 1009 is prime to all the row counts.
    let order: Vec<u32> = (0..rows).map(|i| (i * 1009 % rows) as u32).collect();
    let ours = twice(|| gathered(device, config, &source, &order, step))?;
    exact("batch", array(&ours, "batch"), array(&gathered(&Cpu::<f64>::new(), config, &source, &order, step)?, "batch"))
}

fn gathered<D: Device>(device: &D, config: &GatherConfig, source: &[f64], order: &[u32], step: u64) -> Result<Outputs, Fault> {
    let source = Guarded::<D, _>::holding(device, &reals::<D>(source))?;
    let (order, step) = (Guarded::<D, _>::holding(device, order)?, Guarded::<D, _>::holding(device, &[step])?);
    let mut out = Guarded::<D, D::Real>::blank(device, config.batch * config.width)?;
    device.gather(config, &source.buffer, &order.buffer, &step.buffer, &mut out.buffer)?;
    Ok(vec![("batch", out.values(device)?)])
}

/// Outputs with both signs, and a third of them on their targets.
fn mape<D: Device<Real = f32>>(device: &D, config: &MapeConfig) -> Verdict {
    let len = config.batch * config.modes;
    let target: Vec<f64> = numbers(len, 22).iter().map(|v| f64::from((0.5 + 0.45 * v) as f32)).collect();
    let away = numbers(len, 23);
    let y: Vec<f64> = (0..len).map(|i| if i % 3 == 1 { target[i] } else { away[i] }).collect();
    let ours = twice(|| cost(device, config, &y, &target, true))?;
    let expected = cost(&Cpu::<f64>::new(), config, &y, &target, true)?;
    near("errors", array(&ours, "errors"), array(&expected, "errors"), 1e-13 * largest(array(&expected, "errors")))?;
    for (at, (a, b)) in array(&ours, "dy").iter().zip(array(&expected, "dy")).enumerate() {
        ensure!((a - b).abs() <= 1e-7 * b.abs(), "dy {at} is {a:e}, not {b:e}");
    }
    let alone = cost(device, config, &y, &target, false)?;
    exact("errors without a gradient", array(&alone, "errors"), array(&ours, "errors"))
}

fn cost<D: Device>(device: &D, config: &MapeConfig, y: &[f64], target: &[f64], slope: bool) -> Result<Outputs, Fault> {
    let holding = |values: &[f64]| Guarded::<D, _>::holding(device, &reals::<D>(values));
    let (y, target) = (holding(y)?, holding(target)?);
    let mut errors = Guarded::<D, f64>::blank(device, config.batch)?;
    let mut dy = Guarded::<D, D::Real>::blank(device, config.batch * config.modes)?;
    device.mape(config, &y.buffer, &target.buffer, &mut errors.buffer, slope.then_some(&mut dy.buffer))?;
    let mut outputs = vec![("errors", errors.written(device)?)];
    if slope {
        outputs.push(("dy", dy.values(device)?));
    }
    Ok(outputs)
}

fn record<D: Device<Real = f32>>(device: &D, slots: usize, step: u64) -> Verdict {
    let config = MapeConfig { batch: 37, modes: 5, scale: 5.0 };
    let (errors, penalties) = (numbers(config.batch, 24), [0.5, 0.0, 1.25, 3.0, 0.125]);
    let (held, at) = (numbers(slots * RECORD, 25), (step - 1) as usize % slots * RECORD);
    let ours = twice(|| recorded(device, &config, &errors, &penalties, &held, step))?;
    let ours = array(&ours, "ring");
    let mut expected = held.clone();
    expected[at] = config.scale * errors.iter().sum::<f64>() / config.batch as f64;
    expected[at + 1] = penalties.iter().sum();
    near("ring", &ours[at..at + RECORD], &expected[at..at + RECORD], 1e-14)?;
    (expected[at], expected[at + 1]) = (ours[at], ours[at + 1]);
    exact("the other slots", ours, &expected)
}

fn recorded<D: Device>(
    device: &D,
    config: &MapeConfig,
    errors: &[f64],
    penalties: &[f64],
    ring: &[f64],
    step: u64,
) -> Result<Outputs, Fault> {
    let moments = || Guarded::<D, D::Real>::blank(device, 1);
    let mut adam = adam_state(device, ADAM, moments()?, moments()?, penalties.len())?;
    device.upload(&[step], &mut adam.step)?;
    device.upload(penalties, &mut adam.penalty)?;
    let errors = Guarded::<D, _>::holding(device, errors)?;
    let slots = ring.len() / RECORD;
    let mut ring = Guarded::<D, _>::holding(device, ring)?;
    device.record_cost(config, &errors.buffer, &adam, slots, &mut ring.buffer)?;
    Ok(vec![("ring", ring.written(device)?)])
}

/// Counter, rates and a cleared penalty over the first steps and far ones.
fn adam_rates<D: Device<Real = f32>>(device: &D, form: AdamForm, decay: Decay) -> Verdict {
    let config = AdamConfig { form, decay, beta2: 0.999, decay_steps: 1000.0, ..ADAM };
    let moments = || Guarded::<D, D::Real>::blank(device, 1);
    let mut adam = adam_state(device, config, moments()?, moments()?, 3)?;
    for step in [0, 1, 2, 999, 20_000, 1 << 33] {
        device.upload(&[step], &mut adam.step)?;
        device.upload(&[1.0, 2.0, 3.0], &mut adam.penalty)?;
        device.adam_advance(&mut adam)?;
        let (mut counted, mut rates, mut penalty) = ([0], [0.0; 2], [1.0; 3]);
        device.download(&adam.step, &mut counted)?;
        device.download(&adam.rate, &mut rates)?;
        device.download(&adam.penalty, &mut penalty)?;
        ensure!(counted[0] == step + 1, "step {step} is followed by {}", counted[0]);
        ensure!(penalty == [0.0; 3], "penalties are {penalty:?} at the start of a step");
        for (name, ours, expected) in [("rate", rates[0], config.rate_at(step + 1)), ("epsilon", rates[1], config.epsilon_at(step + 1))] {
            ensure!((ours - expected).abs() <= 1e-12 * expected, "{name} of step {} is {ours:e}, not {expected:e}", step + 1);
        }
    }
    Ok(())
}

fn adam_apply<D: Device<Real = f32>>(device: &D, form: AdamForm, weights: usize, biases: usize) -> Verdict {
    let start = if weights.is_multiple_of(2) { ALIGNED } else { UNALIGNED };
    let arena = Arena::new(start, numbers(weights, 26), numbers(biases, 27));
    let ours = twice(|| applied(device, form, &arena))?;
    let expected = applied(&Cpu::<f64>::new(), form, &arena)?;
    for (name, values) in &ours {
        let expected = array(&expected, name);
        near(name, values, expected, 1e-6 * largest(expected))?;
    }
    Ok(())
}

/// Two steps from a stored gradient, of which every fifth number is zero.
fn applied<D: Device>(device: &D, form: AdamForm, arena: &Arena) -> Result<Outputs, Fault> {
    let mut parameters = arena.upload(device)?;
    let gradient = arena.drawn(28, |len, series| integers(len, series, 2)).upload(device)?;
    let zero = || arena.drawn(0, |len, _| vec![0.0; len]).upload(device);
    let mut adam = adam_state(device, AdamConfig { form, ..ADAM }, zero()?, zero()?, 4)?;
    device.upload(&[0], &mut adam.step)?;
    let tensors = [Tensor { index: 3, ..arena.weight.clone() }, Tensor { index: 0, ..arena.bias.clone() }];
    for _ in 0..2 {
        device.adam_advance(&mut adam)?;
        device.adam_apply(&tensors, &mut parameters.buffer, &gradient.buffer, &mut adam)?;
    }
    let mut penalty = vec![0.0; 4];
    device.download(&adam.penalty, &mut penalty)?;
    ensure!(penalty[1..3] == [0.0; 2], "a penalty of no tensor: {penalty:?}");
    Ok(vec![
        ("parameters", arena.download(device, &parameters)?),
        ("first moment", arena.download(device, &arena.of(adam.first))?),
        ("second moment", arena.download(device, &arena.of(adam.second))?),
        ("penalty", penalty),
    ])
}

fn average<D: Device<Real = f32>>(device: &D, count: usize, step: u64) -> Verdict {
    let ours = twice(|| averaged(device, count, step))?;
    // The CPU's order of operations in f32: equal bits.
    exact("average", array(&ours, "average"), array(&averaged(&Cpu::<f32>::new(), count, step)?, "average"))?;
    let share = 1.0 - 0.95f64.min((1.0 + step as f64) / (10.0 + step as f64));
    let (before, parameters) = (numbers(count, 29), numbers(count, 30));
    let expected: Vec<f64> = before.iter().zip(&parameters).map(|(a, p)| a + share * (p - a)).collect();
    near("average", array(&ours, "average"), &expected, 1e-6)
}

fn averaged<D: Device>(device: &D, count: usize, step: u64) -> Result<Outputs, Fault> {
    let holding = |series| Guarded::<D, _>::holding(device, &reals::<D>(&numbers(count, series)));
    let (mut average, parameters) = (holding(29)?, holding(30)?);
    let step = Guarded::<D, _>::holding(device, &[step])?;
    device.average(0.95, count, &parameters.buffer, &step.buffer, &mut average.buffer)?;
    Ok(vec![("average", average.values(device)?)])
}
