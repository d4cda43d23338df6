//! Numbers on whole cache lines, and the scratch of a thread: it stays warm from task to task, and is no longer than the longest task
//! needs.

use crate::device::Real;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Line([u8; 64]);

/// Numbers whose first begins a cache line.
pub(crate) struct Aligned<R> {
    lines: Vec<Line>,
    len: usize,
    number: PhantomData<R>,
}

impl<R: Real> Aligned<R> {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Aligned { lines: vec![bytemuck::Zeroable::zeroed(); (len * size_of::<R>()).div_ceil(size_of::<Line>())], len, number: PhantomData }
    }
}

impl<R: Real> Deref for Aligned<R> {
    type Target = [R];
    fn deref(&self) -> &[R] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl<R: Real> DerefMut for Aligned<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `len` numbers of this thread's scratch; they hold whatever they held. `work` must not ask for scratch again.
pub(crate) fn with_scratch<R: Real, T>(len: usize, work: impl FnOnce(&mut [R]) -> T) -> T {
    LINES.with_borrow_mut(|lines| {
        let needed = (len * size_of::<R>()).div_ceil(size_of::<Line>());
        if lines.len() < needed {
            lines.resize(needed, bytemuck::Zeroable::zeroed());
        }
        work(&mut bytemuck::cast_slice_mut(lines)[..len])
    })
}
