//! The one place that converts between what users see (NCHW images, PyTorch's weights) and what devices compute on
//! (NHWC images, weights with the inner dimension of their product contiguous).

use super::{Architecture, Image, Layer, Parameter};
use crate::device::Real;

/// The PyTorch (CHW) place of device (HWC) place `at` of a flattened image.
fn chw(image: Image, at: usize) -> usize {
    let (pixel, channel) = (at / image.channels, at % image.channels);
    channel * image.height * image.width + pixel
}

/// The PyTorch place of element `at` of `parameter` in the arena.
fn torch_place(layer: Layer, parameter: &Parameter, at: usize) -> usize {
    match (layer, parameter.is_weight()) {
        (Layer::Conv3x3 { .. }, false) => at,
        // (filter, row, column, channel) to (filter, channel, row, column)
        (Layer::Conv3x3 { input, .. }, true) => {
            let (filter, rest) = (at / (9 * input.channels), at % (9 * input.channels));
            filter * 9 * input.channels + chw(Image { height: 3, width: 3, ..input }, rest)
        }
        (Layer::Dense { output, .. }, false) => chw(output, at),
        (Layer::Dense { input, output, .. }, true) => {
            let (row, column) = (at / input.len(), at % input.len());
            chw(output, row) * input.len() + chw(input, column)
        }
    }
}

/// Parameters one after another in PyTorch's order, into an arena.
pub fn to_arena<R: Real>(architecture: &Architecture, torch: &[f64]) -> Vec<R> {
    let mut arena = vec![R::ZERO; architecture.arena_len()];
    for_each_place(architecture, |place, at| arena[at] = R::from_f64(torch[place]));
    arena
}

/// The inverse of [`to_arena`].
pub fn from_arena<R: Real>(architecture: &Architecture, arena: &[R]) -> Vec<f64> {
    let mut torch = vec![0.0; architecture.parameter_count()];
    for_each_place(architecture, |place, at| torch[place] = arena[at].to_f64());
    torch
}

fn for_each_place(architecture: &Architecture, mut visit: impl FnMut(usize, usize)) {
    let layers = architecture.layers();
    let mut first = 0;
    for parameter in architecture.parameters() {
        for at in 0..parameter.span.len() {
            visit(first + torch_place(layers[parameter.layer], &parameter, at), parameter.span.start + at);
        }
        first += parameter.span.len();
    }
}

/// A batch of images, NCHW to NHWC.
pub fn to_nhwc<T: Copy>(image: Image, nchw: &[T]) -> Vec<T> {
    let samples = nchw.chunks_exact(image.len());
    samples.flat_map(|sample| (0..image.len()).map(move |at| sample[chw(image, at)])).collect()
}

/// A batch of images, NHWC to NCHW.
pub fn to_nchw<T: Copy + Default>(image: Image, nhwc: &[T]) -> Vec<T> {
    let mut nchw = vec![T::default(); nhwc.len()];
    for (from, to) in nhwc.chunks_exact(image.len()).zip(nchw.chunks_exact_mut(image.len())) {
        for (at, value) in from.iter().enumerate() {
            to[chw(image, at)] = *value;
        }
    }
    nchw
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Pool};
    use super::*;

    #[test]
    fn there_and_back_is_the_identity() {
        let architecture = Architecture { kind: Kind::L2d, size: 8, filters: vec![3, 5], pool: Pool::Each, hidden: 7 };
        let torch: Vec<f64> = (0..architecture.parameter_count()).map(|i| i as f64).collect();
        assert_eq!(from_arena(&architecture, &to_arena::<f64>(&architecture, &torch)), torch);
        let image = Image { channels: 2, height: 3, width: 4 };
        let nchw: Vec<f64> = (0..2 * image.len()).map(|i| i as f64).collect();
        let nhwc = to_nhwc(image, &nchw);
        assert_eq!(nhwc[..4], [0.0, 12.0, 1.0, 13.0]);
        assert_eq!(to_nchw(image, &nhwc), nchw);
    }
}
