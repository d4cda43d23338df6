//! The fully connected layer against the CPU in f64.

use super::convolution::update_is_near;
use super::support::{
    ALIGNED, Arena, Guarded, Outputs, Target, UNALIGNED, array, exact, integers, largest, near, numbers, reals, sizes, twice, with_target,
};
use super::{Arithmetic, Case, Fault, Verdict};
use scalefree::device::Cpu;
use scalefree::ops::Device;
use scalefree::ops::dense::DenseConfig;

/// (batch, inputs, outputs, ReLU, keep): one number; no multiple of anything; a batch of ten, narrow and wide; more samples than
/// a tile, square or tall; a sum long enough to be split; each kind of epilogue, and dropout with both an exact and an inexact scale;
/// the most samples of one pass over the weights, and more rows than a block of it holds dz for; and what a card of few multiprocessors
/// makes in large tiles: forward and dx, their last two in shares, and dw.
const SHAPES: [(usize, usize, usize, bool, f64); 15] = [
    (1, 1, 1, false, 1.0),
    (4, 11, 9, true, 1.0),
    (10, 130, 70, true, 0.5),
    (10, 64, 256, true, 0.6),
    (17, 36, 33, false, 1.0),
    (33, 301, 20, true, 0.25),
    (10, 2052, 12, true, 0.5),
    (70, 20, 132, false, 1.0),
    (3, 1027, 67, false, 1.0),
    (130, 70, 68, true, 0.5),
    (16, 300, 40, false, 1.0),
    (7, 2052, 208, false, 1.0),
    (386, 516, 132, true, 0.5),
    (386, 132, 516, false, 1.0),
    (516, 132, 130, false, 1.0),
];

/// The step that the masks are drawn for; its high word counts too.
const STEP: u64 = (3 << 32) + 5;

pub fn cases<D: Device<Real = f32>>(arithmetic: Arithmetic, cases: &mut Vec<Case<D>>) {
    for (index, (batch, inputs, outputs, relu, keep)) in SHAPES.into_iter().enumerate() {
        let config = DenseConfig { batch, inputs, outputs, relu, keep, seed: (1 << 40) + 3 };
        let start = if index % 2 == 0 { UNALIGNED } else { ALIGNED };
        let behind = match (relu, keep < 1.0) {
            (false, _) => String::new(),
            (true, false) => " + relu".into(),
            (true, true) => format!(" + relu + dropout {keep}"),
        };
        let name = |what: &str| format!("dense {batch}x{inputs} -> {outputs}{behind}, {arithmetic:?}: {what}");
        let problem = move |whole| Problem::new(config, start, whole);
        if keep != 0.6 {
            cases.push(Case::new(name("whole numbers, forward"), move |device| problem(true).forward_is_exact(device)));
            cases.push(Case::new(name("whole numbers, backward"), move |device| problem(true).backward_is_exact(device)));
        }
        cases.push(Case::new(name("forward"), move |device| problem(false).forward_is_near(device, arithmetic)));
        cases.push(Case::new(name("backward"), move |device| problem(false).backward_is_near(device, arithmetic)));
        cases.push(Case::new(name("update"), move |device| problem(false).update_is_near(device, arithmetic)));
    }
}

/// The paper's fc1 in large tiles, in every product.
pub fn large<D: Device<Real = f32>>(arithmetic: Arithmetic, cases: &mut Vec<Case<D>>) {
    let config = DenseConfig { batch: 640, inputs: 4096, outputs: 2048, relu: true, keep: 0.5, seed: 3 };
    let problem = move || Problem::new(config, ALIGNED, false);
    let name = |what: &str| format!("the paper's fc1 at batch {}, {arithmetic:?}: {what}", config.batch);
    cases.push(Case::new(name("forward"), move |device| problem().forward_is_near(device, arithmetic)));
    cases.push(Case::new(name("update"), move |device| problem().update_is_near(device, arithmetic)));
}

struct Problem {
    config: DenseConfig,
    x: Vec<f64>,
    arena: Arena,
    y: Vec<f64>,
    dy: Vec<f64>,
}

impl Problem {
    fn new(config: DenseConfig, start: usize, whole: bool) -> Self {
        let draw = |len, series| if whole { integers(len, series, 2) } else { numbers(len, series) };
        let x = draw(config.batch * config.inputs, 11);
        let arena = Arena::new(start, draw(config.outputs * config.inputs, 12), draw(config.outputs, 13));
        let y = forward(&Cpu::<f64>::new(), &config, &x, &arena).expect("the CPU's forward pass").remove(0).1;
        Problem { x, arena, y, dy: draw(config.batch * config.outputs, 14), config }
    }

    /// Sums of absolute products behind an element of y.
    fn scale(&self) -> Result<f64, Fault> {
        let all = self.arena.with(sizes(&self.arena.weights), sizes(&self.arena.biases));
        let linear = DenseConfig { relu: false, keep: 1.0, ..self.config };
        Ok(largest(array(&forward(&Cpu::<f64>::new(), &linear, &sizes(&self.x), &all)?, "y")) / self.config.keep)
    }

