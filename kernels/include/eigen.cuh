// What the kernels of the eigen-solver share (src/ops/eigh/own.rs): matrices of at most MOST rows, in f32 or f64.
#pragma once

#include "config.cuh"

constexpr unsigned MOST = 256;

// Rounding of one operation, relative; and a sum of squares beside which a matrix of size 1 is as good as without it: its root is
// far below the rounding, and the squares above it are far from the smallest normal number.
template <class R>
struct Limits;
template <>
struct Limits<float> {
    static constexpr float EPSILON = 0x1p-23f;
    static constexpr float NEGLIGIBLE = 0x1p-100f;
};
template <>
struct Limits<double> {
    static constexpr double EPSILON = 0x1p-52;
    static constexpr double NEGLIGIBLE = 0x1p-700;
};

__device__ __forceinline__ float multiply_add(float a, float b, float c) {
    return fmaf(a, b, c);
}
__device__ __forceinline__ double multiply_add(double a, double b, double c) {
    return fma(a, b, c);
}
__device__ __forceinline__ float root(float a) {
    return sqrtf(a);
}
__device__ __forceinline__ double root(double a) {
    return sqrt(a);
}
__device__ __forceinline__ float size_of(float a) {
    return fabsf(a);
}
__device__ __forceinline__ double size_of(double a) {
    return fabs(a);
}

// The sum over a warp, told to every lane.
template <class R>
__device__ __forceinline__ R warp_sum(R value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    }
    return value;
}

// What became of a matrix.
constexpr int SOLVED = 0;
constexpr int NOT_FINITE = 1;
constexpr int NOT_CONVERGED = 2;
