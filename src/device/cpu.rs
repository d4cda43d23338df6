//! The CPU: buffers are vectors, ops run on the rayon pool.

use super::{Element, Memory, Real, Replay};
use crate::Result;
use std::convert::Infallible;
use std::marker::PhantomData;

/// The CPU, computing in `R` (`f32` to train, `f64` for gradient checks and ground truth).
#[derive(Debug, Default, Clone, Copy)]
pub struct Cpu<R>(PhantomData<R>);

impl<R: Real> Cpu<R> {
    /// The machine's processor, all cores.
    pub fn new() -> Self {
        Cpu(PhantomData)
    }
}

impl<R: Real> Memory for Cpu<R> {
    type Real = R;
    type Buffer<T: Element> = Vec<T>;

    fn beside(&self) -> Result<Self> {
        Ok(*self)
    }

    fn zeros<T: Element>(&self, len: usize) -> Result<Vec<T>> {
        Ok(vec![T::zeroed(); len])
    }

    fn upload<T: Element>(&self, host: &[T], buffer: &mut Vec<T>) -> Result<()> {
        buffer[..host.len()].copy_from_slice(host);
        Ok(())
    }

    fn download<T: Element>(&self, buffer: &Vec<T>, host: &mut [T]) -> Result<()> {
        host.copy_from_slice(&buffer[..host.len()]);
        Ok(())
    }
}

impl<R: Real> Replay for Cpu<R> {
    type Graph = Infallible;

    fn record(&self, _work: &mut dyn FnMut() -> Result<()>) -> Result<Option<Infallible>> {
        Ok(None)
    }

    unsafe fn replay(&self, graph: &Infallible) -> Result<()> {
        match *graph {}
    }
}
