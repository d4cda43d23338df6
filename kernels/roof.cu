// What a card can do at most, measured by kernels that do nothing else; src/ops/roof/mod.rs.
#include "simt.cuh"
#include "config.cuh"

constexpr unsigned ROOF_THREADS = 256;
// Independent sums of a thread, so that one multiplication need not wait for the last.
constexpr unsigned CHAINS = 8;

// to = from, 16 bytes a thread. Launch: grid (count / 256), 256 threads.
extern "C" __global__ void __launch_bounds__(ROOF_THREADS) roof_copy(float4* __restrict__ to, const float4* __restrict__ from, u64 count) {
    const u64 at = (u64)blockIdx.x * ROOF_THREADS + threadIdx.x;
    if (at < count) {
        to[at] = from[at];
    }
}
SIMT_EXPORT(roof_copy)

// x <- factor x + term, `rounds` times on each of the CHAINS numbers of a thread; out[thread] is their sum. They start at the thread's
// number and the next ones: what is the same in all lanes would be computed once a warp on newer cards.
template <class T>
__device__ __forceinline__ void multiply_adds(T* out, T factor, T term, unsigned rounds) {
    T x[CHAINS];
#pragma unroll
    for (unsigned chain = 0; chain < CHAINS; ++chain) {
        x[chain] = (T)(threadIdx.x + chain);
    }
#pragma unroll 4
    for (unsigned round = 0; round < rounds; ++round) {
#pragma unroll
        for (unsigned chain = 0; chain < CHAINS; ++chain) {
            x[chain] = fma(x[chain], factor, term);
        }
    }
    T sum = 0;
#pragma unroll
    for (unsigned chain = 0; chain < CHAINS; ++chain) {
        sum += x[chain];
    }
    out[blockIdx.x * ROOF_THREADS + threadIdx.x] = sum;
}

// Launch: any grid, 256 threads.
extern "C" __global__ void __launch_bounds__(ROOF_THREADS) roof_fma(float* __restrict__ out, float factor, float term, unsigned rounds) {
    multiply_adds(out, factor, term, rounds);
}
SIMT_EXPORT(roof_fma)

extern "C" __global__ void __launch_bounds__(ROOF_THREADS) roof_fma_f64(double* __restrict__ out, double factor, double term, unsigned rounds) {
    multiply_adds(out, factor, term, rounds);
}
SIMT_EXPORT(roof_fma_f64)

// Each precision's instruction, on factors that are 1 everywhere: d += K.
struct OneTf32 {
#if __CUDA_ARCH__ >= 800
    static __device__ __forceinline__ void mma(float (&d)[4]) {
        const unsigned one = cvt_rna_tf32(1.0f);
        const unsigned a[4] = {one, one, one, one}, b[2] = {one, one};
        mma_m16n8k8_tf32(d, a, b);
    }
#else
    static __device__ __forceinline__ void mma(float (&)[4]) {}
#endif
};

struct OneBf16 {
#if __CUDA_ARCH__ >= 800
    static __device__ __forceinline__ void mma(float (&d)[4]) {
        const unsigned one = pack_bf16(1.0f, 1.0f);
        const unsigned a[4] = {one, one, one, one}, b[2] = {one, one};
        mma_m16n8k16_bf16(d, a, b);
    }
#else
    static __device__ __forceinline__ void mma(float (&)[4]) {}
#endif
};

struct OneF16 {
    static __device__ __forceinline__ void mma(float (&d)[4]) {
        const unsigned one = pack_f16(1.0f, 1.0f);
        const unsigned a[2] = {one, one}, b[1] = {one};
        mma_m16n8k8_f16(d, a, b);
    }
};

// `rounds` products of 16 x K and K x 8 added to each of the CHAINS accumulators of a warp; out[thread] is the sum of all that it holds.
template <class One>
__device__ __forceinline__ void products(float* out, unsigned rounds) {
    float d[CHAINS][4] = {};
    for (unsigned round = 0; round < rounds; ++round) {
#pragma unroll
        for (unsigned chain = 0; chain < CHAINS; ++chain) {
            One::mma(d[chain]);
        }
    }
    float sum = 0.0f;
#pragma unroll
    for (unsigned chain = 0; chain < CHAINS; ++chain) {
        sum += d[chain][0] + d[chain][1] + d[chain][2] + d[chain][3];
    }
    out[blockIdx.x * ROOF_THREADS + threadIdx.x] = sum;
}

// Launch: any grid, 256 threads.
extern "C" __global__ void __launch_bounds__(ROOF_THREADS) roof_product_tf32(float* __restrict__ out, unsigned rounds) {
    products<OneTf32>(out, rounds);
}
SIMT_EXPORT(roof_product_tf32)

extern "C" __global__ void __launch_bounds__(ROOF_THREADS) roof_product_bf16(float* __restrict__ out, unsigned rounds) {
    products<OneBf16>(out, rounds);
}
SIMT_EXPORT(roof_product_bf16)

extern "C" __global__ void __launch_bounds__(ROOF_THREADS) roof_product_f16(float* __restrict__ out, unsigned rounds) {
    products<OneF16>(out, rounds);
}
SIMT_EXPORT(roof_product_f16)
