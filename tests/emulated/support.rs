//! What every case needs: numbers that are the same on every run, buffers with guards, and comparisons that say what is wrong.
//!
//! A blank byte is 0xff: NaN in a float, no place in a quad, no index. Every output starts blank, so an element that was never
//! written shows; blanks stand behind every buffer and between the tensors of an arena, so that a write outside shows
//! as a lost blank and a read outside as a NaN in the result.

pub use super::matrices::numbers;
use super::matrices::words;
use super::{Fault, Verdict};
use scalefree::device::{Element, Memory, Real, View};
use scalefree::ops::Device;
use scalefree::ops::adam::{AdamConfig, AdamForm, AdamState, Decay, Tensor, WeightGradient};
use std::sync::atomic::{AtomicBool, Ordering};

/// Fails the case with words unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            return Err(format!($($words)+).into());
        }
    };
}
pub(crate) use ensure;

/// Blanks behind the content of a buffer.
const GUARD: usize = 64;

/// The element whose every byte is blank.
fn blank<T: Element>() -> T {
    bytemuck::pod_read_unaligned(&[0xff; 8][..size_of::<T>()])
}

fn is_blank<T: Element>(value: &T) -> bool {
    bytemuck::bytes_of(value).iter().all(|byte| *byte == 0xff)
}

/// Whole numbers from -`largest` to `largest`: products of them are exact in every precision, and ties are frequent.
pub fn integers(len: usize, series: u64, largest: u32) -> Vec<f64> {
    words(len, series).map(|word| f64::from(word % (2 * largest + 1)) - f64::from(largest)).collect()
}

/// Absolute values.
pub fn sizes(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.abs()).collect()
}

/// The largest absolute value.
pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |a, v| a.max(v.abs()))
}

/// Host numbers in the device's type.
pub fn reals<D: Memory>(values: &[f64]) -> Vec<D::Real> {
    values.iter().map(|v| D::Real::from_f64(*v)).collect()
}

/// A buffer with a guard behind its content.
pub struct Guarded<D: Memory, T: Element> {
    pub buffer: D::Buffer<T>,
    len: usize,
}

impl<D: Memory, T: Element> Guarded<D, T> {
    /// An output or a workspace: `len` blanks.
    pub fn blank(device: &D, len: usize) -> Result<Self, Fault> {
        Self::holding(device, &vec![blank(); len])
    }

    /// An input.
    pub fn holding(device: &D, content: &[T]) -> Result<Self, Fault> {
        let mut host = content.to_vec();
        host.resize(content.len() + GUARD, blank());
        let mut buffer = device.zeros(host.len())?;
        device.upload(&host, &mut buffer)?;
        Ok(Guarded { buffer, len: content.len() })
    }

    /// The content, after a look at the guard.
    pub fn content(&self, device: &D) -> Result<Vec<T>, Fault> {
        let mut host = vec![T::default(); self.len + GUARD];
        device.download(&self.buffer, &mut host)?;
        let guard = host.split_off(self.len);
        let touched = guard.iter().position(|v| !is_blank(v));
        ensure!(touched.is_none(), "something wrote {} elements behind the end of a buffer", touched.unwrap_or_default());
        Ok(host)
    }

    /// The content of an output, of which every element must have been written.
    pub fn written(&self, device: &D) -> Result<Vec<T>, Fault> {
        let host = self.content(device)?;
        let left = host.iter().filter(|v| is_blank(*v)).count();
        let first = host.iter().position(|v| is_blank(v)).unwrap_or_default();
        ensure!(left == 0, "{left} of {} elements were never written, the first at {first}", host.len());
        Ok(host)
    }
}

impl<D: Memory> Guarded<D, D::Real> {
    /// [`Guarded::written`], exactly, in f64.
    pub fn values(&self, device: &D) -> Result<Vec<f64>, Fault> {
        Ok(self.written(device)?.into_iter().map(Real::to_f64).collect())
    }
}

/// What a run of an op gave: named arrays.
pub type Outputs = Vec<(&'static str, Vec<f64>)>;

/// The array `name` of `outputs`.
pub fn array<'a>(outputs: &'a Outputs, name: &str) -> &'a [f64] {
    &outputs.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("the run gives no {name}")).1
}

/// One run of each op is enough for a checker of every access, which is many times slower.
pub static ONCE: AtomicBool = AtomicBool::new(false);

