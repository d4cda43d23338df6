//! The convolution stage against the CPU in f64.

use super::piece::behind_pool;
use super::support::{
    ALIGNED, Arena, Guarded, Outputs, Target, UNALIGNED, array, ensure, exact, integers, largest, near, numbers, reals, same_bits, sizes,
    twice, with_target,
};
use super::{Arithmetic, Case, Fault, Verdict};
use scalefree::device::Cpu;
use scalefree::ops::Device;
use scalefree::ops::conv3x3::Conv3x3Config;

/// (batch, height, width, channels, filters, pool): one pixel; no multiple of anything; both ways of loading (rows of 16 bytes,
/// and not); one channel; an image narrower than a tile, several tiles each way, and more taps than a pipeline holds; steps within one tap,
/// where a card of few multiprocessors takes large tiles, forward and for either gradient, of dw the last two in shares.
const SHAPES: [(usize, usize, usize, usize, usize, bool); 13] = [
    (1, 1, 1, 1, 1, false),
    (3, 5, 7, 2, 5, false),
    (2, 6, 10, 3, 70, true),
    (1, 4, 4, 12, 8, true),
    (3, 2, 6, 8, 20, true),
    (2, 9, 4, 20, 36, false),
    (1, 16, 16, 1, 33, true),
    (10, 2, 2, 40, 24, true),
    (3, 10, 6, 37, 132, true),
    (2, 12, 10, 68, 66, true),
    (2, 8, 8, 64, 132, true),
    (2, 8, 8, 132, 64, false),
    (8, 8, 8, 16, 388, true),
];

pub fn cases<D: Device<Real = f32>>(arithmetic: Arithmetic, cases: &mut Vec<Case<D>>) {
    for (index, (batch, height, width, channels, filters, pool)) in SHAPES.into_iter().enumerate() {
        let config = Conv3x3Config { batch, height, width, channels, filters, pool };
        // Even the aligned shapes must work in an arena whose tensors start anywhere.
        let start = if index % 2 == 0 { ALIGNED } else { UNALIGNED };
        let pooled = if pool { " + pool" } else { "" };
        let name = |what: &str| format!("conv3x3 {batch}x{height}x{width}x{channels} -> {filters}{pooled}, {arithmetic:?}: {what}");
        let problem = move |whole| Problem::new(config, start, whole);
        cases.push(Case::new(name("whole numbers, forward"), move |device| problem(true).forward_is_exact(device)));
        cases.push(Case::new(name("whole numbers, backward"), move |device| problem(true).backward_is_exact(device)));
        cases.push(Case::new(name("forward"), move |device| problem(false).forward_is_near(device, arithmetic)));
        cases.push(Case::new(name("backward"), move |device| problem(false).backward_is_near(device, arithmetic)));
        cases.push(Case::new(name("update"), move |device| problem(false).update_is_near(device, arithmetic)));
    }
}

/// The widest stage of the paper's D2L at batch 10.
pub fn full_width<D: Device<Real = f32>>(arithmetic: Arithmetic, cases: &mut Vec<Case<D>>) {
    let config = Conv3x3Config { batch: 10, height: 4, width: 4, channels: 512, filters: 1024, pool: true };
    whole_width(arithmetic, "third", config, cases);
}

/// Those stages in large tiles.
pub fn large<D: Device<Real = f32>>(arithmetic: Arithmetic, cases: &mut Vec<Case<D>>) {
    let second = Conv3x3Config { batch: 64, height: 8, width: 8, channels: 256, filters: 512, pool: true };
    let third = Conv3x3Config { batch: 128, height: 4, width: 4, channels: 512, filters: 1024, pool: true };
    whole_width(arithmetic, "second", second, cases);
    whole_width(arithmetic, "third", third, cases);
}

fn whole_width<D: Device<Real = f32>>(arithmetic: Arithmetic, which: &str, config: Conv3x3Config, cases: &mut Vec<Case<D>>) {
    let problem = move || Problem::new(config, ALIGNED, false);
    let name = |what: &str| format!("the paper's {which} convolution at batch {}, {arithmetic:?}: {what}", config.batch);
    cases.push(Case::new(name("forward"), move |device| problem().forward_is_near(device, arithmetic)));
    cases.push(Case::new(name("update"), move |device| problem().update_is_near(device, arithmetic)));
}

