// Sums over a block, in an order that depends on nothing but the block's size: the same bits each run.
#pragma once

#include "simt.cuh"

// The sum of `value` over the THREADS threads of the block (a power of two), told to every thread.
// `scratch` holds THREADS numbers in shared memory; nothing else may use it meanwhile.
template <unsigned THREADS>
__device__ __forceinline__ double block_sum(double value, double* scratch) {
    scratch[threadIdx.x] = value;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            scratch[threadIdx.x] += scratch[threadIdx.x + half];
        }
    }
    __syncthreads();
    const double sum = scratch[0];
    __syncthreads();
    return sum;
}
