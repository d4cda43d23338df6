//! One training step over fixed buffers: batch, forward, cost, backward with the update inside; and many of them at once.

use super::checkpoint::State;
use super::{Job, to_real};
use crate::Result;
use crate::nn::{Mode, Model, Tape, layout};
use crate::ops::Device;
use crate::ops::adam::{AdamState, WeightGradient};
use crate::ops::gather::GatherConfig;
use crate::ops::mape::{MapeConfig, RECORD};

/// Costs that the device keeps before the host must have read them.
const RING: usize = 64;

/// Steps of the long graph: fewer than the ring holds.
const MANY: u64 = 32;

/// Steps between looks at the costs and at Ctrl-C where the device has no graphs.
const STRIDE: u64 = 10;

/// The trained D2L behind an L2D: its numbers never change.
struct Frozen<D: Device> {
    tape: Tape<D>,
    parameters: D::Buffer<D::Real>,
}

/// The buffers of a training run on its device.
pub(super) struct Stepper<D: Device> {
    /// Has this process made a step, so that every kernel is loaded?
    started: bool,
    /// The recorded step, and [`MANY`] of them, where the device has graphs.
    one: Option<D::Graph>,
    many: Option<D::Graph>,
    pub(super) tape: Tape<D>,
    frozen: Option<Frozen<D>>,
    parameters: D::Buffer<D::Real>,
    pub(super) adam: AdamState<D>,
    /// The running average of the parameters, where one is kept.
    average: Option<D::Buffer<D::Real>>,
    average_decay: f64,
    pub(super) arena_len: usize,
    keep: f64,
    seed: u64,
    inputs: D::Buffer<D::Real>,
    targets: D::Buffer<D::Real>,
    order: D::Buffer<u32>,
    input: D::Buffer<D::Real>,
    target: D::Buffer<D::Real>,
    dy: D::Buffer<D::Real>,
    errors: D::Buffer<f64>,
    ring: D::Buffer<f64>,
    gather_input: GatherConfig,
    gather_target: GatherConfig,
    mape: MapeConfig,
}

impl<D: Device> Stepper<D> {
    /// Everything allocated and uploaded; `inputs` (n, ...) are scaled and NHWC.
    pub(super) fn new(device: &D, job: &Job<'_>, model: &Model, inputs: &[f64], n: usize) -> Result<Self> {
        let (config, architecture) = (job.config, &model.architecture);
        let (batch, modes) = (config.batch, architecture.sites());
        let steps = n / batch;
        let tape = Tape::record(device, architecture, batch, &config.l2_scales(architecture))?;
        let frozen = match job.frozen {
            None => None,
            Some(d2l) => {
                let tape = Tape::record(device, &d2l.architecture, batch, &[])?;
                Some(Frozen { tape, parameters: device.holding(&layout::to_arena(&d2l.architecture, &d2l.values))? })
            }
        };
        let arena = layout::to_arena(architecture, &model.values);
        let adam = AdamState::new(device, config.adam_config(), architecture.arena_len(), tape.tensors().len())?;
        Ok(Stepper {
            started: false,
            one: None,
            many: None,
            tape,
            frozen,
            parameters: device.holding(&arena)?,
            adam,
            average: if config.average > 0.0 { Some(device.holding(&arena)?) } else { None },
            average_decay: config.average,
            arena_len: architecture.arena_len(),
            keep: config.keep,
            seed: job.seed,
            inputs: device.holding(&to_real::<D::Real>(inputs))?,
            targets: device.holding(&to_real::<D::Real>(&job.training.targets))?,
            order: device.zeros(n)?,
            input: device.zeros(batch * architecture.input().len())?,
            target: device.zeros(batch * modes)?,
            dy: device.zeros(batch * modes)?,
            errors: device.zeros(batch)?,
            ring: device.zeros(RING * RECORD)?,
            gather_input: GatherConfig { batch, width: architecture.input().len(), steps },
            gather_target: GatherConfig { batch, width: modes, steps },
            mape: MapeConfig { batch, modes, scale: config.cost_scale(modes) },
        })
    }

    /// Other inputs for as many samples, scaled and NHWC.
    pub(super) fn set_inputs(&mut self, device: &D, inputs: &[f64]) -> Result<()> {
        device.upload(&to_real::<D::Real>(inputs), &mut self.inputs)
    }

    /// What is wanted for them.
    pub(super) fn set_targets(&mut self, device: &D, targets: &[f64]) -> Result<()> {
        device.upload(&to_real::<D::Real>(targets), &mut self.targets)
    }