struct Problem {
    config: Conv3x3Config,
    x: Vec<f64>,
    arena: Arena,
    /// Output and argmax of the forward pass in f64.
    y: Vec<f64>,
    argmax: Vec<f64>,
    dy: Vec<f64>,
}

impl Problem {
    fn new(config: Conv3x3Config, start: usize, whole: bool) -> Self {
        let draw = |len, series| if whole { integers(len, series, 2) } else { numbers(len, series) };
        let x = draw(config.input_len(), 1);
        let arena = Arena::new(start, draw(config.filters * config.taps(), 2), draw(config.filters, 3));
        let forward = forward(&Cpu::<f64>::new(), &config, &x, &arena).expect("the CPU's forward pass");
        let (y, argmax) = (array(&forward, "y").to_vec(), array(&forward, "argmax").to_vec());
        Problem { x, arena, y, argmax, dy: draw(config.output_len(), 4), config }
    }

    fn forward_is_exact<D: Device<Real = f32>>(&self, device: &D) -> Verdict {
        let ours = twice(|| forward(device, &self.config, &self.x, &self.arena))?;
        exact("y", array(&ours, "y"), &self.y)?;
        // Where nothing fires the winner is of no consequence.
        let firing = |argmax: &[f64]| argmax.iter().zip(&self.y).map(|(place, y)| if *y > 0.0 { *place } else { 0.0 }).collect::<Vec<_>>();
        exact("argmax", &firing(array(&ours, "argmax")), &firing(&self.argmax))
    }

    fn forward_is_near<D: Device<Real = f32>>(&self, device: &D, arithmetic: Arithmetic) -> Verdict {
        let ours = twice(|| forward(device, &self.config, &self.x, &self.arena))?;
        let unpooled = Conv3x3Config { pool: false, ..self.config };
        let reference = Cpu::<f64>::new();
        let arena = self.arena.with(sizes(&self.arena.weights), sizes(&self.arena.biases));
        let scale = largest(array(&forward(&reference, &unpooled, &sizes(&self.x), &arena)?, "y"));
        let allowed = arithmetic.product() * scale;
        near("y", array(&ours, "y"), &self.y, allowed)?;
        if !self.config.pool {
            return Ok(());
        }
        // The winner may be another one only where the two are as good as equal.
        let z = forward(&reference, &unpooled, &self.x, &self.arena)?;
        for (at, place) in array(&ours, "argmax").iter().enumerate() {
            ensure!(*place <= 3.0, "argmax {at} is {place}");
            let won = array(&z, "y")[behind_pool(self.config.width, self.config.filters, at, *place as usize)];
            ensure!((won - self.y[at]).abs() <= 2.0 * allowed, "argmax {at} is {place}, where z is {won}; the largest is {}", self.y[at]);
        }
        Ok(())
    }

