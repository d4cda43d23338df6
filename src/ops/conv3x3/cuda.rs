//! The convolution stage on a card: three implicit products and the step back through ReLU and pool.

use super::{Conv3x3, Conv3x3Config};
use crate::device::View;
use crate::device::cuda::{Chip, Cuda, CudaBuffer, In, Out, kernels};
use crate::ops::adam::{Sink, Tensor, Update, WeightGradient, bias_launch};
use crate::ops::tiles::{Cut, CutConfig, LARGE, Places, Scratch, TALL, Tile, fits, partials_len};
use crate::{Error, Result};

kernels! {
    fn conv3x3_forward[f32|tf32|bf16|f16](y: Out<f32>, argmax: Option<Out<u8>>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_forward_tall[f32|tf32|bf16|f16](y: Out<f32>, argmax: Option<Out<u8>>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_forward_large[f32|tf32|bf16|f16](y: Out<f32>, argmax: Option<Out<u8>>, partials: Option<Out<f32>>,
        x: In<f32>, weight: In<f32>, bias: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_forward_finish(y: Out<f32>, argmax: Option<Out<u8>>,
        partials: In<f32>, bias: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_forward_wide_finish(y: Out<f32>, argmax: Option<Out<u8>>,
        partials: In<f32>, bias: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_undo(dz: Out<f32>, partials: Out<f32>,
        y: In<f32>, argmax: Option<In<u8>>, dy: In<f32>, config: Conv3x3Config, rows: u32);
    fn conv3x3_dx[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_dx_tall[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_dx_large[f32|tf32|bf16|f16](dx: Out<f32>, partials: Option<Out<f32>>,
        dz: In<f32>, weight: In<f32>, config: Conv3x3Config, cut: CutConfig);
    fn conv3x3_dw[f32|tf32|bf16|f16](destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: Option<Out<f32>>, dz: In<f32>, x: In<f32>, rate: Option<In<f64>>, config: Conv3x3Config, update: Update, cut: CutConfig);
    fn conv3x3_dw_tall[f32|tf32|bf16|f16](destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: Option<Out<f32>>, dz: In<f32>, x: In<f32>, rate: Option<In<f64>>, config: Conv3x3Config, update: Update, cut: CutConfig);
    fn conv3x3_dw_large[f32|tf32|bf16|f16](destination: Out<f32>, first: Option<Out<f32>>, second: Option<Out<f32>>, squares: Option<Out<f64>>,
        partials: Option<Out<f32>>, dz: In<f32>, x: In<f32>, rate: Option<In<f64>>, config: Conv3x3Config, update: Update, cut: CutConfig);
}

/// How the three products are cut, and where their scratch stands.
impl Conv3x3Config {
    /// Rows, columns and inner dimension of the forward product, of dx, and of dw.
    fn products(&self) -> [[usize; 3]; 3] {
        let (pixels, filters, taps) = (self.pixels(), self.filters, self.taps());
        [[pixels, filters, taps], [pixels, self.channels, 9 * filters], [filters, taps, pixels]]
    }

    pub(crate) fn forward_cut(&self, chip: Chip) -> Cut {
        let product = self.products()[0];
        Cut::new(chip, Tile::new(chip, product), product)
    }

    pub(crate) fn dx_cut(&self, chip: Chip) -> Cut {
        let product = self.products()[1];
        Cut::new(chip, Tile::new(chip, product), product)
    }

    pub(crate) fn dw_cut(&self, chip: Chip) -> Cut {
        let product = self.products()[2];
        Cut::new(chip, Tile::new(chip, product), product)
    }

    fn scratch(&self, chip: Chip) -> Scratch {
        let partials = partials_len(chip, &self.products());
        Scratch::new(partials, [self.filters, self.taps()], self.pixels() * self.filters)
    }
}

/// The kernels count pixels, taps and elements in 32 bits, and divide by multiplying (`kernels/include/windows.cuh`).
fn check(config: &Conv3x3Config) -> Result<()> {
    let widest = config.channels.max(config.filters);
    if fits(config.pixels(), config.width.max(config.height).max(widest)) && fits(9 * widest, widest) {
        return Ok(());
    }
    Err(Error::value("batch", format!("{config:?} is beyond the 32 bits of the card's kernels; take a smaller batch")))
}

impl Conv3x3 for Cuda {
    fn conv3x3_workspace(&self, config: &Conv3x3Config) -> usize {
        config.scratch(self.chip()).len
    }

    fn conv3x3_forward(
        &self,
        config: &Conv3x3Config,
        x: &CudaBuffer<f32>,
        weight: View<'_, Self>,
        bias: View<'_, Self>,
        y: &mut CudaBuffer<f32>,
        argmax: &mut CudaBuffer<u8>,
        workspace: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        check(config)?;
        let cut = config.forward_cut(self.chip());
        let Places { partials, .. } = config.scratch(self.chip()).places(workspace);
        let (weight, bias) = (weight.buffer.at(weight.span.start), bias.buffer.at(bias.span.start));
        let (y, argmax) = (y.at_mut(0), config.pool.then(|| argmax.at_mut(0)));
        let kernel = match cut.tile {
            LARGE => conv3x3_forward_large,
            TALL => conv3x3_forward_tall,
            _ => conv3x3_forward,
        };
        kernel(self, cut.launch(), y, argmax, cut.partials(partials), x.at(0), weight, bias, *config, cut.config())?;
        let Some(launch) = cut.finish() else { return Ok(()) };
        let kernel = if cut.is_wide() { conv3x3_forward_wide_finish } else { conv3x3_forward_finish };
        kernel(self, launch, y, argmax, partials.read(), bias, *config, cut.config())
    }

    fn conv3x3_backward(
        &self,
        config: &Conv3x3Config,
        x: &CudaBuffer<f32>,
        y: &CudaBuffer<f32>,
        argmax: &CudaBuffer<u8>,
        dy: &CudaBuffer<f32>,
        dx: Option<&mut CudaBuffer<f32>>,
        weight: &Tensor,
        bias: &Tensor,
        target: &mut WeightGradient<'_, Self>,
        workspace: &mut CudaBuffer<f32>,
    ) -> Result<()> {
        check(config)?;
        let (pixels, taps, filters) = (config.pixels(), config.taps(), config.filters);
        let Places { partials, squares, sums, dz } = config.scratch(self.chip()).places(workspace);

        let (launch, chunks, rows) = bias_launch(config.output_len() / filters, filters);
        let argmax = config.pool.then(|| argmax.at(0));
        conv3x3_undo(self, launch, dz, sums, y.at(0), argmax, dy.at(0), *config, rows)?;
        let dz = dz.read();

        if let Some(dx) = dx {
            let cut = config.dx_cut(self.chip());
            let (dx, weight) = (dx.at_mut(0), target.parameters().at(weight.span.start));
            let kernel = match cut.tile {
                LARGE => conv3x3_dx_large,
                TALL => conv3x3_dx_tall,
                _ => conv3x3_dx,
            };
            kernel(self, cut.launch(), dx, cut.partials(partials), dz, weight, *config, cut.config())?;
            cut.finish_dx(self, dx, partials.read(), pixels, config.channels)?;
        }
        let aside = &self.aside()?;
        if let Some(sink) = Sink::new(target, weight) {
            let cut = config.dw_cut(self.chip());
            let Sink { destination, first, second, rate, update, .. } = sink;
            let (wanted, shares) = (sink.squares(squares), cut.partials(partials));
            let kernel = match cut.tile {
                LARGE => conv3x3_dw_large,
                TALL => conv3x3_dw_tall,
                _ => conv3x3_dw,
            };
            kernel(aside, cut.launch(), destination, first, second, wanted, shares, dz, x.at(0), rate, *config, update, cut.config())?;
            cut.finish_dw(aside, &sink, squares, partials.read(), filters, taps)?;
        }
        match Sink::new(target, bias) {
            Some(sink) => sink.bias(aside, squares, sums.read(), filters, chunks),
            None => Ok(()),
        }
    }
}
