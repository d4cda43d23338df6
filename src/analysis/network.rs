//! What training does to a network's weights: which outputs they reach most strongly, and the spectra of its layers (Fig. 5, S9, and the
//! paper's references 55 and 56).

use super::statistics::{mean, pearson, spearman};
use crate::{Error, Result};
use faer::Mat;

/// How two columns go together, with standard errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// Pearson's coefficient: on one line?
    pub pearson: f64,
    /// Its standard error.
    pub pearson_error: f64,
    /// Spearman's coefficient: in the same order?
    pub spearman: f64,
    /// Its standard error.
    pub spearman_error: f64,
}

/// The correlations of two columns of equal length, with the errors of the jackknife, which supposes the rows to be independent:
///
/// ```text
/// error^2 = (n - 1)/n sum_i (r_without_i - their mean)^2
/// ```
pub fn correlation(x: &[f64], y: &[f64]) -> Correlation {
    let without = |i: usize| {
        let [x, y] = [x, y].map(|column| column.iter().enumerate().filter(|(k, _)| *k != i).map(|(_, v)| *v).collect::<Vec<f64>>());
        (pearson(&x, &y), spearman(&x, &y))
    };
    let (p, s): (Vec<f64>, Vec<f64>) = (0..x.len()).map(without).unzip();
    let error = |values: &[f64]| {
        let (n, centre) = (values.len() as f64, mean(values));
        ((n - 1.0) / n * values.iter().map(|v| (v - centre).powi(2)).sum::<f64>()).sqrt()
    };
    Correlation { pearson: pearson(x, y), pearson_error: error(&p), spearman: spearman(x, y), spearman_error: error(&s) }
}

/// The shape of a layer's weight as matrices: of a fully connected layer it is one, of a convolution one for each place in its window,
/// as Martin and Mahoney take them ("Implicit self-regularization in deep neural networks", 2018).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Outputs (filters) of the layer.
    pub outputs: usize,
    /// Inputs (channels).
    pub inputs: usize,
    /// Places in the window: 1, or 9 of a 3 x 3 convolution.
    pub window: usize,
}

impl Shape {
    /// Of a weight in PyTorch's order, (output, input) or OIHW.
    pub fn new(weight: &[usize]) -> Self {
        Shape { outputs: weight[0], inputs: weight[1], window: weight[2..].iter().product() }
    }

    /// How many eigenvalues a layer of this shape has.
    pub fn eigenvalues(&self) -> usize {
        self.window * self.outputs.min(self.inputs)
    }
}

/// The eigenvalues of W^T W / N, ascending, those of a convolution's windows together; N is the larger side of W, and W^T W is taken on
/// its smaller side, where it has no zeros by construction. `weight` is in PyTorch's order.
///
/// # Errors
/// [`Error::Value`] where the length does not fit the shape; [`Error::Failed`] where the decomposition does not converge.
pub fn layer_spectrum(weight: &[f64], shape: Shape) -> Result<Vec<f64>> {
    let Shape { outputs, inputs, window } = shape;
    if weight.len() != outputs * inputs * window {
        return Err(Error::value("weight", format!("has {} numbers; {outputs} x {inputs} x {window} are wanted", weight.len())));
    }
    let mut eigenvalues = Vec::with_capacity(shape.eigenvalues());
    for place in 0..window {
        let matrix = Mat::from_fn(outputs, inputs, |o, i| weight[(o * inputs + i) * window + place]);
        let singular = matrix.singular_values().map_err(|_| Error::Failed("the spectrum of a layer did not converge".into()))?;
        eigenvalues.extend(singular.iter().map(|s| s * s / outputs.max(inputs) as f64));
    }
    eigenvalues.sort_unstable_by(f64::total_cmp);
    Ok(eigenvalues)
}

/// Where the eigenvalues of a matrix end whose numbers are independent, of the variance that those of `weight` have: the upper edge of
/// Marchenko and Pastur's law, s^2 (1 + sqrt(M/N))^2 with M <= N. What lies above it is structure.
pub fn random_edge(weight: &[f64], shape: Shape) -> f64 {
    let variance = weight.iter().map(|w| w * w).sum::<f64>() / weight.len() as f64;
    let (small, large) = (shape.outputs.min(shape.inputs) as f64, shape.outputs.max(shape.inputs) as f64);
    variance * (1.0 + (small / large).sqrt()).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectra_by_hand() {
        // W = [[3, 0, 0], [0, 4, 0]]: singular values 3 and 4, over N = 3.
        let shape = Shape::new(&[2, 3]);
        let spectrum = layer_spectrum(&[3.0, 0.0, 0.0, 0.0, 4.0, 0.0], shape).unwrap();
        assert!(spectrum.len() == 2 && (spectrum[0] - 3.0).abs() < 1e-12 && (spectrum[1] - 16.0 / 3.0).abs() < 1e-12, "{spectrum:?}");
        // A convolution of one channel and two filters: in each of nine windows a column, whose one singular value is its length.
        let shape = Shape::new(&[2, 1, 3, 3]);
        let weight: Vec<f64> = (0..18).map(|k| if k < 9 { 3.0 } else { 4.0 * f64::from(k - 8) }).collect();
        let spectrum = layer_spectrum(&weight, shape).unwrap();
        assert_eq!(spectrum.len(), shape.eigenvalues());
        assert!((spectrum[0] - 12.5).abs() < 1e-12 && (spectrum[8] - (9.0 + 1296.0) / 2.0).abs() < 1e-9, "{spectrum:?}");
        assert!(layer_spectrum(&weight, Shape::new(&[2, 1])).unwrap_err().to_string().contains("has 18 numbers; 2 x 1 x 1"));
    }

    #[test]
    fn random_matrices_end_at_the_edge() {
        let weight: Vec<f64> = (0..40_000).map(|k| (f64::from(k) * 0.618_033_988_75 * f64::from(k % 977)).fract() - 0.5).collect();
        let shape = Shape::new(&[100, 400]);
        let spectrum = layer_spectrum(&weight, shape).unwrap();
        let edge = random_edge(&weight, shape);
        assert!((edge - 2.25 / 12.0).abs() < 0.01, "{edge}");
        assert!(spectrum.iter().filter(|&&e| e > 1.1 * edge).count() < 3, "{:?}", &spectrum[90..]);
    }

    #[test]
    fn a_line_correlates_without_error_and_noise_within_it() {
        let x: Vec<f64> = (0..200).map(|k| f64::from(k * k % 199)).collect();
        let line: Vec<f64> = x.iter().map(|x| 3.0 - 2.0 * x).collect();
        let c = correlation(&x, &line);
        assert!((c.pearson + 1.0).abs() < 1e-12 && c.pearson_error < 1e-12 && (c.spearman + 1.0).abs() < 1e-12);
        let noise: Vec<f64> = (0..200).map(|k| f64::from(k * k * k % 211)).collect();
        let c = correlation(&x, &noise);
        // Of independent columns, 1/sqrt(n).
        assert!(c.pearson.abs() < 0.25 && (0.05..0.1).contains(&c.pearson_error) && (0.05..0.1).contains(&c.spearman_error), "{c:?}");
    }
}
