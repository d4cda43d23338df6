//! What a device can do at most: copying, multiply-adds, and products in its precision, by code that does nothing else. A benchmark
//! measures them beside the ops, in the same run, and says what part of them an op reaches.

mod cpu;
mod cuda;

use crate::Result;
use crate::device::Memory;

/// The roofs of a device, and its clock.
pub trait Roof: Memory {
    /// Seconds that the device takes for what `work` enqueues.
    fn seconds(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<f64>;

    /// Numbers that [`Roof::multiply_add`], [`Roof::product`] and [`Roof::double`] leave in `out`.
    fn roof_len(&self) -> usize;

    /// The first `len` numbers of `from` into `to`; `len` is a multiple of 4.
    fn copy(&self, len: usize, from: &Self::Buffer<Self::Real>, to: &mut Self::Buffer<Self::Real>) -> Result<()>;

    /// `rounds` multiply-adds on each of many numbers in registers; the flop done. `None` where the compiler's code for them says less
    /// about the device than [`Roof::product`] does.
    fn multiply_add(&self, rounds: u32, out: &mut Self::Buffer<Self::Real>) -> Result<Option<f64>>;

    /// Products in the precision of the device, `rounds` times; the flop done.
    fn product(&self, rounds: u32, out: &mut Self::Buffer<Self::Real>) -> Result<f64>;

    /// The same in f64, for what is solved in it: multiply-adds where the device has them, else products.
    fn double(&self, rounds: u32, out: &mut Self::Buffer<f64>) -> Result<f64>;
}
