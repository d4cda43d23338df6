// How a product is computed: by the FP32 cores, or by tensor cores in TF32, BF16 or FP16 with sums in f32. Operands are f32 in
// shared memory; the tensor cores' formats are made where fragments are loaded.
//
// The order of k within a product is free as long as A and B agree. So lane (g, t), g = lane / 4 and t = lane % 4, takes the four
// neighbours k = 4t .. 4t + 3 of a row of A or a column of B: one access where they are contiguous, and all of BK = 16. In
// the fragments of the PTX ISA ("Matrix Fragments for mma.m16n8k*") they stand in these places:
//
//   TF32 m16n8k8, twice   A (g, t) (g+8, t) (g, t+4) (g+8, t+4)              k = 4t, 4t + 1, then 4t + 2, 4t + 3, for t, t + 4
//   BF16 m16n8k16         A (g, 2t..) (g+8, 2t..) (g, 2t+8..) (g+8, 2t+8..)  k = 4t, 4t + 1 for 2t.., 4t + 2, 4t + 3 for 2t+8..
//   FP16 m16n8k8, twice   A (g, 2t..) (g+8, 2t..)                            k = 4t, 4t + 1, then 4t + 2, 4t + 3, for 2t..
//
// B has the same order of k in its column g; C and D are (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1).
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

// What a fragment is made of: the lane's four numbers of the eighth of a tile that begins at `row`.
template <class Tile>
__device__ __forceinline__ float4 four(const float* tile, unsigned row) {
    const unsigned g = lane() / 4, k = lane() % 4 * 4;
    if constexpr (Tile::ALONG_K) {
        return *(const float4*)(tile + Tile::at(row + g, k));
    } else {
        const float* column = tile + Tile::at(row + g, k);
        return make_float4(column[0], column[Tile::ROWS], column[2 * Tile::ROWS], column[3 * Tile::ROWS]);
    }
}

struct F32 {
    static constexpr bool AVAILABLE = true;
};

// Each precision makes the fragment of 16 rows of A from the lane's numbers of its rows g and g + 8, that of 8 columns of B from
// those of column g, and adds the product over all BK to d in PARTS instructions.

struct Tf32 {
    static constexpr bool AVAILABLE = SINCE_SM_80;
    static constexpr unsigned PARTS = 2;
    static constexpr float A_SCALE = 1.0f;
    struct A {
        unsigned half[2][4];
    };
    struct B {
        unsigned half[2][2];
    };

#if SINCE_SM_80
    // Nearest, ties away from zero, as the cores ignore the low 13 bits: an addition, where cvt.rna is three instructions and a third of
    // the loop. The price: a NaN of all ones reads as zero. What makes one shows in the cost before, which no product computes.
    static __device__ __forceinline__ unsigned round(float value) { return __float_as_uint(value) + 0x1000u; }

    static __device__ __forceinline__ A a(const float4& low, const float4& high) {
        return {{{round(low.x), round(high.x), round(low.y), round(high.y)}, {round(low.z), round(high.z), round(low.w), round(high.w)}}};
    }

    static __device__ __forceinline__ B b(const float4& column) {
        return {{{round(column.x), round(column.y)}, {round(column.z), round(column.w)}}};
    }

    static __device__ __forceinline__ void mma(unsigned part, float (&d)[4], const A& a, const B& b) {
        mma_m16n8k8_tf32(d, a.half[part], b.half[part]);
    }
#endif
};

struct Bf16 {
    static constexpr bool AVAILABLE = SINCE_SM_80;
    static constexpr unsigned PARTS = 1;
    static constexpr float A_SCALE = 1.0f;
    struct A {
        unsigned all[4];
    };
    struct B {
        unsigned all[2];
    };

#if SINCE_SM_80
    static __device__ __forceinline__ A a(const float4& low, const float4& high) {
        return {{pack_bf16(low.x, low.y), pack_bf16(high.x, high.y), pack_bf16(low.z, low.w), pack_bf16(high.z, high.w)}};
    }

    static __device__ __forceinline__ B b(const float4& column) {
        return {{pack_bf16(column.x, column.y), pack_bf16(column.z, column.w)}};
    }

    static __device__ __forceinline__ void mma(unsigned, float (&d)[4], const A& a, const B& b) {
        mma_m16n8k16_bf16(d, a.all, b.all);
    }
#endif
};

// FP16's narrow range would lose small gradients: the gradient, always A, is multiplied by SCALE, and the sum divided by it.
template <unsigned SCALE>
struct Half {
    static constexpr bool AVAILABLE = true;
    static constexpr unsigned PARTS = 2;
    static constexpr float A_SCALE = SCALE;
    struct A {
        unsigned half[2][2];
    };
    struct B {
        unsigned half[2][1];
    };

    static __device__ __forceinline__ A a(const float4& low, const float4& high) {
        return {{{pack_f16(A_SCALE * low.x, A_SCALE * low.y), pack_f16(A_SCALE * high.x, A_SCALE * high.y)},
                 {pack_f16(A_SCALE * low.z, A_SCALE * low.w), pack_f16(A_SCALE * high.z, A_SCALE * high.w)}}};
    }

    static __device__ __forceinline__ B b(const float4& column) {
        return {{{pack_f16(column.x, column.y)}, {pack_f16(column.z, column.w)}}};
    }

    static __device__ __forceinline__ void mma(unsigned part, float (&d)[4], const A& a, const B& b) {
        mma_m16n8k8_f16(d, a.half[part], b.half[part]);
    }
};

using F16 = Half<1>;
using F16Gradient = Half<1024>;
