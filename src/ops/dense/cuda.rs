//! The dense layer on a card: three products and the step back through ReLU and dropout. A batch of few samples takes its own tile, and
//! one pass over the weights for both gradients.

use super::{Dense, DenseConfig};
use crate::device::View;
use crate::device::cuda::{Chip, Cuda, CudaBuffer, In, Out, kernels};
use crate::ops::adam::{CHUNKS, Sink, Tensor, Update, WeightGradient, bias_launch};
use crate::ops::tiles::{Cut, CutConfig, LARGE, Places, SKINNY, Scratch, TALL, Tile, fits, partials_len};
use crate::{Error, Result};

kernels! {
    fn dense_forward[f32|tf32|bf16|f16](y: Out<f32>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, step: Option<In<u64>>, config: DenseConfig, cut: CutConfig);
    fn dense_forward_tall[f32|tf32|bf16|f16](y: Out<f32>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, step: Option<In<u64>>, config: DenseConfig, cut: CutConfig);
    fn dense_forward_large[f32|tf32|bf16|f16](y: Out<f32>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, step: Option<In<u64>>, config: DenseConfig, cut: CutConfig);
    fn dense_forward_skinny[f32|tf32|bf16|f16](y: Out<f32>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, step: Option<In<u64>>, config: DenseConfig, cut: CutConfig);
    fn dense_forward_finish(y: Out<f32>,
        partials: In<f32>, bias: In<f32>, step: Option<In<u64>>, config: DenseConfig, cut: CutConfig);
    fn dense_forward_wide_finish(y: Out<f32>,
        partials: In<f32>, bias: In<f32>, step: Option<In<u64>>, config: DenseConfig, cut: CutConfig);
    fn dense_undo(dz: Out<f32>, partials: Out<f32>, y: In<f32>, dy: In<f32>, config: DenseConfig, rows: u32);
    fn dense_dx[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: DenseConfig, cut: CutConfig);
    fn dense_dx_tall[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: DenseConfig, cut: CutConfig);
    fn dense_dx_large[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: DenseConfig, cut: CutConfig);
    fn dense_dx_skinny[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: DenseConfig, cut: CutConfig);
    fn dense_dx_dw(dx: Option<Out<f32>>, partials: Option<Out<f32>>, destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>,
        squares: Option<Out<f64>>, dz: In<f32>, x: In<f32>, weight: Option<In<f32>>, rate: Option<In<f64>>,
        config: DenseConfig, update: Update, cut: CutConfig);
    fn dense_dw[f32|tf32|bf16|f16](destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: Option<Out<f32>>, dz: In<f32>, x: In<f32>, rate: Option<In<f64>>, config: DenseConfig, update: Update, cut: CutConfig);
    fn dense_dw_tall[f32|tf32|bf16|f16](destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: Option<Out<f32>>, dz: In<f32>, x: In<f32>, rate: Option<In<f64>>, config: DenseConfig, update: Update, cut: CutConfig);
    fn dense_dw_large[f32|tf32|bf16|f16](destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: Option<Out<f32>>, dz: In<f32>, x: In<f32>, rate: Option<In<f64>>, config: DenseConfig, update: Update, cut: CutConfig);
}

/// How the three products are cut, and where their scratch stands.
impl DenseConfig {
    /// Rows, columns and inner dimension of the forward product, of dx, and of dw.
    fn products(&self) -> [[usize; 3]; 3] {
        let DenseConfig { batch, inputs, outputs, .. } = *self;
        [[batch, outputs, inputs], [batch, inputs, outputs], [outputs, inputs, batch]]
    }

    pub(crate) fn forward_cut(&self, chip: Chip) -> Cut {
        let product = self.products()[0];
        Cut::new(chip, Tile::or_skinny(chip, product), product)
    }

    pub(crate) fn dx_cut(&self, chip: Chip) -> Cut {
        let product = self.products()[1];
        Cut::new(chip, Tile::or_skinny(chip, product), product)
    }

    pub(crate) fn dw_cut(&self, chip: Chip) -> Cut {
        let product = self.products()[2];
        Cut::new(chip, Tile::new(chip, product), product)
    }

    /// The pass that makes dx and dw together, where the samples are few enough.
    pub(crate) fn one_pass(&self, chip: Chip) -> Option<Cut> {
        (self.batch <= SKINNY.rows).then(|| Cut::one_pass(chip, [self.outputs, self.inputs]))
    }

    fn scratch(&self, chip: Chip) -> Scratch {
        let DenseConfig { batch, inputs, outputs, .. } = *self;
        // A smaller batch than this may be few samples.
        let one_pass = Cut::one_pass(chip, [outputs, inputs]).partials_len();
        let partials = partials_len(chip, &self.products()).max(one_pass);
        Scratch::new(partials, [outputs, inputs], batch * outputs)
    }
}

/// What the two gradients of a layer are made from, and scratch.
struct Back<'a> {
    config: &'a DenseConfig,
    x: In<'a, f32>,
    dz: In<'a, f32>,
    partials: Out<'a, f32>,
    squares: Out<'a, f64>,
}

