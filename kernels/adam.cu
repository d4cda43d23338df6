// The optimiser; src/ops/adam/mod.rs has the maths, adam.cuh the update that weight-gradient kernels share.
#include "simt.cuh"
#include "adam.cuh"
#include "tile.cuh"

constexpr unsigned ADAM_THREADS = 256;

// Begins a step: counts it, computes its rate and epsilon, and clears the penalties. Launch: one block.
extern "C" __global__ void __launch_bounds__(ADAM_THREADS) adam_advance(
    u64* __restrict__ step, double* __restrict__ rate, double* __restrict__ penalty, AdamConfig config, u64 tensors) {
    for (u64 tensor = threadIdx.x; tensor < tensors; tensor += ADAM_THREADS) {
        penalty[tensor] = 0.0;
    }
    if (threadIdx.x == 0) {
        step[0] += 1;
        const double s = (double)step[0];
        const double correction2 = sqrt(1.0 - pow(config.beta2, s));
        const double t = (s - 1.0) / config.decay_steps;
        const double wave = 0.5 + 0.5 * cos(3.14159265358979323846 * fmin(t, 1.0));
        const double fallen = config.decay == 0 ? pow(config.decay_rate, t) : config.decay_rate + (1.0 - config.decay_rate) * wave;
        rate[0] = config.lr * fallen * correction2 / (1.0 - pow(config.beta1, s));
        rate[1] = config.form == 0 ? config.epsilon : config.epsilon * correction2;
    }
}
SIMT_EXPORT(adam_advance)

// Updates `count` parameters from a stored gradient; squares[block] = the block's sum of p^2 before it.
// Launch: any grid, 256 threads.
extern "C" __global__ void __launch_bounds__(ADAM_THREADS) adam_apply(
    float* __restrict__ parameters, float* __restrict__ first, float* __restrict__ second, double* __restrict__ squares,
    const float* __restrict__ gradient, const double* __restrict__ rate, Update update, u64 count) {
    SIMT_SHARED(double, scratch, [ADAM_THREADS]);
    const Sink sink(parameters, first, second, rate, update);
    const u64 threads = (u64)gridDim.x * ADAM_THREADS, thread = (u64)blockIdx.x * ADAM_THREADS + threadIdx.x;
    const bool wide = aligned16(parameters) && aligned16(first) && aligned16(second) && aligned16(gradient);
    const u64 fours = wide ? count / 4 : 0;
    double square = 0.0;
    for (u64 four = thread; four < fours; four += threads) {
        Moments4 moments = sink.load4(4 * four);
        square += (double)sink.apply4(4 * four, moments, *(const float4*)(gradient + 4 * four));
    }
    for (u64 at = 4 * fours + thread; at < count; at += threads) {
        square += (double)sink.take(at, gradient[at]);
    }
    const double sum = block_sum<ADAM_THREADS>(square, scratch);
    if (threadIdx.x == 0) {
        squares[blockIdx.x] = sum;
    }
}
SIMT_EXPORT(adam_apply)

// The second pass of a penalty: adds scale times the sum of `count` partial sums to it. Launch: one block.
extern "C" __global__ void __launch_bounds__(ADAM_THREADS) add_penalty(
    double* __restrict__ penalty, const double* __restrict__ squares, u64 count, double scale) {
    SIMT_SHARED(double, scratch, [ADAM_THREADS]);
    double square = 0.0;
    for (u64 at = threadIdx.x; at < count; at += ADAM_THREADS) {
        square += squares[at];
    }
    const double sum = block_sum<ADAM_THREADS>(square, scratch);
    if (threadIdx.x == 0) {
        penalty[0] += scale * sum;
    }
}
SIMT_EXPORT(add_penalty)

// The second pass of a bias's gradient (bias.cuh): adds the chunks in order and hands each sum on as `update` says; with APPLY
// and an L2 scale also squares[block], the sum of squares, else null. Launch: grid (columns / 256), 256 threads.
extern "C" __global__ void __launch_bounds__(ADAM_THREADS) bias_gradient(
    float* __restrict__ destination, float* __restrict__ first, float* __restrict__ second, double* __restrict__ squares,
    const float* __restrict__ partials, const double* __restrict__ rate, Update update, u64 columns, u64 chunks) {
    SIMT_SHARED(double, scratch, [ADAM_THREADS]);
    const Sink sink(destination, first, second, rate, update);
    const u64 column = (u64)blockIdx.x * ADAM_THREADS + threadIdx.x;
    float square = 0.0f;
    if (column < columns) {
        float sum = 0.0f;
#pragma unroll 8
        for (u64 chunk = 0; chunk < chunks; ++chunk) {
            sum += partials[chunk * columns + column];
        }
        square = sink.take(column, sum);
    }
    if (squares != nullptr) {
        const double sum = block_sum<ADAM_THREADS>((double)square, scratch);
        if (threadIdx.x == 0) {
            squares[blockIdx.x] = sum;
        }
    }
}
SIMT_EXPORT(bias_gradient)
