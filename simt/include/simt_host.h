// The host half of simt.cuh: what CUDA C++ offers a kernel, as ordinary C++17. Everything that needs other threads is a call into the
// runtime (runtime/*.cpp); what one thread does alone is inline here.
//
// Standard headers come first: the macros below use names that they use too.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "simt_runtime.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) alignas(bytes)
#define __launch_bounds__(...)

#define threadIdx (simt::self->thread)
#define blockIdx (simt::self->block)
#define blockDim (simt::self->block_size)
#define gridDim (simt::self->grid_size)
#define warpSize 32

// Calls into the runtime carry the place they were written at, for the fault line.
#define SIMT_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define SIMT_HERE simt::Place{file, line}

// --- shared memory and exports -----------------------------------------------------------------------------------------------------------

// All threads of a block that pass the declaration get the same array: its key is the address of a static that belongs to it alone.
#define SIMT_SHARED(type, name, dimensions)                                                                                               \
    typedef type simt_type_of_##name dimensions;                                                                                          \
    static const char simt_key_of_##name = 0;                                                                                             \
    simt_type_of_##name& name = *static_cast<simt_type_of_##name*>(                                                                       \
        simt::shared_array(&simt_key_of_##name, sizeof(simt_type_of_##name), #name, simt::Place{__FILE__, __LINE__}))
#define SIMT_DYN_SHARED(type, name) type* const name = static_cast<type*>(simt::dynamic_shared())
#define SIMT_EXPORT(kernel)                                                                                                               \
    static const bool simt_export_of_##kernel = simt::Export<decltype(&kernel), &kernel>::add(#kernel, __FILE__);

namespace simt {

// Turns `void kernel(A, B, ...)` into a function of the driver's array of argument addresses, and records the arguments' sizes.
template <typename Function, Function kernel>
struct Export;
template <typename... Arguments, void (*kernel)(Arguments...)>
struct Export<void (*)(Arguments...), kernel> {
    template <std::size_t... index>
    static void call(void** arguments, std::index_sequence<index...>) {
        kernel(*static_cast<std::remove_reference_t<Arguments>*>(arguments[index])...);
    }
    static void trampoline(void** arguments) { call(arguments, std::index_sequence_for<Arguments...>()); }
    static bool add(const char* name, const char* file) {
        static const Parameter parameters[] = {{sizeof(Arguments), alignof(Arguments)}..., {0, 1}};
        return add_kernel(Kernel{name, file, &trampoline, parameters, sizeof...(Arguments)});
    }
};

template <typename To, typename From>
inline To bits(From value) {
    static_assert(sizeof(To) == sizeof(From), "the same number of bits");
    To result;
    std::memcpy(&result, &value, sizeof(To));
    return result;
}

}  // namespace simt

// --- barriers and warp operations --------------------------------------------------------------------------------------------------------

inline void __syncthreads(SIMT_PLACE) { simt::barrier(SIMT_HERE); }
inline void __syncwarp(unsigned mask = 0xffffffffu, SIMT_PLACE) { simt::warp_barrier(mask, SIMT_HERE); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_PLACE) { return simt::ballot(mask, predicate != 0, SIMT_HERE); }
inline int __any_sync(unsigned mask, int predicate, SIMT_PLACE) { return simt::ballot(mask, predicate != 0, SIMT_HERE) != 0; }
inline int __all_sync(unsigned mask, int predicate, SIMT_PLACE) { return simt::ballot(mask, predicate == 0, SIMT_HERE) == 0; }

namespace simt {

// The value that lane `source` gave. A source outside the lane's segment of `width` lanes means: keep one's own.
template <typename T>
inline T shuffle_from(unsigned mask, T value, int source, Place place) {
    static_assert(std::is_arithmetic<T>::value && (sizeof(T) == 4 || sizeof(T) == 8), "shuffles move 4 or 8 bytes");
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    return bits<T>(static_cast<Bits>(shuffle(mask, bits<Bits>(value), source, place)));
}

inline int lane() { return static_cast<int>(self->lane); }

}  // namespace simt

template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, SIMT_PLACE) {
    return simt::shuffle_from(mask, value, (simt::lane() & ~(width - 1)) | (source & (width - 1)), SIMT_HERE);
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, SIMT_PLACE) {
    const int source = simt::lane() ^ bits;
    return simt::shuffle_from(mask, value, source < (simt::lane() | (width - 1)) + 1 ? source : simt::lane(), SIMT_HERE);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMT_PLACE) {
    const int source = simt::lane() + static_cast<int>(delta);
    return simt::shuffle_from(mask, value, source <= (simt::lane() | (width - 1)) ? source : simt::lane(), SIMT_HERE);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMT_PLACE) {
    const int source = simt::lane() - static_cast<int>(delta);
    return simt::shuffle_from(mask, value, source >= (simt::lane() & ~(width - 1)) ? source : simt::lane(), SIMT_HERE);
}