impl Back<'_> {
    /// dx, where it is wanted, and dw in one pass over the weights.
    fn both(&self, device: &Cuda, cut: Cut, dx: Option<Out<'_, f32>>, sink: &Sink<'_>) -> Result<()> {
        let Back { config, x, dz, partials, squares } = *self;
        let Sink { destination: to, parameters, first, second, rate, update, .. } = *sink;
        // Without dx nobody waits for it.
        let place = if dx.is_some() { device } else { &device.aside()? };
        let (launch, shares, sums) = (cut.launch(), cut.partials(partials), sink.squares(squares));
        dense_dx_dw(place, launch, dx, shares, to, first, second, sums, dz, x, parameters, rate, *config, update, cut.config())?;
        if let Some(dx) = dx {
            cut.finish_dx(device, dx, partials.read(), config.batch, config.inputs)?;
        }
        sink.add_penalty(&device.aside()?, squares.read(), cut.blocks())
    }

    fn input(&self, device: &Cuda, dx: Out<'_, f32>, weight: In<'_, f32>) -> Result<()> {
        let Back { config, dz, partials, .. } = *self;
        let cut = config.dx_cut(device.chip());
        let kernel = match cut.tile {
            SKINNY => dense_dx_skinny,
            LARGE => dense_dx_large,
            TALL => dense_dx_tall,
            _ => dense_dx,
        };
        kernel(device, cut.launch(), dx, cut.partials(partials), dz, weight, *config, cut.config())?;
        cut.finish_dx(device, dx, partials.read(), config.batch, config.inputs)
    }

    fn weight(&self, device: &Cuda, sink: &Sink<'_>) -> Result<()> {
        let Back { config, x, dz, partials, squares } = *self;
        let cut = config.dw_cut(device.chip());
        let Sink { destination, first, second, rate, update, .. } = *sink;
        let (sums, shares) = (sink.squares(squares), cut.partials(partials));
        let kernel = match cut.tile {
            LARGE => dense_dw_large,
            TALL => dense_dw_tall,
            _ => dense_dw,
        };
        kernel(device, cut.launch(), destination, first, second, sums, shares, dz, x, rate, *config, update, cut.config())?;
        cut.finish_dw(device, sink, squares, partials.read(), config.outputs, config.inputs)
    }
}

/// The kernels count elements in 32 bits.
fn check(config: &DenseConfig) -> Result<()> {
    let DenseConfig { batch, inputs, outputs, .. } = *config;
    if fits(batch, inputs.max(outputs)) && fits(outputs, inputs) {
        return Ok(());
    }
    Err(Error::value("batch", format!("{config:?} is beyond the 32 bits of the card's kernels; take a smaller batch or layer")))
}

impl Dense for Cuda {
    fn dense_workspace(&self, config: &DenseConfig) -> usize {
        config.scratch(self.chip()).len
    }

    fn dense_forward(
        &self,
        config: &DenseConfig,
        x: &CudaBuffer<f32>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        step: Option<&CudaBuffer<u64>>,
        y: &mut CudaBuffer<f32>,
        workspace: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        check(config)?;
        let cut = config.forward_cut(self.chip());
        let Places { partials, .. } = config.scratch(self.chip()).places(workspace);
        let (weight, bias) = (weight.buffer.at(weight.span.start), bias.buffer.at(bias.span.start));
        let (y, step) = (y.at_mut(0), step.map(|step| step.at(0)));
        let kernel = match cut.tile {
            SKINNY => dense_forward_skinny,
            LARGE => dense_forward_large,
            TALL => dense_forward_tall,
            _ => dense_forward,
        };
        kernel(self, cut.launch(), y, cut.partials(partials), x.at(0), weight, bias, step, *config, cut.config())?;
        let Some(launch) = cut.finish() else { return Ok(()) };
        let kernel = if cut.is_wide() { dense_forward_wide_finish } else { dense_forward_finish };
        kernel(self, launch, y, partials.read(), bias, step, *config, cut.config())
    }

    fn dense_backward(
        &self,
        config: &DenseConfig,
        x: &CudaBuffer<f32>,
        y: &CudaBuffer<f32>,
        dy: &CudaBuffer<f32>,
        dx: Option<&mut CudaBuffer<f32>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        check(config)?;
        let DenseConfig { batch, outputs, .. } = *config;
        let Places { partials, squares, sums, dz } = config.scratch(self.chip()).places(workspace);

        let (dz, sums, chunks) = if !config.relu && batch <= CHUNKS {
            // dz is dy, and so few rows are chunks as they are.
            (dy.at(0), dy.at(0), batch)
        } else {
            let (launch, chunks, rows) = bias_launch(batch, outputs);
            dense_undo(self, launch, dz, sums, y.at(0), dy.at(0), *config, rows)?;
            (dz.read(), sums.read(), chunks)
        };

        let back = Back { config, x: x.at(0), dz, partials, squares };
        let dx = dx.map(|dx| dx.at_mut(0));
        let frozen = matches!(target, WeightGradient::Skip { .. });
        let one_pass = config.one_pass(self.chip()).filter(|_| !frozen);
        if one_pass.is_none()
            && let Some(dx) = dx
        {
            back.input(self, dx, target.parameters().at(weight.span.start))?;
        }
        match (one_pass, Sink::new(target, weight)) {
            (Some(cut), Some(sink)) => back.both(self, cut, dx, &sink)?,
            (None, Some(sink)) => back.weight(&self.aside()?, &sink)?,
            (_, None) => {}
        }
        let aside = &self.aside()?;
        match Sink::new(target, bias) {
            Some(sink) => sink.bias(aside, squares, sums, outputs, chunks),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_32_bits_do_not_count_is_refused() {
        let config = |batch, inputs, outputs| DenseConfig { batch, inputs, outputs, relu: false, keep: 1.0, seed: 0 };
        assert!(check(&config(256, 4096, 2048)).is_ok());
        for (batch, inputs, outputs) in [(1 << 20, 4096, 2048), (1 << 22, 1, 1024), (10, 1 << 16, 1 << 16), (usize::MAX / 2, 1, 1)] {
            assert!(check(&config(batch, inputs, outputs)).is_err_and(|e| e.to_string().contains("32 bits")));
        }
    }
}
