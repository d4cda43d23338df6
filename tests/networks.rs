//! The reference vectors of an independent implementation (tests/data/README.md), on the CPU: forward, cost, every gradient, and a
//! full-batch training run through the trainer itself.

mod reference;

use reference::{SETS, forward_and_gradients, training};
use scalefree::device::Cpu;
use scalefree::nn::Kind;

#[test]
fn forward_cost_and_gradients_in_f64() {
    SETS.iter().for_each(|set| forward_and_gradients(&Cpu::<f64>::new(), set, 1e-10, Some(1e-10)));
}

#[test]
fn forward_cost_and_gradients_in_f32() {
    SETS.iter().for_each(|set| forward_and_gradients(&Cpu::<f32>::new(), set, 1e-4, Some(1e-4)));
}

#[test]
fn training_follows_the_reference_traces() {
    for set in SETS {
        for kind in [Kind::D2l, Kind::L2d] {
            let [trace, weights] = training(&Cpu::<f64>::new(), set, kind);
            assert!(trace < 1e-8, "{set} {kind} trace: {trace:.1e}");
            assert!(weights < 1e-8, "{set} {kind} final weights: {weights:.1e}");
        }
    }
}
