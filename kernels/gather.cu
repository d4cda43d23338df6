// A batch from the data set: out[b] = source[order[((step - 1) mod steps) batch + b]]. Rows of `width` numbers.
//
// Launch: grid (batch, width / 256), 256 threads.
#include "simt.cuh"
#include "config.cuh"

extern "C" __global__ void __launch_bounds__(256) gather(
    float* __restrict__ out, const float* __restrict__ source, const unsigned* __restrict__ order, const u64* __restrict__ step,
    GatherConfig config) {
    const u64 b = blockIdx.x, at = (u64)blockIdx.y * blockDim.x + threadIdx.x;
    if (at < config.width) {
        const u64 row = order[(step[0] - 1) % config.steps * config.batch + b];
        out[b * config.width + at] = source[row * config.width + at];
    }
}
SIMT_EXPORT(gather)
