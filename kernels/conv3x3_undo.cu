// The first step backward through a convolution stage: dz (pixels, filters) from dy, through ReLU and max-pool.
//
//   dz = dy where y > 0 (with a pool: at the argmax of the quad), else 0
//
// and the first pass of the bias's gradient, bias.cuh: partials[chunk, f] = sum of dz over `rows` outputs from rows * chunk on.
//
// Launch: grid (filters / 32, chunks), 256 threads.
#include "simt.cuh"
#include "bias.cuh"

extern "C" __global__ void __launch_bounds__(BIAS_THREADS) conv3x3_undo(
    float* __restrict__ dz, float* __restrict__ partials, const float* __restrict__ y, const u8* __restrict__ argmax,
    const float* __restrict__ dy, Conv3x3Config config, u64 rows) {
    SIMT_SHARED(float, scratch, [BIAS_THREADS]);
    const u64 filters = config.filters, f = blockIdx.x * BIAS_COLUMNS + threadIdx.x % BIAS_COLUMNS;
    const u64 outputs = config.batch * config.height * config.width / (config.pool ? 4 : 1);
    const u64 last = min(rows * (blockIdx.y + 1), outputs);
    float sum = 0.0f;
    for (u64 output = rows * blockIdx.y + threadIdx.x / BIAS_COLUMNS; output < last && f < filters; output += BIAS_ROWS) {
        const u64 at = output * filters + f;
        const float active = y[at] > 0.0f ? dy[at] : 0.0f;
        sum += active;
        if (config.pool) {
            const u64 half = config.width / 2;
            const u64 corner = output / half * 2 * config.width + output % half * 2;
            const unsigned place = argmax[at];
#pragma unroll
            for (unsigned k = 0; k < 4; ++k) {
                dz[(corner + k / 2 * config.width + k % 2) * filters + f] = k == place ? active : 0.0f;
            }
        } else {
            dz[at] = active;
        }
    }
    write_column_sums(partials, scratch, sum, f, filters);
}
SIMT_EXPORT(conv3x3_undo)