/// Runs twice, unless [`ONCE`]; the bits must be the same.
pub fn twice(run: impl Fn() -> Result<Outputs, Fault>) -> Result<Outputs, Fault> {
    let first = run()?;
    if !ONCE.load(Ordering::Relaxed) {
        same_bits(&run()?, &first).map_err(|fault| format!("a second run differs: {fault}"))?;
    }
    Ok(first)
}

/// Every array of `ours`, bit for bit.
pub fn same_bits(ours: &Outputs, reference: &Outputs) -> Verdict {
    for (name, values) in ours {
        equal(name, values, array(reference, name), |a, b| a.to_bits() == b.to_bits())?;
    }
    Ok(())
}

/// The same numbers (a zero has no sign).
pub fn exact(name: &str, ours: &[f64], reference: &[f64]) -> Verdict {
    equal(name, ours, reference, |a, b| a == b)
}

fn equal(name: &str, ours: &[f64], reference: &[f64], same: impl Fn(&f64, &f64) -> bool) -> Verdict {
    ensure!(ours.len() == reference.len(), "{name} has {} elements, not {}", ours.len(), reference.len());
    let wrong: Vec<usize> = (0..ours.len()).filter(|at| !same(&ours[*at], &reference[*at])).collect();
    if let Some(at) = wrong.first() {
        return Err(format!(
            "{name}: {} of {} differ, the first at {at}: {:e}, not {:e}",
            wrong.len(),
            ours.len(),
            ours[*at],
            reference[*at]
        )
        .into());
    }
    Ok(())
}

/// No element further than `allowed` from the reference.
pub fn near(name: &str, ours: &[f64], reference: &[f64], allowed: f64) -> Verdict {
    ensure!(ours.len() == reference.len(), "{name} has {} elements, not {}", ours.len(), reference.len());
    let distance = |at: usize| (ours[at] - reference[at]).abs();
    // NaN is far away.
    let wrong: Vec<usize> = (0..ours.len()).filter(|at| distance(*at).partial_cmp(&allowed).is_none_or(|o| o.is_gt())).collect();
    let Some(worst) = wrong.iter().copied().max_by(|a, b| distance(*a).total_cmp(&distance(*b))) else { return Ok(()) };
    let (a, b) = (ours[worst], reference[worst]);
    let [first, count, len] = [wrong[0], wrong.len(), ours.len()];
    Err(format!("{name}: {count} of {len} off by more than {allowed:.1e}; the first at {first}, the worst at {worst}: {a:e}, not {b:e}")
        .into())
}

/// Where a weight and a bias stand in an arena, and what it holds.
pub struct Arena {
    pub weight: Tensor,
    pub bias: Tensor,
    pub weights: Vec<f64>,
    pub biases: Vec<f64>,
}

/// Where the first tensor of an arena starts: on the boundary that networks use, or on none.
pub const ALIGNED: usize = 64;
pub const UNALIGNED: usize = 67;

impl Arena {
    /// The weight at `start`, the bias at the next such place.
    pub fn new(start: usize, weights: Vec<f64>, biases: Vec<f64>) -> Self {
        let after = (start + weights.len() + 1).next_multiple_of(64) + start % 64;
        let weight = Tensor { span: start..start + weights.len(), index: 1, l2_scale: 0.05 };
        let bias = Tensor { span: after..after + biases.len(), index: 2, l2_scale: 0.0 };
        Arena { weight, bias, weights, biases }
    }

    /// The same place with other values.
    pub fn with(&self, weights: Vec<f64>, biases: Vec<f64>) -> Self {
        Arena { weight: self.weight.clone(), bias: self.bias.clone(), weights, biases }
    }

    /// The same place with values of `draw` (a length and a series).
    pub fn drawn(&self, series: u64, draw: impl Fn(usize, u64) -> Vec<f64>) -> Self {
        self.with(draw(self.weights.len(), series), draw(self.biases.len(), series + 1))
    }

    pub fn upload<D: Memory>(&self, device: &D) -> Result<Guarded<D, D::Real>, Fault> {
        let mut host = vec![blank(); self.bias.span.end];
        host[self.weight.span.clone()].copy_from_slice(&reals::<D>(&self.weights));
        host[self.bias.span.clone()].copy_from_slice(&reals::<D>(&self.biases));
        Guarded::holding(device, &host)
    }

    /// A buffer that [`Arena::upload`] made, back in its guard.
    pub fn of<D: Memory>(&self, buffer: D::Buffer<D::Real>) -> Guarded<D, D::Real> {
        Guarded { buffer, len: self.bias.span.end }
    }