    fn backward<D: Device>(&self, device: &D, how: Target, to_input: bool) -> Result<Outputs, Fault> {
        let config = &self.config;
        let holding = |values: &[f64]| Guarded::<D, _>::holding(device, &reals::<D>(values));
        let (x, y, dy) = (holding(&self.x)?, holding(&self.y)?, holding(&self.dy)?);
        let argmax = Guarded::<D, u8>::holding(device, &self.argmax.iter().map(|v| *v as u8).collect::<Vec<_>>())?;
        let mut dx = Guarded::<D, D::Real>::blank(device, config.input_len())?;
        let mut workspace = Guarded::<D, D::Real>::blank(device, device.conv3x3_workspace(config))?;
        let mut outputs = with_target(device, &self.arena, how, |target| {
            let (weight, bias) = (&self.arena.weight, &self.arena.bias);
            let dx = to_input.then_some(&mut dx.buffer);
            let workspace = &mut workspace.buffer;
            device.conv3x3_backward(config, &x.buffer, &y.buffer, &argmax.buffer, &dy.buffer, dx, weight, bias, target, workspace)?;
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
        let all = Problem {
            config: self.config,
            x: sizes(&self.x),
            arena: self.arena.with(sizes(&self.arena.weights), sizes(&self.arena.biases)),
            y: self.y.clone(),
            argmax: self.argmax.clone(),
            dy: sizes(&self.dy),
        };
        let outputs = all.backward(&Cpu::<f64>::new(), Target::Store, true)?;
        let (weights, biases) = array(&outputs, "gradient").split_at(self.arena.weights.len());
        Ok([largest(array(&outputs, "dx")), largest(weights), largest(biases)])
    }

    fn backward_is_near<D: Device<Real = f32>>(&self, device: &D, arithmetic: Arithmetic) -> Verdict {
        let [dx, dw, db] = self.scales()?;
        let (ours, expected) =
            (twice(|| self.backward(device, Target::Store, true))?, self.backward(&Cpu::<f64>::new(), Target::Store, true)?);
        let weights = self.arena.weights.len();
        let of = |outputs: &Outputs| array(outputs, "gradient").split_at(weights).0.to_vec();
        let bias_of = |outputs: &Outputs| array(outputs, "gradient").split_at(weights).1.to_vec();
        near("dx", array(&ours, "dx"), array(&expected, "dx"), arithmetic.product() * dx)?;
        near("dw", &of(&ours), &of(&expected), arithmetic.product() * dw)?;
        // No product of the bias's gradient is rounded: every precision sums in f32.
        near("db", &bias_of(&ours), &bias_of(&expected), 1e-6 * db)
    }

    fn update_is_near<D: Device<Real = f32>>(&self, device: &D, arithmetic: Arithmetic) -> Verdict {
        let [_, dw, db] = self.scales()?;
        let ours = twice(|| self.backward(device, Target::Apply, true))?;
        let stored = self.backward(device, Target::StoreThenAdam, true)?;
        update_is_near(&ours, &stored, &self.backward(&Cpu::<f64>::new(), Target::Apply, true)?, arithmetic.product() * dw.max(db))
    }
}

/// What `Apply` made: the bits of a stored gradient's update, and the CPU's numbers but for what `allowed` leaves to the gradient.
pub fn update_is_near(ours: &Outputs, stored: &Outputs, expected: &Outputs, allowed: f64) -> Verdict {
    for name in ["parameters", "first moment", "second moment", "penalty"] {
        let expected = array(expected, name);
        // The second moment takes the gradient's square.
        let slope = if name == "second moment" { 2.0 * largest(expected).sqrt().max(1.0) } else { 1.0 };
        let allowed = if name == "penalty" { 0.0 } else { slope * allowed };
        near(name, array(ours, name), expected, allowed + 1e-6 * largest(expected))?;
    }
    let parts = |outputs: &Outputs| -> Outputs { outputs.iter().filter(|(name, _)| *name != "penalty").cloned().collect() };
    same_bits(&parts(ours), &parts(stored)).map_err(|fault| format!("the fused update differs from the stored one: {fault}").into())
}

fn forward<D: Device>(device: &D, config: &Conv3x3Config, x: &[f64], arena: &Arena) -> Result<Outputs, Fault> {
    let x = Guarded::<D, _>::holding(device, &reals::<D>(x))?;
    let parameters = arena.upload(device)?;
    let (weight, bias) = arena.views(&parameters);
    let mut y = Guarded::<D, D::Real>::blank(device, config.output_len())?;
    let mut argmax = Guarded::<D, u8>::blank(device, if config.pool { config.output_len() } else { 0 })?;
    let mut workspace = Guarded::<D, D::Real>::blank(device, device.conv3x3_workspace(config))?;
    device.conv3x3_forward(config, &x.buffer, weight, bias, &mut y.buffer, &mut argmax.buffer, &mut workspace.buffer)?;
    workspace.content(device)?;
    Ok(vec![("y", y.values(device)?), ("argmax", argmax.written(device)?.into_iter().map(f64::from).collect())])
}
