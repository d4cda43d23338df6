//! The two networks of the paper (Figs. 2a, 3a, S7) as lists of layers, at any lattice size and any widths.

use crate::ops::adam::Tensor;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which way a network maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Disorder to localisation: the two displacement images (x, y) to N mode areas.
    D2l,
    /// Localisation to disorder: one image of sorted mode areas to the two displacement images.
    L2d,
}

impl Kind {
    /// As keys of the configuration, files and folders have it.
    pub fn key(self) -> &'static str {
        match self {
            Kind::D2l => "d2l",
            Kind::L2d => "l2d",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::D2l => "D2L",
            Kind::L2d => "L2D",
        })
    }
}

/// Where the 2x2 max-pools stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// Behind every convolution (Figs. 2a, 3a).
    Each,
    /// Behind the last one only (the one-pool variant, Fig. S7).
    Last,
}

/// A network of the paper's family: convolution stages, one hidden fully connected layer, a linear output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Which way it maps.
    pub kind: Kind,
    /// Sites along one side of the lattice, L.
    pub size: usize,
    /// Filters of each convolution.
    pub filters: Vec<usize>,
    /// Where the pools stand.
    pub pool: Pool,
    /// Units of the hidden fully connected layer.
    pub hidden: usize,
}

/// A stack of `channels` images of `height` x `width` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Images in the stack.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Image {
    /// Numbers in the stack.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A vector without spatial meaning.
    fn vector(len: usize) -> Self {
        Image { channels: len, height: 1, width: 1 }
    }
}

/// One layer with its shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// 3x3 convolution, ReLU, and a 2x2 max-pool where `pool`.
    Conv3x3 {
        /// What comes in.
        input: Image,
        /// Channels that go out.
        filters: usize,
        /// Is it followed by a max-pool?
        pool: bool,
    },
    /// Fully connected layer; a ReLU (and dropout while training) where `relu`.
    Dense {
        /// What comes in, flattened.
        input: Image,
        /// What goes out, before flattening.
        output: Image,
        /// Hidden layer, or linear output?
        relu: bool,
    },
}

impl Layer {
    /// What the layer gives.
    pub fn output(&self) -> Image {
        match *self {
            Layer::Conv3x3 { input, filters, pool } => {
                let divisor = if pool { 2 } else { 1 };
                Image { channels: filters, height: input.height / divisor, width: input.width / divisor }
            }
            Layer::Dense { output, .. } => output,
        }
    }

    /// The weight's shape in PyTorch's order: OIHW, or (output, input).
    pub fn weight_shape(&self) -> Vec<usize> {
        match *self {
            Layer::Conv3x3 { input, filters, .. } => vec![filters, input.channels, 3, 3],
            Layer::Dense { input, output, .. } => vec![output.len(), input.len()],
        }
    }
}

/// A named tensor of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name: `conv1.weight` ... `fc2.bias`.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
    /// The layer it belongs to, counted from 0; its weight is parameter `2 layer`, its bias `2 layer + 1`.
    pub layer: usize,
    /// Its elements in the arena.
    pub span: Range<usize>,
}

impl Parameter {
    /// Is it a weight (not a bias)?
    pub fn is_weight(&self) -> bool {
        self.shape.len() > 1
    }

    /// The tensor as the optimiser sees it.
    pub fn tensor(&self, index: usize, l2_scale: f64) -> Tensor {
        Tensor { span: self.span.clone(), index, l2_scale }
    }
}

/// Filters of a stage, or hidden units, at most.
const WIDEST: usize = 1 << 16;
/// Parameters at most: 4 GiB of f32, and Adam's moments as many each.
const MOST_PARAMETERS: usize = 1 << 30;

/// Tensors start at multiples of this many elements: 256 bytes of f32. The padding stays zero.
const ALIGNMENT: usize = 64;

/// Can a network have these filters? `key` is where they come from.
pub(crate) fn check_filters(key: &str, filters: &[usize]) -> Result<()> {
    if filters.is_empty() || filters.contains(&0) {
        return Err(Error::value(key, "needs at least one convolution, each with at least one filter"));
    }
    filters.iter().try_for_each(|width| check_width(key, *width))
}

