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
    DenseConfig config, unsigned rows) {
    SIMT_SHARED(float, scratch, [BIAS_THREADS]);
    using Threads = BiasThreads<1>;
    const float scale = (float)(1.0 / config.keep);
    const unsigned outputs = (unsigned)config.outputs, o = Threads::column();
    const unsigned last = min(rows * (blockIdx.y + 1), (unsigned)config.batch);
    float sums[1] = {};
    for (unsigned n = rows * blockIdx.y + Threads::row(); n < last && o < outputs; n += Threads::ROWS) {
        const unsigned at = n * outputs + o;
        const float value = !config.relu ? dy[at] : y[at] > 0.0f ? dy[at] * scale : 0.0f;
        dz[at] = value;
        sums[0] += value;
    }
    Threads::write_column_sums(partials, scratch, sums, outputs);
}
SIMT_EXPORT(dense_undo)
