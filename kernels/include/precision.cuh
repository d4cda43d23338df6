// How a product is computed: by the FP32 cores, or by tensor cores in TF32, BF16 or FP16 with sums in f32. Operands are f32 in
// shared memory; the tensor cores' formats are made where fragments are loaded.
//
// Fragments of mma.m16n8k*, with g = lane / 4 and t = lane % 4 (PTX ISA, "Matrix Fragments"):
//   TF32 k8:  A a0 (g, t)  a1 (g+8, t)  a2 (g, t+4)  a3 (g+8, t+4)              B b0 (t, g)  b1 (t+4, g)
//   BF16 k16: A a0 (g, 2t..) a1 (g+8, 2t..) a2 (g, 2t+8..) a3 (g+8, 2t+8..)     B b0 (2t.., g)  b1 (2t+8.., g)
//   FP16 k8:  A a0 (g, 2t..) a1 (g+8, 2t..)                                     B b0 (2t.., g)
//   C and D:  (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1)
#pragma once

#include "tile.cuh"

// TF32 and BF16 need sm_80: below it their kernels are empty, and the device refuses to launch them.
#if __CUDA_ARCH__ >= 800
#define SINCE_SM_80 true
#else
#define SINCE_SM_80 false
#endif

__device__ __forceinline__ unsigned lane() {
    return threadIdx.x % 32;
}

// Elements (row, k) and (row, k + 1) of a tile.
template <class Tile>
__device__ __forceinline__ float2 pair(const float* tile, unsigned row, unsigned k) {
    if constexpr (Tile::ALONG_K) {
        return *(const float2*)(tile + Tile::at(row, k));
    } else {
        return make_float2(tile[Tile::at(row, k)], tile[Tile::at(row, k + 1)]);
    }
}

struct F32 {
    static constexpr bool AVAILABLE = true;
    static constexpr float A_SCALE = 1.0f;
    static constexpr unsigned PAD_ALONG_K = 4, PAD_ACROSS_K = 4;
};

struct Tf32 {
    static constexpr bool AVAILABLE = SINCE_SM_80;
    static constexpr float A_SCALE = 1.0f;
    static constexpr unsigned PAD_ALONG_K = 4, PAD_ACROSS_K = 8;
    static constexpr unsigned K = 8, A_REGISTERS = 4, B_REGISTERS = 2;

    // Rows row .. row + 16, columns k .. k + 8. ldmatrix moves 8 x 4 blocks of 32 bits just as well.
    template <class Tile>
    static __device__ __forceinline__ void load_a(unsigned (&a)[4], const float* tile, unsigned row, unsigned k) {
#if SINCE_SM_80
        if constexpr (Tile::ALONG_K) {
            ldmatrix_x4(a, tile + Tile::at(row + lane() % 16, k + lane() / 16 * 4));
        } else {
#pragma unroll
            for (unsigned i = 0; i < 4; ++i) {
                a[i] = __float_as_uint(tile[Tile::at(row + lane() / 4 + i % 2 * 8, k + lane() % 4 + i / 2 * 4)]);
            }
        }
#pragma unroll
        for (unsigned i = 0; i < 4; ++i) {
            a[i] = cvt_rna_tf32(__uint_as_float(a[i]));
        }
#endif
    }

    // Two fragments: columns n .. n + 8 and n + 8 .. n + 16 of the product.
    template <class Tile>
    static __device__ __forceinline__ void load_b(unsigned (&left)[2], unsigned (&right)[2], const float* tile, unsigned n, unsigned k) {
#if SINCE_SM_80
        unsigned b[4];
        if constexpr (Tile::ALONG_K) {
            ldmatrix_x4(b, tile + Tile::at(n + lane() % 8 + lane() / 16 * 8, k + lane() / 8 % 2 * 4));
        } else {
#pragma unroll
            for (unsigned i = 0; i < 4; ++i) {
                b[i] = __float_as_uint(tile[Tile::at(n + lane() / 4 + i / 2 * 8, k + lane() % 4 + i % 2 * 4)]);
            }
        }
#pragma unroll
        for (unsigned i = 0; i < 2; ++i) {
            left[i] = cvt_rna_tf32(__uint_as_float(b[i]));
            right[i] = cvt_rna_tf32(__uint_as_float(b[2 + i]));
        }
#endif
    }