    /// The views of the two tensors in `buffer`.
    pub fn views<'a, D: Memory>(&self, buffer: &'a Guarded<D, D::Real>) -> (View<'a, D>, View<'a, D>) {
        (View::new(&buffer.buffer, self.weight.span.clone()), View::new(&buffer.buffer, self.bias.span.clone()))
    }

    /// Weight, then bias; what lies around them must be blank still.
    pub fn download<D: Memory>(&self, device: &D, buffer: &Guarded<D, D::Real>) -> Result<Vec<f64>, Fault> {
        let host = buffer.content(device)?;
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for (at, value) in host.iter().enumerate() {
            if self.weight.span.contains(&at) || self.bias.span.contains(&at) {
                ensure!(
                    !is_blank(value),
                    "element {at} of an arena was never written (weight {:?}, bias {:?})",
                    self.weight.span,
                    self.bias.span
                );
                inside.push(value.to_f64());
            } else {
                outside.push((at, value));
            }
        }
        let touched = outside.iter().find(|(_, v)| !is_blank(*v));
        ensure!(touched.is_none(), "something wrote between the tensors of an arena, at {:?}", touched);
        Ok(inside)
    }
}

/// What a case does with a weight gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    Skip,
    Store,
    Accumulate,
    Apply,
    /// `Store`, then the optimiser from the stored gradient: the bits of `Apply`.
    StoreThenAdam,
}

/// The optimiser of the cases: constants with which an error of a gradient is not hidden.
pub const ADAM: AdamConfig = AdamConfig {
    lr: 0.05,
    decay_rate: 0.7,
    decay_steps: 3.0,
    beta1: 0.6,
    beta2: 0.7,
    epsilon: 1e-3,
    form: AdamForm::TensorFlow,
    decay: Decay::Exponential,
};

/// An optimiser between two steps.
pub fn adam_state<D: Device>(
    device: &D,
    config: AdamConfig,
    first: Guarded<D, D::Real>,
    second: Guarded<D, D::Real>,
    tensors: usize,
) -> Result<AdamState<D>, Fault> {
    let mut adam = AdamState::new(device, config, 0, tensors)?;
    (adam.first, adam.second) = (first.buffer, second.buffer);
    device.upload(&[4], &mut adam.step)?;
    Ok(adam)
}

/// Runs `backward` with the target that `how` tells, over tensors that hold `arena`, and collects what it made of them.
pub fn with_target<D: Device>(
    device: &D,
    arena: &Arena,
    how: Target,
    backward: impl FnOnce(&mut WeightGradient<'_, D>) -> Verdict,
) -> Result<Outputs, Fault> {
    let mut parameters = arena.upload(device)?;
    let held = arena.drawn(101, |len, series| integers(len, series, 3));
    if matches!(how, Target::Skip | Target::Store | Target::Accumulate) {
        let mut gradient = if how == Target::Store { Guarded::blank(device, arena.bias.span.end)? } else { held.upload(device)? };
        let (parameters, held) = (&parameters.buffer, &mut gradient.buffer);
        backward(&mut match how {
            Target::Skip => WeightGradient::Skip { parameters },
            Target::Store => WeightGradient::Store { parameters, gradient: held },
            _ => WeightGradient::Accumulate { parameters, gradient: held },
        })?;
        return Ok(vec![("gradient", arena.download(device, &gradient)?)]);
    }
    let moments = |series: u64, scale: f64, least: f64| {
        let draw = |len, series| numbers(len, series).iter().map(|v| f64::from((least + scale * v) as f32)).collect();
        arena.drawn(series, draw).upload(device)
    };
    let mut adam = adam_state(device, ADAM, moments(103, 0.5, 0.0)?, moments(105, 0.4, 1.0)?, 4)?;
    device.adam_advance(&mut adam)?;
    if how == Target::Apply {
        backward(&mut WeightGradient::Apply { parameters: &mut parameters.buffer, adam: &mut adam })?;
    } else {
        let mut gradient = Guarded::blank(device, arena.bias.span.end)?;
        backward(&mut WeightGradient::Store { parameters: &parameters.buffer, gradient: &mut gradient.buffer })?;
        let tensors = [arena.weight.clone(), arena.bias.clone()];
        device.adam_apply(&tensors, &mut parameters.buffer, &gradient.buffer, &mut adam)?;
    }
    let mut penalty = vec![0.0; 4];
    device.download(&adam.penalty, &mut penalty)?;
    Ok(vec![
        ("parameters", arena.download(device, &parameters)?),
        ("first moment", arena.download(device, &arena.of(adam.first))?),
        ("second moment", arena.download(device, &arena.of(adam.second))?),
        ("penalty", penalty),
    ])
}
