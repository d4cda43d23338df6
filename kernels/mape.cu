// The mean absolute percentage error with its gradient; src/ops/mape/mod.rs has the maths. All in f64.
#include "simt.cuh"
#include "config.cuh"
#include "sum.cuh"

constexpr unsigned MAPE_THREADS = 256;

// errors[n] and, unless it is null, dy (batch, modes). Launch: a block a sample.
extern "C" __global__ void __launch_bounds__(MAPE_THREADS) mape(
    double* __restrict__ errors, float* __restrict__ dy, const float* __restrict__ y, const float* __restrict__ target,
    MapeConfig config) {
    SIMT_SHARED(double, scratch, [MAPE_THREADS]);
    const double slope = config.scale / (double)(config.modes * config.batch);
    double error = 0.0;
    for (u64 m = threadIdx.x; m < config.modes; m += MAPE_THREADS) {
        const u64 at = blockIdx.x * config.modes + m;
        const double value = (double)y[at], wanted = (double)target[at];
        error += fabs((value - wanted) / wanted);
        if (dy != nullptr) {
            dy[at] = value > wanted ? (float)(slope / wanted) : value < wanted ? (float)(-slope / wanted) : 0.0f;
        }
    }
    const double sum = block_sum<MAPE_THREADS>(error, scratch);
    if (threadIdx.x == 0) {
        errors[blockIdx.x] = sum / (double)config.modes;
    }
}
SIMT_EXPORT(mape)

// ring[(step - 1) mod slots] = (cost, penalty). Launch: one block.
extern "C" __global__ void __launch_bounds__(MAPE_THREADS) record_cost(
    double* __restrict__ ring, const double* __restrict__ errors, const u64* __restrict__ step, const double* __restrict__ penalty,
    MapeConfig config, u64 tensors, u64 slots) {
    SIMT_SHARED(double, scratch, [MAPE_THREADS]);
    double error = 0.0, penalties = 0.0;
    for (u64 n = threadIdx.x; n < config.batch; n += MAPE_THREADS) {
        error += errors[n];
    }
    for (u64 tensor = threadIdx.x; tensor < tensors; tensor += MAPE_THREADS) {
        penalties += penalty[tensor];
    }
    error = block_sum<MAPE_THREADS>(error, scratch);
    penalties = block_sum<MAPE_THREADS>(penalties, scratch);
    if (threadIdx.x == 0) {
        const u64 slot = (step[0] - 1) % slots;
        ring[2 * slot] = config.scale * error / (double)config.batch;
        ring[2 * slot + 1] = penalties;
    }
}
SIMT_EXPORT(record_cost)
