//! Adam on the CPU: a gradient is made in pieces, on all cores, and each is consumed while it is in the cache. Sums are taken over the
//! same pieces in the same order whatever the threads.

use super::{Adam, AdamState, Tensor, WeightGradient};
use crate::Result;
use crate::device::{Cpu, Kernel, Real, Vector};
use rayon::prelude::*;

/// Elements of a piece of a stored gradient.
const PIECE: usize = 1 << 16;

impl<R: Real> Adam for Cpu<R> {
    fn adam_advance(&self, adam: &mut AdamState<Self>) -> Result<()> {
        adam.step[0] += 1;
        adam.rate[0] = adam.config.rate_at(adam.step[0]);
        adam.rate[1] = adam.config.epsilon_at(adam.step[0]);
        adam.penalty.fill(0.0);
        Ok(())
    }

    fn adam_apply(&self, tensors: &[Tensor], parameters: &mut Vec<R>, gradient: &Vec<R>, adam: &mut AdamState<Self>) -> Result<()> {
        for tensor in tensors {
            let gradient = &gradient[tensor.span.clone()];
            let target = &mut WeightGradient::Apply { parameters, adam };
            emit(target, tensor, PIECE, |index, piece| {
                let start = index * PIECE;
                piece.take(0, &gradient[start..gradient.len().min(start + PIECE)]);
            });
        }
        Ok(())
    }
}

/// The rule of [`super`] at one step, for one tensor.
#[derive(Clone, Copy)]
pub(crate) struct Rule<R> {
    beta1: R,
    rest1: R,
    beta2: R,
    rest2: R,
    epsilon: R,
    rate: R,
    l2_scale: R,
}

/// A piece of a tensor, and where its gradient goes.
pub(crate) enum Piece<'a, R> {
    /// A frozen tensor's parameters: its gradient goes nowhere.
    Skip(&'a [R]),
    /// Replaces what `gradient` holds.
    Store { parameters: &'a [R], gradient: &'a mut [R] },
    /// Is added to what `gradient` holds.
    Accumulate { parameters: &'a [R], gradient: &'a mut [R] },
    /// Is consumed by Adam.
    Apply {
        rule: Rule<R>,
        parameters: &'a mut [R],
        first: &'a mut [R],
        second: &'a mut [R],
        /// The sum of squares of the old parameters, where there is a penalty.
        square: &'a mut f64,
    },
}

impl<R: Real> Piece<'_, R> {
    /// The parameters, where their gradient was not taken yet.
    pub(crate) fn parameters(&self) -> &[R] {
        match self {
            Piece::Skip(parameters) | Piece::Store { parameters, .. } | Piece::Accumulate { parameters, .. } => parameters,
            Piece::Apply { parameters, .. } => parameters,
        }
    }

    /// Takes the gradient of the elements from `at`.
    pub(crate) fn take(&mut self, at: usize, gradient: &[R]) {
        let span = at..at + gradient.len();
        match self {
            Piece::Skip(_) => {}
            Piece::Store { gradient: out, .. } => out[span].copy_from_slice(gradient),
            Piece::Accumulate { gradient: out, .. } => {
                for (out, g) in out[span].iter_mut().zip(gradient) {
                    *out += *g;
                }
            }
            Piece::Apply { rule, parameters, first, second, square } => {
                let p = &mut parameters[span.clone()];
                if rule.l2_scale != R::ZERO {
                    **square += p.iter().map(|p| (*p * *p).to_f64()).sum::<f64>();
                }
                R::vectorised(Update { rule: *rule, p, m: &mut first[span.clone()], v: &mut second[span], g: gradient });
            }
        }
    }
}