    fn forward_is_exact<D: Device<Real = f32>>(&self, device: &D) -> Verdict {
        let ours = twice(|| forward(device, &self.config, &self.x, &self.arena))?;
        exact("y", array(&ours, "y"), &self.y)
    }

    fn forward_is_near<D: Device<Real = f32>>(&self, device: &D, arithmetic: Arithmetic) -> Verdict {
        let ours = twice(|| forward(device, &self.config, &self.x, &self.arena))?;
        near("y", array(&ours, "y"), &self.y, arithmetic.product() * self.scale()?)
    }

    fn backward<D: Device>(&self, device: &D, how: Target, to_input: bool) -> Result<Outputs, Fault> {
        let config = &self.config;
        let holding = |values: &[f64]| Guarded::<D, _>::holding(device, &reals::<D>(values));
        let (x, y, dy) = (holding(&self.x)?, holding(&self.y)?, holding(&self.dy)?);
        let mut dx = Guarded::<D, D::Real>::blank(device, config.batch * config.inputs)?;
        let mut workspace = Guarded::<D, D::Real>::blank(device, device.dense_workspace(config))?;
        let mut outputs = with_target(device, &self.arena, how, |target| {
            let (weight, bias) = (&self.arena.weight, &self.arena.bias);
            let dx = to_input.then_some(&mut dx.buffer);
            device.dense_backward(config, &x.buffer, &y.buffer, &dy.buffer, dx, weight, bias, target, &mut workspace.buffer)?;
            Ok(())
        })?;
        workspace.content(device)?;
        if to_input {
            outputs.push(("dx", dx.values(device)?));
        }
        Ok(outputs)
    }

    fn backward_is_exact<D: Device<Real = f32>>(&self, device: &D) -> Verdict {
        for (how, to_input) in [(Target::Store, true), (Target::Accumulate, false), (Target::Skip, true)] {
            let ours = twice(|| self.backward(device, how, to_input))?;
            for (name, expected) in self.backward(&Cpu::<f64>::new(), how, to_input)? {
                exact(&format!("{name} ({how:?})"), array(&ours, name), &expected)?;
            }
        }
        Ok(())
    }

    /// The sums of absolute products behind dx, the weight's gradient and the bias's.
    fn scales(&self) -> Result<[f64; 3], Fault> {
        let arena = self.arena.with(sizes(&self.arena.weights), sizes(&self.arena.biases));
        let all = Problem { config: self.config, x: sizes(&self.x), arena, y: self.y.clone(), dy: sizes(&self.dy) };
        let outputs = all.backward(&Cpu::<f64>::new(), Target::Store, true)?;
        let (weights, biases) = array(&outputs, "gradient").split_at(self.arena.weights.len());
        Ok([largest(array(&outputs, "dx")), largest(weights), largest(biases)])
    }

    fn backward_is_near<D: Device<Real = f32>>(&self, device: &D, arithmetic: Arithmetic) -> Verdict {
        let [dx, dw, db] = self.scales()?;
        let ours = twice(|| self.backward(device, Target::Store, true))?;
        let expected = self.backward(&Cpu::<f64>::new(), Target::Store, true)?;
        let (our_dw, our_db) = array(&ours, "gradient").split_at(self.arena.weights.len());
        let (expected_dw, expected_db) = array(&expected, "gradient").split_at(self.arena.weights.len());
        near("dx", array(&ours, "dx"), array(&expected, "dx"), arithmetic.product() * dx)?;
        near("dw", our_dw, expected_dw, arithmetic.product() * dw)?;
        // No product of the bias's gradient is rounded: every precision sums in f32.
        near("db", our_db, expected_db, 1e-6 * db)
    }

    fn update_is_near<D: Device<Real = f32>>(&self, device: &D, arithmetic: Arithmetic) -> Verdict {
        let [_, dw, db] = self.scales()?;
        let ours = twice(|| self.backward(device, Target::Apply, true))?;
        let stored = self.backward(device, Target::StoreThenAdam, true)?;
        update_is_near(&ours, &stored, &self.backward(&Cpu::<f64>::new(), Target::Apply, true)?, arithmetic.product() * dw.max(db))
    }
}

fn forward<D: Device>(device: &D, config: &DenseConfig, x: &[f64], arena: &Arena) -> Result<Outputs, Fault> {
    let x = Guarded::<D, _>::holding(device, &reals::<D>(x))?;
    let parameters = arena.upload(device)?;
    let (weight, bias) = arena.views(&parameters);
    let step = Guarded::<D, u64>::holding(device, &[STEP])?;
    let mut y = Guarded::<D, D::Real>::blank(device, config.batch * config.outputs)?;
    let mut workspace = Guarded::<D, D::Real>::blank(device, device.dense_workspace(config))?;
    device.dense_forward(config, &x.buffer, weight, bias, Some(&step.buffer), &mut y.buffer, &mut workspace.buffer)?;
    workspace.content(device)?;
    Ok(vec![("y", y.values(device)?)])
}
