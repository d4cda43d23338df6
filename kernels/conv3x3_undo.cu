// The first step backward through a convolution stage: dz (pixels, filters) from dy, through ReLU and max-pool.
//
//   dz = dy where y > 0 (with a pool: at the argmax of the quad), else 0
//
// and the first pass of the bias's gradient, bias.cuh: partials[chunk, f] = sum of dz over `rows` outputs from rows * chunk on.
//
// A thread takes four filters, in one access where they are aligned. Launch: grid (filters / 32, chunks), 256 threads.
#include "simt.cuh"
#include "bias.cuh"
#include "windows.cuh"

using Threads = BiasThreads<4>;

// Elements `at` to `at` + 3, of which `count` are there.
template <class T, class T4>
__device__ __forceinline__ void load4(T (&values)[4], const T* from, unsigned at, unsigned count, bool wide) {
    if (wide) {
        const T4 four = *(const T4*)(from + at);
        values[0] = four.x;
        values[1] = four.y;
        values[2] = four.z;
        values[3] = four.w;
        return;
    }
#pragma unroll
    for (unsigned k = 0; k < 4; ++k) {
        values[k] = k < count ? from[at + k] : T(0);
    }
}

__device__ __forceinline__ void store4(float* to, unsigned at, const float (&values)[4], unsigned count, bool wide) {
    if (wide) {
        *(float4*)(to + at) = make_float4(values[0], values[1], values[2], values[3]);
        return;
    }
#pragma unroll
    for (unsigned k = 0; k < 4; ++k) {
        if (k < count) {
            to[at + k] = values[k];
        }
    }
}

extern "C" __global__ void __launch_bounds__(BIAS_THREADS) conv3x3_undo(
    float* __restrict__ dz, float* __restrict__ partials, const float* __restrict__ y, const u8* __restrict__ argmax,
    const float* __restrict__ dy, Conv3x3Config config, unsigned rows) {
    SIMT_SHARED(float, scratch, [4 * BIAS_THREADS]);
    const unsigned filters = (unsigned)config.filters, width = (unsigned)config.width, f = Threads::column();
    const unsigned outputs = (unsigned)(config.batch * config.height * config.width) / (config.pool ? 4 : 1);
    const unsigned last = min(rows * (blockIdx.y + 1), outputs), count = f < filters ? filters - f : 0;
    const bool wide = filters % 4 == 0 && aligned16(dz) && aligned16(y) && aligned16(dy) && aligned16(argmax);
    const Divider by_half(config.pool ? width / 2 : 1);
    float sums[4] = {};
    for (unsigned output = rows * blockIdx.y + Threads::row(); output < last && count > 0; output += Threads::ROWS) {
        const unsigned at = output * filters + f;
        float active[4], fired[4];
        load4<float, float4>(active, dy, at, count, wide);
        load4<float, float4>(fired, y, at, count, wide);
#pragma unroll
        for (unsigned k = 0; k < 4; ++k) {
            active[k] = fired[k] > 0.0f ? active[k] : 0.0f;
            sums[k] += active[k];
        }
        if (!config.pool) {
            store4(dz, at, active, count, wide);
            continue;
        }
        u8 place[4];
        load4<u8, uchar4>(place, argmax, at, count, wide);
        const unsigned line = by_half.divide(output), corner = 2 * (line * width + (output - line * by_half.divisor));
#pragma unroll
        for (unsigned k = 0; k < 4; ++k) {
            float one[4];
#pragma unroll
            for (unsigned filter = 0; filter < 4; ++filter) {
                one[filter] = place[filter] == k ? active[filter] : 0.0f;
            }
            store4(dz, (corner + k / 2 * width + k % 2) * filters + f, one, count, wide);
        }
    }
    Threads::write_column_sums(partials, scratch, sums, filters);
}
SIMT_EXPORT(conv3x3_undo)