[[noreturn]] inline void __trap(SIMT_PLACE) { simt::trap(SIMT_HERE); }

// --- vectors -----------------------------------------------------------------------------------------------------------------------------

#define SIMT_VECTOR(type, name, bytes)                                                                                                    \
    struct alignas(2 * sizeof(type)) name##2 { type x, y; };                                                                              \
    struct alignas(bytes) name##4 { type x, y, z, w; };                                                                                   \
    inline name##2 make_##name##2(type x, type y) { return {x, y}; }                                                                      \
    inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
SIMT_VECTOR(float, float, 16)
SIMT_VECTOR(int, int, 16)
SIMT_VECTOR(unsigned, uint, 16)
SIMT_VECTOR(unsigned short, ushort, 8)
SIMT_VECTOR(unsigned char, uchar, 4)
#undef SIMT_VECTOR
struct alignas(16) double2 { double x, y; };
inline double2 make_double2(double x, double y) { return {x, y}; }
struct alignas(16) ulonglong2 { unsigned long long x, y; };
inline ulonglong2 make_ulonglong2(unsigned long long x, unsigned long long y) { return {x, y}; }
using simt::dim3;
using simt::uint3;

// --- numbers -----------------------------------------------------------------------------------------------------------------------------

#define SIMT_MIN_MAX(type)                                                                                                                \
    inline type min(type a, type b) { return b < a ? b : a; }                                                                             \
    inline type max(type a, type b) { return a < b ? b : a; }
SIMT_MIN_MAX(int)
SIMT_MIN_MAX(unsigned)
SIMT_MIN_MAX(long)
SIMT_MIN_MAX(unsigned long)
SIMT_MIN_MAX(long long)
SIMT_MIN_MAX(unsigned long long)
#undef SIMT_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }

