//! Vectors of the processor: AVX-512 or AVX2 where it has them, found at run time, else four numbers that the compiler treats as it can.
//!
//! A [`Kernel`] is written once over [`Vector`] and compiled for each kind. The bits depend on the kind, never on the threads.

use super::Real;

/// Some numbers that the processor computes with at once.
///
/// # Safety
/// Every method needs a processor that has this kind of vectors; `load` and `store` need [`Vector::LANES`] numbers behind the pointer.
#[allow(missing_docs, clippy::missing_safety_doc)]
pub trait Vector: Copy {
    type Real: Real;
    /// Numbers in a vector; divides [`BLOCK`].
    const LANES: usize;
    unsafe fn splat(value: Self::Real) -> Self;
    unsafe fn load(from: *const Self::Real) -> Self;
    unsafe fn store(self, to: *mut Self::Real);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// `self + a b`, rounded once where the processor can.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// The larger number; what is no number in `self` stays so.
    unsafe fn at_least(self, least: Self) -> Self;
    /// 2^k of whole numbers k for which that is an ordinary number.
    unsafe fn power_of_two(self) -> Self;
}

/// Asks for the cache line at `from`, to be read soon; a hint, which any address may be given to.
#[inline(always)]
pub fn prefetch<T>(from: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Numbers in the blocks that kernels pack: a whole number of vectors of any kind, and a cache line of `f32`.
pub const BLOCK: usize = 16;

/// Work on vectors of any kind.
pub trait Kernel<R> {
    /// The work.
    ///
    /// # Safety
    /// The processor has vectors `V`. Implementations are `#[inline(always)]`, so that they are compiled for them.
    unsafe fn run<V: Vector<Real = R>>(self);
}

/// The choice of vectors for a number type.
pub trait Vectorised: Sized {
    /// Runs `kernel` on the widest vectors of this processor.
    fn vectorised<K: Kernel<Self>>(kernel: K);
}

macro_rules! vectorised {
    ($real:ty, $avx512:ident, $avx2:ident) => {
        impl Vectorised for $real {
            fn vectorised<K: Kernel<$real>>(kernel: K) {
                #[cfg(target_arch = "x86_64")]
                {
                    if std::arch::is_x86_feature_detected!("avx512f") {
                        // SAFETY: the processor has AVX-512.
                        return unsafe { on_avx512::<std::arch::x86_64::$avx512, K>(kernel) };
                    }
                    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                        // SAFETY: the processor has AVX2 and FMA.
                        return unsafe { on_avx2::<std::arch::x86_64::$avx2, K>(kernel) };
                    }
                }
                // SAFETY: these need nothing.
                unsafe { kernel.run::<[$real; 4]>() }
            }
        }
    };
}
vectorised!(f32, __m512, __m256);
vectorised!(f64, __m512d, __m256d);

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn on_avx512<V: Vector, K: Kernel<V::Real>>(kernel: K) {
    // SAFETY: the attribute.
    unsafe { kernel.run::<V>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn on_avx2<V: Vector, K: Kernel<V::Real>>(kernel: K) {
    // SAFETY: the attribute.
    unsafe { kernel.run::<V>() }
}

impl<R: Real, const N: usize> Vector for [R; N] {
    type Real = R;
    const LANES: usize = N;
    #[inline(always)]
    unsafe fn splat(value: R) -> Self {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const R) -> Self {
        // SAFETY: the caller's.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut R) {
        // SAFETY: the caller's.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] - other[lane])
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * other[lane])
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] / other[lane])
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        self.map(R::sqrt)
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        let mut out = self;
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out += a * b;
        }
        out
    }
    #[inline(always)]
    unsafe fn at_least(self, least: Self) -> Self {
        std::array::from_fn(|lane| if self[lane] < least[lane] { least[lane] } else { self[lane] })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        self.map(R::power_of_two)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Real, Vector};
    use std::arch::x86_64::*;

    macro_rules! vector {
        ($real:ty, $vector:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $sqrt:ident, $fma:ident, $max:ident, $bits:ident, $shift:ident, $digits:literal, $number:ident) => {
            // SAFETY of all: the caller's.
            impl Vector for $vector {
                type Real = $real;
                const LANES: usize = $lanes;
                #[inline(always)]
                unsafe fn splat(value: $real) -> Self {
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $real) -> Self {
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $real) {
                    unsafe { $store(to, self) }
                }
                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    unsafe { $add(self, other) }
                }
                #[inline(always)]
                unsafe fn sub(self, other: Self) -> Self {
                    unsafe { $sub(self, other) }
                }
                #[inline(always)]
                unsafe fn mul(self, other: Self) -> Self {
                    unsafe { $mul(self, other) }
                }
                #[inline(always)]
                unsafe fn div(self, other: Self) -> Self {
                    unsafe { $div(self, other) }
                }
                #[inline(always)]
                unsafe fn sqrt(self) -> Self {
                    unsafe { $sqrt(self) }
                }
                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    unsafe { $fma(a, b, self) }
                }
                #[inline(always)]
                unsafe fn at_least(self, least: Self) -> Self {
                    // The second one, if either is no number.
                    unsafe { $max(least, self) }
                }
                #[inline(always)]
                unsafe fn power_of_two(self) -> Self {
                    // The last bits of the sum are k and the exponent's bias; their place is above the digits.
                    let exponents = <$real>::WHOLE + (<$real>::MAX_EXP - 1) as $real;
                    unsafe { $number($shift::<$digits>($bits($add(self, $splat(exponents))))) }
                }
            }
        };
    }
    vector!(
        f32,
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_div_ps,
        _mm512_sqrt_ps,
        _mm512_fmadd_ps,
        _mm512_max_ps,
        _mm512_castps_si512,
        _mm512_slli_epi32,
        23,
        _mm512_castsi512_ps
    );
    vector!(
        f32,
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_div_ps,
        _mm256_sqrt_ps,
        _mm256_fmadd_ps,
        _mm256_max_ps,
        _mm256_castps_si256,
        _mm256_slli_epi32,
        23,
        _mm256_castsi256_ps
    );
    vector!(
        f64,
        __m512d,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_div_pd,
        _mm512_sqrt_pd,
        _mm512_fmadd_pd,
        _mm512_max_pd,
        _mm512_castpd_si512,
        _mm512_slli_epi64,
        52,
        _mm512_castsi512_pd
    );
    vector!(
        f64,
        __m256d,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_div_pd,
        _mm256_sqrt_pd,
        _mm256_fmadd_pd,
        _mm256_max_pd,
        _mm256_castpd_si256,
        _mm256_slli_epi64,
        52,
        _mm256_castsi256_pd
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last lane of `at_least(0)`, or of `power_of_two`, of each number.
    struct Each<'a, R> {
        powers: bool,
        numbers: &'a mut [R],
    }

    impl<R: Real> Kernel<R> for Each<'_, R> {
        #[inline(always)]
        unsafe fn run<V: Vector<Real = R>>(self) {
            for number in self.numbers {
                let mut lanes = [R::ZERO; BLOCK];
                // SAFETY: the caller's; a vector has at most BLOCK lanes.
                unsafe {
                    let all = V::splat(*number);
                    if self.powers { all.power_of_two() } else { all.at_least(V::splat(R::ZERO)) }.store(lanes.as_mut_ptr());
                }
                *number = lanes[V::LANES - 1];
            }
        }
    }

    fn own_and_plain<R: Real>(powers: bool, numbers: &[f64]) -> [Vec<f64>; 2] {
        let [mut own, mut plain] = [0; 2].map(|_| numbers.iter().map(|n| R::from_f64(*n)).collect::<Vec<R>>());
        R::vectorised(Each { powers, numbers: &mut own });
        // SAFETY: arrays need nothing.
        unsafe { Each { powers, numbers: &mut plain }.run::<[R; 4]>() };
        [own, plain].map(|numbers| numbers.into_iter().map(R::to_f64).collect())
    }

    #[test]
    fn powers_of_two_and_bounds_on_every_vector() {
        let whole = |most: i32| (1 - most..=most).map(f64::from).collect::<Vec<_>>();
        let expected = |most: i32| (1 - most..=most).map(|k| 2.0_f64.powi(k)).collect::<Vec<_>>();
        assert_eq!(own_and_plain::<f32>(true, &whole(127)), [expected(127), expected(127)]);
        assert_eq!(own_and_plain::<f64>(true, &whole(1023)), [expected(1023), expected(1023)]);
        for found in [own_and_plain::<f32>(false, &[-1.5, 2.0, f64::NAN]), own_and_plain::<f64>(false, &[-1.5, 2.0, f64::NAN])] {
            for found in found {
                assert!(found[..2] == [0.0, 2.0] && found[2].is_nan(), "{found:?}");
            }
        }
    }
}
