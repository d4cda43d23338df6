//! What the ops do at their kinks (the specification's conventions), each by itself: relu'(0) = 0, the first of equal numbers wins a
//! pool, and an output on its target has no slope.

use scalefree::device::{Cpu, View};
use scalefree::ops::adam::{Tensor, WeightGradient};
use scalefree::ops::conv3x3::{Conv3x3, Conv3x3Config};
use scalefree::ops::dense::{Dense, DenseConfig};
use scalefree::ops::mape::{Mape, MapeConfig};

const DEVICE: fn() -> Cpu<f64> = Cpu::new;

/// The weight (n numbers), then the bias, of an arena.
fn tensors(weights: usize, outputs: usize) -> [Tensor; 2] {
    [(0, 0..weights), (1, weights..weights + outputs)].map(|(index, span)| Tensor { span, index, l2_scale: 0.0 })
}

#[test]
fn a_dense_unit_at_zero_is_off() {
    let config = DenseConfig { batch: 1, inputs: 2, outputs: 3, relu: true, keep: 1.0, seed: 0 };
    // z = 0 by cancellation, z = 1, z = -1.
    let (x, parameters) = (vec![1.0, 1.0], vec![1.0, -1.0, 0.5, 0.5, -0.5, -0.5, 0.0, 0.0, 0.0]);
    let [weight, bias] = tensors(6, 3);
    let view = |tensor: &Tensor| View::new(&parameters, tensor.span.clone());
    let mut y = vec![f64::NAN; 3];
    let mut workspace = vec![0.0; DEVICE().dense_workspace(&config)];
    DEVICE().dense_forward(&config, &x, view(&weight), view(&bias), None, &mut y, &mut workspace).unwrap();
    assert_eq!(y, [0.0, 1.0, 0.0]);
    let (mut dx, mut gradient) = (vec![f64::NAN; 2], vec![f64::NAN; 9]);
    let mut store = WeightGradient::Store { parameters: &parameters, gradient: &mut gradient };
    DEVICE().dense_backward(&config, &x, &y, &vec![1.0; 3], Some(&mut dx), &weight, &bias, &mut store, &mut workspace).unwrap();
    assert_eq!(dx, [0.5, 0.5]);
    assert_eq!(gradient, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
}

/// One 3x3 filter that copies the centre pixel of a 2x2 image, then the pool: output, argmax, dx.
fn pooled(x: [f64; 4], bias: f64) -> (f64, u8, Vec<f64>) {
    let config = Conv3x3Config { batch: 1, height: 2, width: 2, channels: 1, filters: 1, pool: true };
    let mut parameters = vec![0.0; 10];
    (parameters[4], parameters[9]) = (1.0, bias);
    let [weight, b] = tensors(9, 1);
    let view = |tensor: &Tensor| View::new(&parameters, tensor.span.clone());
    let mut workspace = vec![0.0; DEVICE().conv3x3_workspace(&config)];
    let (x, mut y, mut argmax) = (x.to_vec(), vec![f64::NAN], vec![9]);
    DEVICE().conv3x3_forward(&config, &x, view(&weight), view(&b), &mut y, &mut argmax, &mut workspace).unwrap();
    let mut dx = vec![f64::NAN; 4];
    let mut skip = WeightGradient::Skip { parameters: &parameters };
    DEVICE().conv3x3_backward(&config, &x, &y, &argmax, &vec![1.0], Some(&mut dx), &weight, &b, &mut skip, &mut workspace).unwrap();
    (y[0], argmax[0], dx)
}

#[test]
fn the_first_of_equal_numbers_wins_a_pool() {
    for (x, place) in [([2.0, 2.0, 2.0, 2.0], 0), ([1.0, 2.0, 2.0, 1.0], 1), ([1.0, 1.0, 2.0, 2.0], 2), ([1.0, 1.0, 1.0, 2.0], 3)] {
        let mut dx = vec![0.0; 4];
        dx[place] = 1.0;
        assert_eq!(pooled(x, 0.0), (2.0, place as u8, dx), "{x:?}");
    }
}

#[test]
fn a_pool_whose_best_number_is_zero_is_off() {
    assert_eq!(pooled([-1.0, 0.0, 0.0, -2.0], 0.0), (0.0, 1, vec![0.0; 4]));
    assert_eq!(pooled([1.0, 3.0, 2.0, 0.0], -3.0), (0.0, 1, vec![0.0; 4]), "relu after the bias");
}

#[test]
fn an_output_on_its_target_has_no_slope() {
    let config = MapeConfig { batch: 1, modes: 4, scale: 1.0 };
    let (y, target) = (vec![0.5, 0.25, 0.75, 0.0], vec![0.5, 0.5, 0.5, 0.5]);
    let (mut errors, mut dy) = (vec![f64::NAN], vec![f64::NAN; 4]);
    DEVICE().mape(&config, &y, &target, &mut errors, Some(&mut dy)).unwrap();
    assert_eq!(errors, [0.5]);
    assert_eq!(dy, [0.0, -0.5, 0.5, -0.5]);
}
