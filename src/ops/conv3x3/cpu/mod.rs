//! The convolution stage on the CPU: forward by Winograd's products ([`winograd`]; [`thin`] where channels fill no block), backward
//! over what fired ([`fired`]).

mod fired;
mod thin;
mod winograd;

use super::{Conv3x3, Conv3x3Config};
use crate::Result;
use crate::device::{BLOCK, Cpu, Real, View};
use crate::ops::adam::{Tensor, WeightGradient};

/// Do the channels come in whole blocks?
fn whole_blocks(config: &Conv3x3Config) -> bool {
    config.channels.is_multiple_of(BLOCK)
}

impl<R: Real> Conv3x3 for Cpu<R> {
    fn conv3x3_workspace(&self, config: &Conv3x3Config) -> usize {
        let forward = if whole_blocks(config) { winograd::workspace(config) } else { thin::workspace(config) };
        forward.max(fired::dx_workspace(config)).max(fired::dw_workspace(config))
    }

    fn conv3x3_forward(
        &self,
        config: &Conv3x3Config,
        x: &Vec<R>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        y: &mut Vec<R>,
        argmax: &mut Vec<u8>,
        workspace: &mut Vec<R>,
    ) -> Result<()> {
        let (weight, bias) = (&weight.buffer[weight.span], &bias.buffer[bias.span]);
        let y = &mut y[..config.output_len()];
        let argmax = config.pool.then(|| &mut argmax[..config.output_len()]);
        if whole_blocks(config) {
            winograd::forward(config, x, weight, bias, y, argmax, workspace);
        } else {
            thin::forward(config, x, weight, bias, y, argmax, workspace);
        }
        Ok(())
    }

    fn conv3x3_backward(
        &self,
        config: &Conv3x3Config,
        x: &Vec<R>,
        y: &Vec<R>,
        argmax: &Vec<u8>,
        dy: &Vec<R>,
        dx: Option<&mut Vec<R>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut Vec<R>,
    ) -> Result<()> {
        let output = fired::Output { y, argmax: config.pool.then_some(&argmax[..]), dy };
        if let Some(dx) = dx {
            fired::dx(config, output, &target.parameters()[weight.span.clone()], dx, workspace);
        }
        if !matches!(target, WeightGradient::Skip { .. }) {
            fired::dw(config, x, output, weight, bias, target, workspace);
        }
        Ok(())
    }
}

#[inline(always)]
fn relu<R: Real>(z: R) -> R {
    if z > R::ZERO { z } else { R::ZERO }
}

/// `y = max(z + b, 0)` of one pixel.
#[inline(always)]
fn finish<R: Real>(z: &[R], bias: &[R], y: &mut [R]) {
    for ((y, z), b) in y.iter_mut().zip(z).zip(bias) {
        *y = relu(*z + *b);
    }
}

