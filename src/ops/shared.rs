//! A slice that tasks write side by side where their parts are no runs: columns of a matrix, say.

use std::marker::PhantomData;

/// A slice that is borrowed alone, for tasks that share it out among themselves.
pub(crate) struct Shared<'a, T> {
    first: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: `run` says who may reach what.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Shared { first: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The `len` elements from `at`.
    ///
    /// # Safety
    /// No other task reaches any of them while the result lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn run(&self, at: usize, len: usize) -> &mut [T] {
        assert!(at + len <= self.len, "{len} elements from {at} of {}", self.len);
        // SAFETY: inside the slice (checked), and reached by nobody else (the caller's).
        unsafe { std::slice::from_raw_parts_mut(self.first.add(at), len) }
    }
}