    static __device__ __forceinline__ void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if SINCE_SM_80
        mma_m16n8k8_tf32(d, a, b);
#endif
    }
};

struct Bf16 {
    static constexpr bool AVAILABLE = SINCE_SM_80;
    static constexpr float A_SCALE = 1.0f;
    static constexpr unsigned PAD_ALONG_K = 8, PAD_ACROSS_K = 4;
    static constexpr unsigned K = 16, A_REGISTERS = 4, B_REGISTERS = 2;

    template <class Tile>
    static __device__ __forceinline__ unsigned packed(const float* tile, unsigned row, unsigned k) {
#if SINCE_SM_80
        const float2 value = pair<Tile>(tile, row, k);
        return pack_bf16(value.x, value.y);
#else
        return 0;
#endif
    }

    template <class Tile>
    static __device__ __forceinline__ void load_a(unsigned (&a)[4], const float* tile, unsigned row, unsigned k) {
#pragma unroll
        for (unsigned i = 0; i < 4; ++i) {
            a[i] = packed<Tile>(tile, row + lane() / 4 + i % 2 * 8, k + lane() % 4 * 2 + i / 2 * 8);
        }
    }

    template <class Tile>
    static __device__ __forceinline__ void load_b(unsigned (&left)[2], unsigned (&right)[2], const float* tile, unsigned n, unsigned k) {
#pragma unroll
        for (unsigned i = 0; i < 2; ++i) {
            left[i] = packed<Tile>(tile, n + lane() / 4, k + lane() % 4 * 2 + i * 8);
            right[i] = packed<Tile>(tile, n + 8 + lane() / 4, k + lane() % 4 * 2 + i * 8);
        }
    }

    static __device__ __forceinline__ void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if SINCE_SM_80
        mma_m16n8k16_bf16(d, a, b);
#endif
    }
};

// FP16's narrow range would lose small gradients: the gradient, always A, is multiplied by SCALE, and the sum divided by it.
template <unsigned SCALE>
struct Half {
    static constexpr bool AVAILABLE = true;
    static constexpr float A_SCALE = SCALE;
    static constexpr unsigned PAD_ALONG_K = 8, PAD_ACROSS_K = 4;
    static constexpr unsigned K = 8, A_REGISTERS = 2, B_REGISTERS = 1;

    template <class Tile>
    static __device__ __forceinline__ void load_a(unsigned (&a)[2], const float* tile, unsigned row, unsigned k) {
#pragma unroll
        for (unsigned i = 0; i < 2; ++i) {
            const float2 value = pair<Tile>(tile, row + lane() / 4 + i * 8, k + lane() % 4 * 2);
            a[i] = pack_f16(A_SCALE * value.x, A_SCALE * value.y);
        }
    }

    template <class Tile>
    static __device__ __forceinline__ void load_b(unsigned (&left)[1], unsigned (&right)[1], const float* tile, unsigned n, unsigned k) {
        const float2 low = pair<Tile>(tile, n + lane() / 4, k + lane() % 4 * 2);
        const float2 high = pair<Tile>(tile, n + 8 + lane() / 4, k + lane() % 4 * 2);
        left[0] = pack_f16(low.x, low.y);
        right[0] = pack_f16(high.x, high.y);
    }

    static __device__ __forceinline__ void mma(float (&d)[4], const unsigned (&a)[2], const unsigned (&b)[1]) {
        mma_m16n8k8_f16(d, a, b);
    }
};

using F16 = Half<1>;
using F16Gradient = Half<1024>;