/// Makes the gradient of `tensor` in pieces of `len` elements, on all cores: `make` gets a piece's number, and the piece to give it to.
pub(crate) fn emit<R: Real>(
    target: &mut WeightGradient<'_, Cpu<R>>,
    tensor: &Tensor,
    len: usize,
    make: impl Fn(usize, &mut Piece<'_, R>) + Sync,
) {
    let span = tensor.span.clone();
    match target {
        WeightGradient::Skip { parameters } => {
            parameters[span].par_chunks(len).enumerate().for_each(|(index, parameters)| make(index, &mut Piece::Skip(parameters)));
        }
        WeightGradient::Store { parameters, gradient } => {
            let pieces = parameters[span.clone()].par_chunks(len).zip(gradient[span].par_chunks_mut(len)).enumerate();
            pieces.for_each(|(index, (parameters, gradient))| make(index, &mut Piece::Store { parameters, gradient }));
        }
        WeightGradient::Accumulate { parameters, gradient } => {
            let pieces = parameters[span.clone()].par_chunks(len).zip(gradient[span].par_chunks_mut(len)).enumerate();
            pieces.for_each(|(index, (parameters, gradient))| make(index, &mut Piece::Accumulate { parameters, gradient }));
        }
        WeightGradient::Apply { parameters, adam } => {
            let r = R::from_f64;
            let (config, rate) = (adam.config, &adam.rate);
            let rule = Rule {
                beta1: r(config.beta1),
                rest1: r(1.0 - config.beta1),
                beta2: r(config.beta2),
                rest2: r(1.0 - config.beta2),
                epsilon: r(rate[1]),
                rate: r(rate[0]),
                l2_scale: r(tensor.l2_scale),
            };
            let mut squares = vec![0.0; span.len().div_ceil(len)];
            let pieces = (
                parameters[span.clone()].par_chunks_mut(len),
                adam.first[span.clone()].par_chunks_mut(len),
                adam.second[span].par_chunks_mut(len),
                squares.par_iter_mut(),
            );
            pieces.into_par_iter().enumerate().for_each(|(index, (parameters, first, second, square))| {
                make(index, &mut Piece::Apply { rule, parameters, first, second, square });
            });
            adam.penalty[tensor.index] += 0.5 * tensor.l2_scale * squares.iter().sum::<f64>();
        }
    }
}

/// The rule on a run of elements.
struct Update<'a, R> {
    rule: Rule<R>,
    p: &'a mut [R],
    m: &'a mut [R],
    v: &'a mut [R],
    g: &'a [R],
}

impl<R: Real> Kernel<R> for Update<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector<Real = R>>(self) {
        let Update { rule, p, m, v, g } = self;
        let len = p.len();
        assert!(m.len() == len && v.len() == len && g.len() == len);
        let whole = len - len % V::LANES;
        // SAFETY: whole vectors inside the slices, which are as long as each other (checked); the rest goes through arrays of a block.
        unsafe {
            for at in (0..whole).step_by(V::LANES) {
                update::<V>(rule, p.as_mut_ptr().add(at), m.as_mut_ptr().add(at), v.as_mut_ptr().add(at), g.as_ptr().add(at));
            }
            if whole < len {
                let rest = |slice: &[R]| {
                    let mut block = [R::ZERO; crate::device::BLOCK];
                    block[..len - whole].copy_from_slice(&slice[whole..]);
                    block
                };
                let (mut pr, mut mr, mut vr, gr) = (rest(p), rest(m), rest(v), rest(g));
                update::<V>(rule, pr.as_mut_ptr(), mr.as_mut_ptr(), vr.as_mut_ptr(), gr.as_ptr());
                for (slice, block) in [(p, pr), (m, mr), (v, vr)] {
                    slice[whole..].copy_from_slice(&block[..len - whole]);
                }
            }
        }
    }
}

/// The rule on one vector.
#[inline(always)]
unsafe fn update<V: Vector>(rule: Rule<V::Real>, p: *mut V::Real, m: *mut V::Real, v: *mut V::Real, g: *const V::Real) {
    // SAFETY: the caller's.
    unsafe {
        let (old, splat) = (V::load(p), |value| V::splat(value));
        let g = V::load(g).add_product(splat(rule.l2_scale), old);
        let first = V::load(m).mul(splat(rule.beta1)).add_product(splat(rule.rest1), g);
        let second = V::load(v).mul(splat(rule.beta2)).add_product(splat(rule.rest2), g.mul(g));
        first.store(m);
        second.store(v);
        old.sub(splat(rule.rate).mul(first).div(second.sqrt().add(splat(rule.epsilon)))).store(p);
    }
}