/// `y = max over the quad of max(z + b, 0)`; `argmax` is the first place of the maximum.
#[inline(always)]
fn pool<R: Real>(quad: [&[R]; 4], bias: &[R], y: &mut [R], argmax: &mut [u8]) {
    let [a, b, c, d] = quad;
    for f in 0..y.len() {
        let (mut best, mut place) = (a[f], 0);
        for (candidate, k) in [(b[f], 1), (c[f], 2), (d[f], 3)] {
            if candidate > best {
                (best, place) = (candidate, k);
            }
        }
        y[f] = relu(best + bias[f]);
        argmax[f] = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::adam::{AdamConfig, AdamForm, AdamState, Decay};

    /// The formulas of [`crate::ops::conv3x3`], term by term, in f64: y, dx, dw, db.
    fn plainly(config: &Conv3x3Config, x: &[f64], w: &[f64], b: &[f64], dy: &[f64]) -> [Vec<f64>; 4] {
        let Conv3x3Config { batch, height, width, channels, filters, pool } = *config;
        let (mut y, mut dx, mut dw, mut db) = (Vec::new(), vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; filters]);
        let pairs = |pixel: usize, f: usize| {
            let (i, j) = (pixel / width % height, pixel % width);
            let inside = (0..9).filter(move |t| (1..=height).contains(&(i + t / 3)) && (1..=width).contains(&(j + t % 3)));
            inside.flat_map(move |t| {
                let seen = pixel + t / 3 * width + t % 3 - width - 1;
                (0..channels).map(move |c| (seen * channels + c, (f * 9 + t) * channels + c))
            })
        };
        let stride = if pool { 2 } else { 1 };
        let places: &[usize] = if pool { &[0, 1, width, width + 1] } else { &[0] };
        for image in 0..batch {
            for i in (0..height).step_by(stride) {
                for j in (0..width).step_by(stride) {
                    for f in 0..filters {
                        let pixels = places.iter().map(|p| (image * height + i) * width + j + p);
                        let z = pixels.map(|pixel| (pairs(pixel, f).map(|(x_at, w_at)| x[x_at] * w[w_at]).sum::<f64>(), pixel));
                        let (z, pixel) = z.reduce(|best, next| if next.0 > best.0 { next } else { best }).unwrap();
                        y.push((z + b[f]).max(0.0));
                        if z + b[f] > 0.0 {
                            let dz = dy[y.len() - 1];
                            db[f] += dz;
                            for (x_at, w_at) in pairs(pixel, f) {
                                dx[x_at] += w[w_at] * dz;
                                dw[w_at] += x[x_at] * dz;
                            }
                        }
                    }
                }
            }
        }
        [y, dx, dw, db]
    }

    fn on<R: Real>(config: &Conv3x3Config, [x, w, b, dy]: [&[f64]; 4]) -> [Vec<f64>; 4] {
        let device = Cpu::<R>::new();
        let real = |values: &[f64]| values.iter().map(|v| R::from_f64(*v)).collect::<Vec<R>>();
        let parameters = real(&[w, b].concat());
        let tensor = |index, span| Tensor { span, index, l2_scale: 0.0 };
        let (weight, bias) = (tensor(0, 0..w.len()), tensor(1, w.len()..parameters.len()));
        let mut workspace = vec![R::from_f64(f64::NAN); device.conv3x3_workspace(config)];
        let (mut y, mut argmax) = (real(dy), vec![0; dy.len()]);
        let (x, dy, mut dx) = (real(x), real(dy), real(x));
        let view = |tensor: &Tensor| View::new(&parameters, tensor.span.clone());
        device.conv3x3_forward(config, &x, view(&weight), view(&bias), &mut y, &mut argmax, &mut workspace).unwrap();
        let mut gradient = real(&[w, b].concat());
        let mut backward = |target: &mut WeightGradient<'_, Cpu<R>>, dx| {
            device.conv3x3_backward(config, &x, &y, &argmax, &dy, dx, &weight, &bias, target, &mut workspace).unwrap();
        };
        backward(&mut WeightGradient::Store { parameters: &parameters, gradient: &mut gradient }, Some(&mut dx));
        let stored = gradient.clone();
        backward(&mut WeightGradient::Accumulate { parameters: &parameters, gradient: &mut gradient }, None);
        assert!(stored.iter().zip(&gradient).all(|(once, twice)| *once + *once == *twice));
        // Adam's first moment after one step with beta1 = 0 is the gradient.
        let adam = AdamConfig {
            lr: 0.1,
            decay: Decay::Exponential,
            decay_rate: 1.0,
            decay_steps: 1.0,
            beta1: 0.0,
            beta2: 0.0,
            epsilon: 1.0,
            form: AdamForm::TensorFlow,
        };
        let mut adam = AdamState::new(&device, adam, parameters.len(), 2).unwrap();
        backward(&mut WeightGradient::Apply { parameters: &mut parameters.clone(), adam: &mut adam }, None);
        assert!(stored == adam.first);
        let f64s = |values: &[R]| values.iter().map(|v| v.to_f64()).collect::<Vec<_>>();
        [f64s(&y), f64s(&dx), f64s(&stored[..w.len()]), f64s(&stored[w.len()..])]
    }

    #[test]
    fn every_shape_agrees_with_the_sums_whatever_the_threads() {
        // Thin and whole blocks of channels, one and more; filters in one task and beyond; odd sides; many images.
        for (batch, height, width, channels, filters, pool) in [
            (2, 4, 6, 2, 5, true),
            (2, 3, 5, 7, 33, false),
            (3, 4, 4, 16, 70, true),
            (1, 5, 7, 32, 3, false),
            (19, 2, 2, 80, 49, true),
            (70, 8, 8, 16, 2, true),
            (2, 1, 1, 16, 4, false),
        ] {
            let config = Conv3x3Config { batch, height, width, channels, filters, pool };
            let draw = |len, pace: f64| (0..len).map(|i| f64::from((i as f64 * pace).sin() as f32)).collect::<Vec<f64>>();
            let (x, w) = (draw(config.input_len(), 0.7), draw(config.taps() * filters, 1.3));
            let (b, dy) = (draw(filters, 0.9), draw(config.output_len(), 1.9));
            let values = [&x[..], &w, &b, &dy];
            let expected = plainly(&config, &x, &w, &b, &dy);
            let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
            assert!(threads(1).install(|| on::<f32>(&config, values)) == threads(3).install(|| on::<f32>(&config, values)), "{config:?}");
            for (name, expected, double, single) in
                together(["y", "dx", "dw", "db"], expected, on::<f64>(&config, values), on::<f32>(&config, values))
            {
                let largest = expected.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
                for (got, tolerance) in [(double, 1e-13), (single, 1e-5)] {
                    let worst = got.iter().zip(&expected).fold(0.0_f64, |a, (g, e)| a.max((g - e).abs()));
                    assert!(worst <= tolerance * largest, "{name} of {config:?}: {worst:e} of {largest:e}, {tolerance:e} allowed");
                }
            }
        }
    }

    fn together<A, B, C, D>(a: [A; 4], b: [B; 4], c: [C; 4], d: [D; 4]) -> impl Iterator<Item = (A, B, C, D)> {
        a.into_iter().zip(b).zip(c).zip(d).map(|(((a, b), c), d)| (a, b, c, d))
    }
}