// Named roundings: the host rounds to nearest, and nothing is contracted.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline double __dsqrt_rn(double a) { return sqrt(a); }
inline int __float2int_rn(float a) { return static_cast<int>(nearbyintf(a)); }
inline int __float2int_rz(float a) { return static_cast<int>(a); }
inline unsigned __float2uint_rz(float a) { return static_cast<unsigned>(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
inline float __double2float_rn(double a) { return static_cast<float>(a); }

inline unsigned __float_as_uint(float a) { return simt::bits<unsigned>(a); }
inline int __float_as_int(float a) { return simt::bits<int>(a); }
inline float __uint_as_float(unsigned a) { return simt::bits<float>(a); }
inline float __int_as_float(int a) { return simt::bits<float>(a); }
inline long long __double_as_longlong(double a) { return simt::bits<long long>(a); }
inline double __longlong_as_double(long long a) { return simt::bits<double>(a); }

inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32); }
inline int __mulhi(int a, int b) { return static_cast<int>(static_cast<std::int64_t>(a) * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline int __popc(unsigned a) { return __builtin_popcount(a); }
inline int __popcll(unsigned long long a) { return __builtin_popcountll(a); }
inline int __clz(int a) { return a == 0 ? 32 : __builtin_clz(static_cast<unsigned>(a)); }
inline int __clzll(long long a) { return a == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(a)); }
inline int __ffs(int a) { return __builtin_ffs(a); }
template <typename T>
inline T __ldg(const T* address) {
    return *address;
}

// --- atomics: whole numbers only, so that no result depends on an order ------------------------------------------------------------------

template <typename T>
inline T simt_atomic_exchange_if(T* address, T expected, T value) {
    __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}
#define SIMT_ATOMICS(type)                                                                                                                \
    inline type atomicAdd(type* address, type value) { return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST); }                     \
    inline type atomicOr(type* address, type value) { return __atomic_fetch_or(address, value, __ATOMIC_SEQ_CST); }                       \
    inline type atomicAnd(type* address, type value) { return __atomic_fetch_and(address, value, __ATOMIC_SEQ_CST); }                     \
    inline type atomicExch(type* address, type value) { return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST); }                   \
    inline type atomicCAS(type* address, type expected, type value) { return simt_atomic_exchange_if(address, expected, value); }         \
    inline type atomicMax(type* address, type value) {                                                                                    \
        type seen = __atomic_load_n(address, __ATOMIC_SEQ_CST);                                                                           \
        while (seen < value && !__atomic_compare_exchange_n(address, &seen, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}         \
        return seen;                                                                                                                      \
    }                                                                                                                                     \
    inline type atomicMin(type* address, type value) {                                                                                    \
        type seen = __atomic_load_n(address, __ATOMIC_SEQ_CST);                                                                           \
        while (value < seen && !__atomic_compare_exchange_n(address, &seen, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}         \
        return seen;                                                                                                                      \
    }
SIMT_ATOMICS(int)
SIMT_ATOMICS(unsigned)
SIMT_ATOMICS(unsigned long long)
#undef SIMT_ATOMICS

// --- the wrappers of simt.cuh ------------------------------------------------------------------------------------------------------------

inline void cp_async16(void* shared, const void* global, bool valid, SIMT_PLACE) {
#if __CUDA_ARCH__ >= 800
    simt::copy_async(shared, global, 16, valid, SIMT_HERE);
#else
    (void)file, (void)line;
    *static_cast<float4*>(shared) = valid ? *static_cast<const float4*>(global) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#endif
}
inline void cp_async4(void* shared, const void* global, bool valid, SIMT_PLACE) {
#if __CUDA_ARCH__ >= 800
    simt::copy_async(shared, global, 4, valid, SIMT_HERE);
#else
    (void)file, (void)line;
    *static_cast<unsigned*>(shared) = valid ? *static_cast<const unsigned*>(global) : 0u;
#endif
}
inline void cp_async_commit() {
#if __CUDA_ARCH__ >= 800
    simt::copy_async_commit();
#endif
}
template <int pending>
inline void cp_async_wait() {
#if __CUDA_ARCH__ >= 800
    simt::copy_async_wait(pending);
#endif
}

inline void ldmatrix_x4(unsigned (&r)[4], const void* shared_row, SIMT_PLACE) { simt::load_matrices(r, shared_row, SIMT_HERE); }
inline void mma_m16n8k8_f16(float (&d)[4], const unsigned (&a)[2], const unsigned (&b)[1], SIMT_PLACE) {
    simt::multiply(simt::Product::F16, d, a, b, SIMT_HERE);
}
#if __CUDA_ARCH__ >= 800
inline void mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_PLACE) {
    simt::multiply(simt::Product::Tf32, d, a, b, SIMT_HERE);
}
inline void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_PLACE) {
    simt::multiply(simt::Product::Bf16, d, a, b, SIMT_HERE);
}

// Half a unit of the last kept place is added and the rest cut: nearest, ties away from zero.
inline unsigned cvt_rna_tf32(float value) {
    const unsigned bits = __float_as_uint(value);
    return std::isnan(value) ? 0x7fffffffu : std::isinf(value) ? bits : (bits + 0x1000u) & ~0x1fffu;
}
inline unsigned simt_bf16_bits(float value) {
    const unsigned bits = __float_as_uint(value);
    return std::isnan(value) ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}
inline unsigned pack_bf16(float low, float high) { return simt_bf16_bits(low) | simt_bf16_bits(high) << 16; }
#endif

// Scaling by a power of two leaves the 11 bits that FP16 keeps to the host's own rounding to nearest even.
inline unsigned short f16_bits(float value) {
    const unsigned sign = __float_as_uint(value) >> 16 & 0x8000u;
    const float size = fabsf(value);
    if (std::isnan(value)) return 0x7fffu;
    if (size >= 65504.0f) return static_cast<unsigned short>(sign | 0x7bffu);
    if (size < 0x1p-14f) return static_cast<unsigned short>(sign | static_cast<unsigned>(nearbyintf(size * 0x1p24f)));
    const unsigned bits = __float_as_uint(size);
    const unsigned rounded = bits + 0xfffu + (bits >> 13 & 1u);
    return static_cast<unsigned short>(sign | (rounded - 0x38000000u) >> 13);
}
inline unsigned pack_f16(float low, float high) { return f16_bits(low) | static_cast<unsigned>(f16_bits(high)) << 16; }
