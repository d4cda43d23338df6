//! The one place that converts between what users see (NCHW images, PyTorch's weights) and what devices compute on
//! (NHWC images, weights with the inner dimension of their product contiguous).

use super::{Architecture, Image, Layer, Parameter};
use crate::device::Real;
use rayon::prelude::*;

/// The PyTorch (CHW) place of each device (HWC) place of a flattened image.
fn chw(image: Image) -> Vec<usize> {
    let pixels = image.height * image.width;
    (0..pixels).flat_map(|pixel| (0..image.channels).map(move |channel| channel * pixels + pixel)).collect()
}

/// A parameter as rows of columns: where PyTorch has each row of the device, and within a row each column.
struct Places {
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Places {
    fn of(layer: Layer, parameter: &Parameter) -> Self {
        let in_order = |count: usize| (0..count).collect();
        match (layer, parameter.is_weight()) {
            (Layer::Conv3x3 { .. }, false) => Places { rows: vec![0], columns: in_order(parameter.span.len()) },
            // (filter, row, column, channel) and (filter, channel, row, column)
            (Layer::Conv3x3 { input, filters, .. }, true) => {
                Places { rows: in_order(filters), columns: chw(Image { height: 3, width: 3, ..input }) }
            }
            (Layer::Dense { output, .. }, false) => Places { rows: vec![0], columns: chw(output) },
            (Layer::Dense { input, output, .. }, true) => Places { rows: chw(output), columns: chw(input) },
        }
    }
}

/// Parameters one after another in PyTorch's order, into an arena.
pub fn to_arena<R: Real>(architecture: &Architecture, torch: &[f64]) -> Vec<R> {
    let mut arena = vec![R::ZERO; architecture.arena_len()];
    let mut first = 0;
    for (parameter, Places { rows, columns }) in places(architecture) {
        let torch = &torch[first..][..parameter.span.len()];
        first += torch.len();
        arena[parameter.span].par_chunks_exact_mut(columns.len()).zip(&rows).for_each(|(to, row)| {
            let from = &torch[row * columns.len()..][..columns.len()];
            to.iter_mut().zip(&columns).for_each(|(to, column)| *to = R::from_f64(from[*column]));
        });
    }
    arena
}

/// The inverse of [`to_arena`].
pub fn from_arena<R: Real>(architecture: &Architecture, arena: &[R]) -> Vec<f64> {
    let mut torch = Vec::with_capacity(architecture.parameter_count());
    for (parameter, Places { rows, columns }) in places(architecture) {
        let (first, width) = (torch.len(), columns.len());
        torch.resize(first + parameter.span.len(), 0.0);
        let mut ours = vec![0; rows.len()];
        rows.iter().enumerate().for_each(|(row, theirs)| ours[*theirs] = row);
        torch[first..].par_chunks_exact_mut(width).zip(&ours).for_each(|(to, row)| {
            let from = &arena[parameter.span.start + row * width..][..width];
            columns.iter().zip(from).for_each(|(column, from)| to[*column] = from.to_f64());
        });
    }
    torch
}

/// The parameters with their places.
fn places(architecture: &Architecture) -> Vec<(Parameter, Places)> {
    let layers = architecture.layers();
    let parameters = architecture.parameters().into_iter();
    parameters.map(|parameter| (parameter.clone(), Places::of(layers[parameter.layer], &parameter))).collect()
}

/// A batch of images, NCHW to NHWC.
pub fn to_nhwc<T: Copy + Default + Send + Sync>(image: Image, nchw: &[T]) -> Vec<T> {
    let places = chw(image);
    let mut nhwc = vec![T::default(); nchw.len()];
    nhwc.par_chunks_exact_mut(image.len()).zip(nchw.par_chunks_exact(image.len())).for_each(|(to, from)| {
        to.iter_mut().zip(&places).for_each(|(to, place)| *to = from[*place]);
    });
    nhwc
}

/// A batch of images, NHWC to NCHW.
pub fn to_nchw<T: Copy + Default + Send + Sync>(image: Image, nhwc: &[T]) -> Vec<T> {
    let places = chw(image);
    let mut nchw = vec![T::default(); nhwc.len()];
    nchw.par_chunks_exact_mut(image.len()).zip(nhwc.par_chunks_exact(image.len())).for_each(|(to, from)| {
        from.iter().zip(&places).for_each(|(from, place)| to[*place] = *from);
    });
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
