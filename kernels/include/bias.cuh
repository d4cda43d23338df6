// The gradient of a bias, db[f] = sum over rows of dz[row, f], in two passes of fixed order. The first runs inside the
// kernel that makes dz (BIAS_COLUMNS columns and a chunk of rows a block), the second in `bias_gradient`.
#pragma once

#include "config.cuh"

constexpr unsigned BIAS_THREADS = 256;
// Columns of a block; its threads stand in BIAS_THREADS / BIAS_COLUMNS rows.
constexpr unsigned BIAS_COLUMNS = 32;
constexpr unsigned BIAS_ROWS = BIAS_THREADS / BIAS_COLUMNS;

// Adds the threads' sums column by column and writes them to partials[chunk, column]. `scratch`: BIAS_THREADS numbers.
__device__ __forceinline__ void write_column_sums(float* partials, float* scratch, float sum, u64 column, u64 columns) {
    scratch[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x < BIAS_COLUMNS && column < columns) {
        float total = 0.0f;
#pragma unroll
        for (unsigned row = 0; row < BIAS_ROWS; ++row) {
            total += scratch[row * BIAS_COLUMNS + threadIdx.x];
        }
        partials[blockIdx.y * columns + column] = total;
    }
}
