//! The dense layer on the CPU: every pass goes once through the weight, row by row as it lies in memory, and the samples stay in the
//! cache.

mod backward;
mod forward;

use super::{Dense, DenseConfig};
use crate::Result;
use crate::device::{Cpu, Real, View};
use crate::ops::adam::{Tensor, WeightGradient};
use crate::ops::dropout;
use rayon::prelude::*;

impl<R: Real> Dense for Cpu<R> {
    fn dense_workspace(&self, config: &DenseConfig) -> usize {
        backward::workspace(config)
    }

    fn dense_forward(
        &self,
        config: &DenseConfig,
        x: &Vec<R>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        step: Option<&Vec<u64>>,
        y: &mut Vec<R>,
        _workspace: &mut Vec<R>,
    ) -> Result<()> {
        let DenseConfig { batch, outputs, keep, seed, .. } = *config;
        let y = &mut y[..batch * outputs];
        forward::forward(config, x, &weight.buffer[weight.span], &bias.buffer[bias.span], y);
        if let Some(step) = step.filter(|_| keep < 1.0) {
            let (threshold, scale) = (dropout::threshold(keep), R::from_f64(1.0 / keep));
            y.par_chunks_mut(1024).enumerate().for_each(|(chunk, y)| {
                for (four, y) in y.chunks_mut(4).enumerate() {
                    let stay = dropout::stay(seed, step[0], (chunk * 256 + four) as u32, threshold);
                    for (y, stays) in y.iter_mut().zip(stay) {
                        *y = if stays { *y * scale } else { R::ZERO };
                    }
                }
            });
        }
        Ok(())
    }

    fn dense_backward(
        &self,
        config: &DenseConfig,
        x: &Vec<R>,
        y: &Vec<R>,
        dy: &Vec<R>,
        dx: Option<&mut Vec<R>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut Vec<R>,
    ) -> Result<()> {
        let DenseConfig { batch, outputs, relu, keep, .. } = *config;
        let (dz, partial) = workspace.split_at_mut(batch * outputs);
        let scale = R::from_f64(1.0 / keep);
        for ((dz, dy), y) in dz.iter_mut().zip(dy).zip(y) {
            *dz = if !relu {
                *dy
            } else if *y > R::ZERO {
                *dy * scale
            } else {
                R::ZERO
            };
        }
        backward::weight(config, x, dz, dx, weight, target, partial);
        backward::bias(dz, bias, target, partial);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y, dx, dw and db of a layer with ReLU, in `R`.
    fn on<R: Real>(config: &DenseConfig, [x, w, b, dy]: [&[f64]; 4]) -> [Vec<f64>; 4] {
        let device = Cpu::<R>::new();
        let real = |values: &[f64]| values.iter().map(|v| R::from_f64(*v)).collect::<Vec<R>>();
        let parameters = real(&[w, b].concat());
        let tensor = |index, span| Tensor { span, index, l2_scale: 0.0 };
        let (weight, bias) = (tensor(0, 0..w.len()), tensor(1, w.len()..parameters.len()));
        let mut workspace = vec![R::from_f64(f64::NAN); device.dense_workspace(config)];
        let (x, mut y, dy) = (real(x), real(dy), real(dy));
        let view = |tensor: &Tensor| View::new(&parameters, tensor.span.clone());
        device.dense_forward(config, &x, view(&weight), view(&bias), None, &mut y, &mut workspace).unwrap();
        let (mut dx, mut frozen_dx, mut gradient) = (x.clone(), x.clone(), parameters.clone());
        let mut backward = |target: &mut WeightGradient<'_, Cpu<R>>, dx| {
            device.dense_backward(config, &x, &y, &dy, dx, &weight, &bias, target, &mut workspace).unwrap();
        };
        backward(&mut WeightGradient::Store { parameters: &parameters, gradient: &mut gradient }, Some(&mut dx));
        backward(&mut WeightGradient::Skip { parameters: &parameters }, Some(&mut frozen_dx));
        assert!(dx == frozen_dx);
        [&y, &dx, &gradient[..w.len()], &gradient[w.len()..]].map(|values| values.iter().map(|v| v.to_f64()).collect())
    }

    #[test]
    fn every_shape_agrees_with_the_sums_whatever_the_threads() {
        // Whole vectors and rests, one chunk of inputs and more, every number of samples and rows at once.
        for (batch, inputs, outputs) in [(1, 1, 1), (2, 17, 3), (3, 600, 70), (4, 1030, 16), (5, 64, 130), (13, 515, 19)] {
            let config = DenseConfig { batch, inputs, outputs, relu: true, keep: 1.0, seed: 0 };
            let draw = |len, pace: f64| (0..len).map(|i| f64::from((i as f64 * pace).sin() as f32)).collect::<Vec<f64>>();
            let (x, w, b, dy) = (draw(batch * inputs, 0.7), draw(inputs * outputs, 1.3), draw(outputs, 0.9), draw(batch * outputs, 1.9));
            let mut expected = [vec![0.0; batch * outputs], vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; outputs]];
            let [y, dx, dw, db] = &mut expected;
            for n in 0..batch {
                for o in 0..outputs {
                    let z = b[o] + (0..inputs).map(|i| w[o * inputs + i] * x[n * inputs + i]).sum::<f64>();
                    y[n * outputs + o] = z.max(0.0);
                    let dz = if z > 0.0 { dy[n * outputs + o] } else { 0.0 };
                    db[o] += dz;
                    for i in 0..inputs {
                        dx[n * inputs + i] += w[o * inputs + i] * dz;
                        dw[o * inputs + i] += x[n * inputs + i] * dz;
                    }
                }
            }
            let values = [&x[..], &w, &b, &dy];
            let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
            let single = threads(1).install(|| on::<f32>(&config, values));
            assert!(single == threads(3).install(|| on::<f32>(&config, values)), "{config:?}");
            for (got, tolerance) in [(on::<f64>(&config, values), 1e-13), (single, 1e-5)] {
                for (name, (got, expected)) in ["y", "dx", "dw", "db"].into_iter().zip(got.iter().zip(&expected)) {
                    let largest = expected.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
                    let worst = got.iter().zip(expected).fold(0.0_f64, |a, (g, e)| a.max((g - e).abs()));
                    assert!(worst <= tolerance * largest, "{name} of {config:?}: {worst:e} of {largest:e}, {tolerance:e} allowed");
                }
            }
        }
    }
}
