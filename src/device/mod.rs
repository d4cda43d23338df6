//! Where buffers live and ops run. A device owns its memory; everything above speaks to it through the op traits.

mod cpu;
pub mod cuda;
mod simd;

pub use cpu::Cpu;
pub use cuda::Cuda;
pub(crate) use simd::{BLOCK, Kernel, Vector, Vectorised, prefetch};

use crate::Result;
use bytemuck::Pod;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Range, Sub};

/// The number type that a device computes in: `f32` or `f64`.
pub trait Real:
    Pod
    + Send
    + Sync
    + Default
    + PartialOrd
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + MulAssign
    + simd::Vectorised
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// A number so large that a sum with it is rounded to a whole number, which stands in its last bits: 1.5 times 2 to the digits after the first.
    const WHOLE: Self;
    /// Nearest value.
    fn from_f64(value: f64) -> Self;
    /// Exact value.
    fn to_f64(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// 2^k of a whole number k for which that is an ordinary number.
    fn power_of_two(self) -> Self;
}

macro_rules! real {
    ($($t:ty),*) => {$(
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const WHOLE: Self = 1.5 / <$t>::EPSILON;
            #[inline]
            fn from_f64(value: f64) -> Self {
                value as $t
            }
            #[inline]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline]
            fn power_of_two(self) -> Self {
                let exponent = self + (Self::WHOLE + (<$t>::MAX_EXP - 1) as $t);
                <$t>::from_bits(exponent.to_bits() << (<$t>::MANTISSA_DIGITS - 1))
            }
        }
    )*};
}
real!(f32, f64);

/// A plain number that a buffer can hold.
pub trait Element: Pod + Send + Sync + Default {}
impl<T: Pod + Send + Sync + Default> Element for T {}

/// Memory of a device. Buffers are allocated once and reused; a step allocates nothing.
pub trait Memory: Send + Sync {
    /// What parameters and activations are made of.
    type Real: Real;
    /// A run of elements in the device's memory.
    type Buffer<T: Element>: Send + Sync;

    /// Does [`Memory::overlap`] let passes run side by side? Each needs a workspace of its own then.
    const OVERLAPS: bool = false;

    /// Runs `work` on a device whose backward passes may leave the weights' gradients to a second queue; all is done, in the order of our
    /// queue, when this returns. Until then the buffers that a pass read must stay as they are.
    fn overlap(&self, work: &mut dyn FnMut(&Self) -> Result<()>) -> Result<()> {
        work(self)
    }

    /// The same device with a queue of its own: work that is enqueued there runs beside ours.
    ///
    /// # Errors
    /// Those of opening the device.
    fn beside(&self) -> Result<Self>
    where
        Self: Sized;
    /// A zeroed buffer of `len` elements.
    fn zeros<T: Element>(&self, len: usize) -> Result<Self::Buffer<T>>;
    /// Copies `host` to the start of `buffer`.
    fn upload<T: Element>(&self, host: &[T], buffer: &mut Self::Buffer<T>) -> Result<()>;
    /// Copies the start of `buffer` into `host`.
    fn download<T: Element>(&self, buffer: &Self::Buffer<T>, host: &mut [T]) -> Result<()>;

    /// A new buffer that holds `host`.
    fn holding<T: Element>(&self, host: &[T]) -> Result<Self::Buffer<T>> {
        let mut buffer = self.zeros(host.len())?;
        self.upload(host, &mut buffer)?;
        Ok(buffer)
    }

    /// The first `len` elements of `buffer`.
    fn first<T: Element>(&self, buffer: &Self::Buffer<T>, len: usize) -> Result<Vec<T>> {
        let mut host = vec![T::default(); len];
        self.download(buffer, &mut host)?;
        Ok(host)
    }
}

/// A list of operations recorded once, and enqueued again as a whole.
pub trait Replay: Memory {
    /// The recorded operations, each with the buffers that it was given.
    type Graph: Send + Sync;

    /// Records what `work` enqueues, without running it. `None`: the device records nothing, and `work` was not called. Every kernel
    /// must have run once before; `work` neither allocates nor asks the host.
    fn record(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<Option<Self::Graph>>;

    /// Enqueues the operations of `graph`.
    ///
    /// # Safety
    /// This device recorded `graph`, the buffers of its operations still live, and nobody else reads or writes them meanwhile.
    unsafe fn replay(&self, graph: &Self::Graph) -> Result<()>;
}

/// A run of numbers inside a buffer, such as one weight tensor in the parameter arena.
pub struct View<'a, D: Memory + ?Sized> {
    /// The buffer.
    pub buffer: &'a D::Buffer<D::Real>,
    /// The elements meant.
    pub span: Range<usize>,
}

impl<'a, D: Memory + ?Sized> View<'a, D> {
    /// The elements `span` of `buffer`.
    pub fn new(buffer: &'a D::Buffer<D::Real>, span: Range<usize>) -> Self {
        View { buffer, span }
    }
}