    /// The order of the epoch that begins.
    pub(super) fn set_order(&mut self, device: &D, order: &[u32]) -> Result<()> {
        device.upload(order, &mut self.order)
    }

    /// Enqueues steps, at least one and at most `most`; how many. The first is made plainly and looks every kernel up; then steps are
    /// replayed from graphs, or made plainly where there are none.
    pub(super) fn advance(&mut self, device: &D, most: u64) -> Result<u64> {
        if !self.started {
            self.step(device)?;
            self.one = self.record(device, 1)?;
            self.started = true;
            return Ok(1);
        }
        if self.one.is_some() && self.many.is_none() && most >= MANY {
            self.many = self.record(device, MANY)?;
        }
        match (&self.one, &self.many) {
            (_, Some(many)) if most >= MANY => {
                // SAFETY: `device` recorded it over the stepper's own buffers, which live and are borrowed exclusively here.
                unsafe { device.replay(many)? };
                Ok(MANY)
            }
            (Some(one), _) => {
                let count = MANY.min(most);
                for _ in 0..count {
                    // SAFETY: as above.
                    unsafe { device.replay(one)? };
                }
                Ok(count)
            }
            (None, _) => {
                let count = STRIDE.min(most);
                for _ in 0..count {
                    self.step(device)?;
                }
                Ok(count)
            }
        }
    }

    /// `count` steps as a graph.
    fn record(&mut self, device: &D, count: u64) -> Result<Option<D::Graph>> {
        device.record(&mut || (0..count).try_for_each(|_| self.step(device)))
    }

    /// One step; nothing is allocated and the host is not asked.
    pub(super) fn step(&mut self, device: &D) -> Result<()> {
        let batch = self.mape.batch;
        device.adam_advance(&mut self.adam)?;
        device.gather(&self.gather_input, &self.inputs, &self.order, &self.adam.step, &mut self.input)?;
        device.gather(&self.gather_target, &self.targets, &self.order, &self.adam.step, &mut self.target)?;
        let mode = Mode::Train { keep: self.keep, seed: self.seed, step: &self.adam.step };
        self.tape.forward(device, batch, &self.input, &self.parameters, mode)?;
        let dy = match &mut self.frozen {
            None => {
                device.mape(&self.mape, self.tape.output(), &self.target, &mut self.errors, Some(&mut self.dy))?;
                &self.dy
            }
            Some(Frozen { tape, parameters }) => {
                tape.forward(device, batch, self.tape.output(), parameters, Mode::Evaluate)?;
                device.mape(&self.mape, tape.output(), &self.target, &mut self.errors, Some(&mut self.dy))?;
                let skip = WeightGradient::Skip { parameters };
                tape.backward(device, batch, self.tape.output(), &self.dy, skip, true)?
            }
        };
        let apply = WeightGradient::Apply { parameters: &mut self.parameters, adam: &mut self.adam };
        self.tape.backward(device, batch, &self.input, dy, apply, false)?;
        if let Some(average) = &mut self.average {
            device.average(self.average_decay, self.arena_len, &self.parameters, &self.adam.step, average)?;
        }
        device.record_cost(&self.mape, &self.errors, &self.adam, RING, &mut self.ring)
    }

    /// Adds the costs of the last `count` steps to the epoch's sums, in order.
    pub(super) fn add_costs(&self, device: &D, count: usize, state: &mut State) -> Result<()> {
        let mut ring = [0.0; RING * RECORD];
        device.download(&self.ring, &mut ring)?;
        for step in state.step as usize..state.step as usize + count {
            let record = &ring[step % RING * RECORD..];
            state.cost += record[0];
            state.penalty += record[1];
        }
        Ok(())
    }

    /// The arena of the model that a run shows: the parameters, or their running average. On the host.
    pub(super) fn shown(&self, device: &D) -> Result<Vec<D::Real>> {
        device.first(self.average.as_ref().unwrap_or(&self.parameters), self.arena_len)
    }

    /// Everything of the parameters' layout that a run needs to go on, by name.
    pub(super) fn arenas(&mut self) -> Vec<(&'static str, &mut D::Buffer<D::Real>)> {
        let moments = [("first_moment", &mut self.adam.first), ("second_moment", &mut self.adam.second)];
        let mut arenas = vec![("parameters", &mut self.parameters)];
        arenas.extend(moments);
        arenas.extend(self.average.as_mut().map(|average| ("average", average)));
        arenas
    }
}
