// The gradient of a bias, db[f] = sum over rows of dz[row, f], in two passes of fixed order. The first runs inside the
// kernel that makes dz (BIAS_COLUMNS columns and a chunk of rows a block), the second in `bias_gradient`.
#pragma once

#include "config.cuh"

constexpr unsigned BIAS_THREADS = 256;
// Columns of a block.
constexpr unsigned BIAS_COLUMNS = 32;

// How the threads of a block stand over its columns, each at EACH neighbours.
template <unsigned EACH>
struct BiasThreads {
    static constexpr unsigned ACROSS = BIAS_COLUMNS / EACH;
    static constexpr unsigned ROWS = BIAS_THREADS / ACROSS;

    __device__ static unsigned row() { return threadIdx.x / ACROSS; }
    __device__ static unsigned column() { return blockIdx.x * BIAS_COLUMNS + threadIdx.x % ACROSS * EACH; }

    // Adds the threads' sums column by column and writes them to partials[chunk, column]. `scratch`: EACH BIAS_THREADS numbers.
    __device__ static void write_column_sums(float* partials, float* scratch, const float (&sums)[EACH], unsigned columns) {
#pragma unroll
        for (unsigned k = 0; k < EACH; ++k) {
            scratch[threadIdx.x * EACH + k] = sums[k];
        }
        __syncthreads();
        const unsigned column = blockIdx.x * BIAS_COLUMNS + threadIdx.x;
        if (threadIdx.x < BIAS_COLUMNS && column < columns) {
            float total = 0.0f;
#pragma unroll
            for (unsigned row = 0; row < ROWS; ++row) {
                total += scratch[row * BIAS_COLUMNS + threadIdx.x];
            }
            partials[blockIdx.y * columns + column] = total;
        }
    }
};
