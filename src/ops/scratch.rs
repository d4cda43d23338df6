//! Scratch of a thread, on whole cache lines: it stays warm from task to task, and is no longer than the longest task needs.

use crate::device::Real;
use std::cell::RefCell;

/// A cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Line([u8; 64]);

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