fn check_width(key: &str, width: usize) -> Result<()> {
    if width > WIDEST { Err(Error::value(key, format!("{width} is more than {WIDEST}"))) } else { Ok(()) }
}

impl Architecture {
    /// Atoms of the lattice, N = L^2.
    pub fn sites(&self) -> usize {
        self.size * self.size
    }

    /// What the network takes.
    pub fn input(&self) -> Image {
        let channels = match self.kind {
            Kind::D2l => 2,
            Kind::L2d => 1,
        };
        Image { channels, height: self.size, width: self.size }
    }

    /// What the network gives: N mode areas, or the x and the y image.
    pub fn output(&self) -> Image {
        match self.kind {
            Kind::D2l => Image::vector(self.sites()),
            Kind::L2d => Image { channels: 2, height: self.size, width: self.size },
        }
    }

    /// Can it be built? The side must halve at every pool, no layer may be empty, and a computer must hold it.
    pub fn validate(&self) -> Result<()> {
        let name = self.kind.key();
        check_filters(&format!("{name}.filters"), &self.filters)?;
        let hidden = format!("{name}.hidden");
        if self.hidden == 0 {
            return Err(Error::value(hidden, "needs at least one unit"));
        }
        check_width(&hidden, self.hidden)?;
        let pools = match self.pool {
            Pool::Each => self.filters.len(),
            Pool::Last => 1,
        };
        if self.size == 0 || pools >= usize::BITS as usize || !self.size.is_multiple_of(1 << pools) {
            return Err(Error::value(
                "lattice.size",
                format!("{} sites a side cannot be halved {pools} times by the {} network's max-pools", self.size, self.kind),
            ));
        }
        let parameters = self.parameter_count();
        if parameters > MOST_PARAMETERS {
            return Err(Error::value(
                format!("{name}.filters"),
                format!("make {parameters} parameters; at most {MOST_PARAMETERS} are possible"),
            ));
        }
        Ok(())
    }

    /// The layers, first to last.
    pub fn layers(&self) -> Vec<Layer> {
        let mut image = self.input();
        let mut layers = Vec::with_capacity(self.filters.len() + 2);
        for (stage, &filters) in self.filters.iter().enumerate() {
            let pool = self.pool == Pool::Each || stage + 1 == self.filters.len();
            layers.push(Layer::Conv3x3 { input: image, filters, pool });
            image = layers[stage].output();
        }
        let hidden = Image::vector(self.hidden);
        layers.push(Layer::Dense { input: image, output: hidden, relu: true });
        layers.push(Layer::Dense { input: hidden, output: self.output(), relu: false });
        layers
    }

