//! Start values of a network: uniform weights, zero biases.

use super::Architecture;
use crate::ops::philox::{Stream, draw, uniform};
use serde::{Deserialize, Serialize};

/// The range of the uniform start values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// Glorot: +- sqrt(6 / (inputs + outputs)), TensorFlow's default.
    Glorot,
    /// He: +- sqrt(6 / inputs).
    He,
}

/// Parameters in PyTorch's order. The output layer's weights are multiplied by `output_scale`.
/// Value `4 b + i` of tensor t is word i of block b, index t, of the initialisation stream.
pub fn initialise(architecture: &Architecture, init: Init, output_scale: f64, seed: u64) -> Vec<f64> {
    let parameters = architecture.parameters();
    let output = architecture.layers().len() - 1;
    let mut values = Vec::with_capacity(architecture.parameter_count());
    for (tensor, parameter) in parameters.iter().enumerate() {
        let len = parameter.span.len();
        if !parameter.is_weight() {
            values.extend(std::iter::repeat_n(0.0, len));
            continue;
        }
        let window: usize = parameter.shape[2..].iter().product();
        let (inputs, outputs) = ((parameter.shape[1] * window) as f64, (parameter.shape[0] * window) as f64);
        let range = match init {
            Init::Glorot => (6.0 / (inputs + outputs)).sqrt(),
            Init::He => (6.0 / inputs).sqrt(),
        };
        let scale = if parameter.layer == output { output_scale } else { 1.0 };
        let words = (0..len.div_ceil(4) as u32).flat_map(|block| draw(seed, Stream::Initialisation, tensor as u64, block));
        // Rounded to f32, so that a run starts from the same numbers in every precision.
        values.extend(words.take(len).map(|word| f64::from((scale * range * (2.0 * uniform(word) - 1.0)) as f32)));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Pool};
    use super::*;

    #[test]
    fn weights_fill_their_range_and_biases_are_zero() {
        let architecture = Architecture { kind: Kind::D2l, size: 8, filters: vec![8, 16], pool: Pool::Each, hidden: 32 };
        let values = initialise(&architecture, Init::Glorot, 0.1, 5);
        let mut first = 0;
        for parameter in architecture.parameters() {
            let tensor = &values[first..first + parameter.span.len()];
            first += tensor.len();
            let largest = tensor.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            let range = match parameter.name.as_str() {
                "conv1.weight" => (6.0_f64 / (9.0 * 10.0)).sqrt(),
                "conv2.weight" => (6.0_f64 / (9.0 * 24.0)).sqrt(),
                "fc1.weight" => (6.0_f64 / (64.0 + 32.0)).sqrt(),
                "fc2.weight" => 0.1 * (6.0_f64 / (32.0 + 64.0)).sqrt(),
                _ => 0.0,
            };
            assert!(largest <= range * 1.000_001 && largest >= 0.95 * range, "{}: {largest} of {range}", parameter.name);
        }
    }
}
