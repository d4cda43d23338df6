// The first step backward through a dense layer: dz (batch, outputs) from dy, through ReLU and dropout.
//
//   dz = dy | dy / keep where y > 0, else 0
//
// and the first pass of the bias's gradient, bias.cuh: partials[chunk, o] = sum of dz over `rows` samples from rows * chunk on.
//
// Launch: grid (outputs / 32, chunks), 256 threads.
#include "simt.cuh"
#include "bias.cuh"

extern "C" __global__ void __launch_bounds__(BIAS_THREADS) dense_undo(
    float* __restrict__ dz, float* __restrict__ partials, const float* __restrict__ y, const float* __restrict__ dy,
    DenseConfig config, u64 rows) {
    SIMT_SHARED(float, scratch, [BIAS_THREADS]);
    const float scale = (float)(1.0 / config.keep);
    const u64 o = blockIdx.x * BIAS_COLUMNS + threadIdx.x % BIAS_COLUMNS;
    const u64 last = min(rows * (blockIdx.y + 1), config.batch);
    float sum = 0.0f;
    for (u64 n = rows * blockIdx.y + threadIdx.x / BIAS_COLUMNS; n < last && o < config.outputs; n += BIAS_ROWS) {
        const u64 at = n * config.outputs + o;
        const float value = !config.relu ? dy[at] : y[at] > 0.0f ? dy[at] * scale : 0.0f;
        dz[at] = value;
        sum += value;
    }
    write_column_sums(partials, scratch, sum, o, config.outputs);
}
SIMT_EXPORT(dense_undo)