    /// Every weight and bias, in order, with its place in the arena.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut start = 0;
        let mut parameters = Vec::new();
        for (layer, description) in self.layers().iter().enumerate() {
            let name = match layer.checked_sub(self.filters.len()) {
                None => format!("conv{}", layer + 1),
                Some(dense) => format!("fc{}", dense + 1),
            };
            let weight = description.weight_shape();
            let bias = vec![weight[0]];
            for (kind, shape) in [("weight", weight), ("bias", bias)] {
                let len: usize = shape.iter().product();
                parameters.push(Parameter { name: format!("{name}.{kind}"), shape, layer, span: start..start + len });
                start += len.next_multiple_of(ALIGNMENT);
            }
        }
        parameters
    }

    /// Elements of the arena, padding included.
    pub fn arena_len(&self) -> usize {
        self.parameters().last().map_or(0, |last| last.span.end.next_multiple_of(ALIGNMENT))
    }

    /// Weights and biases that the network learns.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|p| p.span.len()).sum()
    }

    /// The architecture whose tensors have these names and shapes (PyTorch's order), or what does not fit.
    pub fn from_shapes(shapes: &[(String, Vec<usize>)]) -> std::result::Result<Self, String> {
        let shape = |name: &str| shapes.iter().find(|(n, _)| n == name).map(|(_, shape)| shape.as_slice());
        let mut filters = Vec::new();
        while let Some(&[out, ..]) = shape(&format!("conv{}.weight", filters.len() + 1)) {
            filters.push(out);
        }
        let Some(&[_, channels, 3, 3]) = shape("conv1.weight") else {
            return Err("no tensor conv1.weight of shape (filters, channels, 3, 3)".into());
        };
        let (Some(&[hidden, flat]), Some(&[outputs, _])) = (shape("fc1.weight"), shape("fc2.weight")) else {
            return Err("no tensors fc1.weight and fc2.weight of two dimensions".into());
        };
        let (kind, sites) = match channels {
            2 => (Kind::D2l, outputs),
            1 => (Kind::L2d, outputs / 2),
            _ => return Err(format!("conv1.weight has {channels} input channels; a D2L has 2, an L2D has 1")),
        };
        let size = sites.isqrt();
        if size * size != sites {
            return Err(format!("fc2.weight has {outputs} outputs, which is no square lattice for a {kind}"));
        }
        let candidates = [Pool::Each, Pool::Last].map(|pool| Architecture { kind, size, filters: filters.clone(), pool, hidden });
        let fits = |a: &&Architecture| {
            a.validate().is_ok() && a.parameters().iter().all(|p| shape(&p.name) == Some(&p.shape)) && a.parameters().len() == shapes.len()
        };
        candidates.iter().find(fits).cloned().ok_or_else(|| {
            format!("the shapes fit no {kind} for a {size} x {size} lattice with {filters:?} filters (fc1 takes {flat} numbers), with a max-pool behind every convolution or behind the last")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(kind: Kind) -> Architecture {
        Architecture { kind, size: 16, filters: vec![256, 512, 1024], pool: Pool::Each, hidden: 2048 }
    }

    fn one_pool(kind: Kind) -> Architecture {
        Architecture { kind, size: 16, filters: vec![16, 32, 64, 128], pool: Pool::Last, hidden: 2048 }
    }

    #[test]
    fn sizes_are_the_papers() {
        assert_eq!(paper(Kind::D2l).parameter_count(), 14_819_840);
        assert_eq!(paper(Kind::L2d).parameter_count(), 15_342_080);
        assert_eq!(one_pool(Kind::D2l).parameter_count(), 17_401_104);
        assert_eq!(one_pool(Kind::L2d).parameter_count(), 17_925_504);
    }

    #[test]
    fn shapes_tell_the_architecture() {
        for architecture in [paper(Kind::D2l), paper(Kind::L2d), one_pool(Kind::D2l), one_pool(Kind::L2d)] {
            let shapes: Vec<_> = architecture.parameters().into_iter().map(|p| (p.name, p.shape)).collect();
            assert_eq!(Architecture::from_shapes(&shapes), Ok(architecture));
        }
    }

    #[test]
    fn foreign_shapes_are_refused_with_the_reason() {
        let mut shapes: Vec<_> = paper(Kind::D2l).parameters().into_iter().map(|p| (p.name, p.shape)).collect();
        shapes[6].1[1] += 1;
        assert!(Architecture::from_shapes(&shapes).unwrap_err().contains("fit no D2L"));
        shapes[0].1[1] = 3;
        assert!(Architecture::from_shapes(&shapes).unwrap_err().contains("3 input channels"));
    }

    #[test]
    fn a_side_that_does_not_halve_is_refused() {
        for size in [0, 5, 15, 20] {
            assert!(Architecture { size, ..paper(Kind::D2l) }.validate().is_err(), "{size}");
        }
        assert!(Architecture { size: 6, ..one_pool(Kind::D2l) }.validate().is_ok());
    }

    #[test]
    fn a_network_that_no_computer_holds_is_refused() {
        for (filters, hidden, says) in [
            (vec![99_999_999_999, 9, 9], 9, "d2l.filters: 99999999999 is more than 65536"),
            (vec![9, 9, 9], usize::MAX, "d2l.hidden"),
            (vec![65_536; 3], 65_536, "at most 1073741824"),
        ] {
            let said = Architecture { filters, hidden, ..paper(Kind::D2l) }.validate().unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn tensors_are_aligned_and_apart() {
        let parameters = Architecture { size: 8, filters: vec![5, 7, 9], hidden: 24, ..paper(Kind::D2l) }.parameters();
        for pair in parameters.windows(2) {
            assert!(pair[0].span.end <= pair[1].span.start && pair[1].span.start.is_multiple_of(ALIGNMENT));
        }
    }
}
