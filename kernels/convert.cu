// Copies between f64 and f32, rounded to the nearest; src/ops/eigh/cuda.rs. Launch: grid (count / 256), 256 threads.
#include "simt.cuh"
#include "config.cuh"

extern "C" __global__ void __launch_bounds__(256) narrow(float* __restrict__ out, const double* __restrict__ source, u64 count) {
    const u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (at < count) {
        out[at] = (float)source[at];
    }
}
SIMT_EXPORT(narrow)

extern "C" __global__ void __launch_bounds__(256) widen(double* __restrict__ out, const float* __restrict__ source, u64 count) {
    const u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (at < count) {
        out[at] = (double)source[at];
    }
}
SIMT_EXPORT(widen)
