// 3x3 convolution with zero padding, bias, ReLU and an optional 2x2 max-pool; src/ops/conv3x3/mod.rs has the maths.
// NHWC images, weights (filter, row, column, channel). All products are implicit: windows are read from the image in place.
//
//   conv3x3_forward_*  y = pool(relu(x * w + b))    m = pixels (quad by quad with a pool), n = filters, k = (row, column, channel)
//   conv3x3_dx_*       dx = dz * mirrored w         m = pixels, n = channels, k = (row, column, filter)
//   conv3x3_dw_*       dw = dz' windows             m = filters, n = (row, column, channel), k = pixels
//
// Launch: as gemm.cuh says, with 64 x 64 tiles, 128 x 64 in the *_tall_* kernels, or 128 x 128 in the *_large_* ones. `partials`: shares x
// tiles in shares x floats of a tile, null where there are none.
// Limits: src/ops/conv3x3/cuda.rs has what 32 bits must count.
#include "epilogue.cuh"
#include "gemm.cuh"
#include "windows.cuh"

// Along k for A and B.
#define CONV3X3_FORWARD(NAME, P, S)                                                                                                \
    extern "C" __global__ void __launch_bounds__(THREADS, S::BLOCKS) NAME(                                                         \
        float* __restrict__ y, u8* __restrict__ argmax, float* __restrict__ partials, const float* __restrict__ x,                 \
        const float* __restrict__ weight, const float* __restrict__ bias, Conv3x3Config config, CutConfig cut) {                   \
        using A = Windows<AlongK<S::BM>>;                                                                                          \
        using B = Rows<AlongK<S::BN>>;                                                                                             \
        using Shared = GemmShared<S, A, B>;                                                                                        \
        SIMT_SHARED(float4, shared, [Shared::SIZE]);                                                                               \
        if constexpr (AVAILABLE<P, S>) {                                                                                           \
            const unsigned filters = (unsigned)config.filters, taps = 9 * (unsigned)config.channels;                               \
            const unsigned pixels = (unsigned)(config.batch * config.height * config.width);                                       \
            const Task<S> task(cut, taps);                                                                                         \
            const A a(x, config, (unsigned)config.channels, config.pool != 0, task.m0);                                            \
            const ConvOutput output = {y, argmax, bias, pixels, filters, config.pool != 0};                                        \
            gemm<P, S>(shared, a, B(weight, filters, taps, task.n0), task, partials, output);                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

CONV3X3_FORWARD(conv3x3_forward_f32, F32, Square)
CONV3X3_FORWARD(conv3x3_forward_tf32, Tf32, Square)
CONV3X3_FORWARD(conv3x3_forward_bf16, Bf16, Square)
CONV3X3_FORWARD(conv3x3_forward_f16, F16, Square)
CONV3X3_FORWARD(conv3x3_forward_tall_f32, F32, Tall)
CONV3X3_FORWARD(conv3x3_forward_tall_tf32, Tf32, Tall)
CONV3X3_FORWARD(conv3x3_forward_tall_bf16, Bf16, Tall)
CONV3X3_FORWARD(conv3x3_forward_tall_f16, F16, Tall)
CONV3X3_FORWARD(conv3x3_forward_large_f32, F32, Large)
CONV3X3_FORWARD(conv3x3_forward_large_tf32, Tf32, Large)
CONV3X3_FORWARD(conv3x3_forward_large_bf16, Bf16, Large)
CONV3X3_FORWARD(conv3x3_forward_large_f16, F16, Large)

// dz (pixels, filters) stands where the forward product has x.
#define CONV3X3_DX(NAME, P, S)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS, S::BLOCKS) NAME(                                                         \
        float* __restrict__ dx, float* __restrict__ partials, const float* __restrict__ dz, const float* __restrict__ weight,      \
        Conv3x3Config config, CutConfig cut) {                                                                                     \
        using A = Windows<AlongK<S::BM>>;                                                                                          \
        using B = MirroredWeights<AcrossK<S::BN>>;                                                                                 \
        using Shared = GemmShared<S, A, B>;                                                                                        \
        SIMT_SHARED(float4, shared, [Shared::SIZE]);                                                                               \
        if constexpr (AVAILABLE<P, S>) {                                                                                           \
            const unsigned filters = (unsigned)config.filters, channels = (unsigned)config.channels;                               \
            const unsigned pixels = (unsigned)(config.batch * config.height * config.width);                                       \
            const Task<S> task(cut, 9 * filters);                                                                                  \
            const A a(dz, config, filters, false, task.m0);                                                                        \
            const B b(weight, channels, filters, task.n0);                                                                         \
            gemm<P, S>(shared, a, b, task, partials, Plain{dx, pixels, channels});                                                 \
        }                                                                                                                          \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

CONV3X3_DX(conv3x3_dx_f32, F32, Square)
CONV3X3_DX(conv3x3_dx_tf32, Tf32, Square)
CONV3X3_DX(conv3x3_dx_bf16, Bf16, Square)
CONV3X3_DX(conv3x3_dx_f16, F16Gradient, Square)
CONV3X3_DX(conv3x3_dx_tall_f32, F32, Tall)
CONV3X3_DX(conv3x3_dx_tall_tf32, Tf32, Tall)
CONV3X3_DX(conv3x3_dx_tall_bf16, Bf16, Tall)
CONV3X3_DX(conv3x3_dx_tall_f16, F16Gradient, Tall)
CONV3X3_DX(conv3x3_dx_large_f32, F32, Large)
CONV3X3_DX(conv3x3_dx_large_tf32, Tf32, Large)
CONV3X3_DX(conv3x3_dx_large_bf16, Bf16, Large)
CONV3X3_DX(conv3x3_dx_large_f16, F16Gradient, Large)

// `destination`, `first`, `second`, `rate`: as Sink in adam.cuh. `squares`: a number a tile, or null.
#define CONV3X3_DW(NAME, P, S)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS, S::BLOCKS) NAME(                                                         \
        float* __restrict__ destination, float* __restrict__ first, float* __restrict__ second, double* __restrict__ squares,      \
        float* __restrict__ partials, const float* __restrict__ dz, const float* __restrict__ x, const double* __restrict__ rate,  \
        Conv3x3Config config, Update update, CutConfig cut) {                                                                      \
        using A = Columns<AcrossK<S::BM>>;                                                                                         \
        using B = WindowColumns<AcrossK<S::BN>>;                                                                                   \
        using Shared = GemmShared<S, A, B>;                                                                                        \
        SIMT_SHARED(float4, shared, [Shared::SIZE]);                                                                               \
        if constexpr (AVAILABLE<P, S>) {                                                                                           \
            const unsigned filters = (unsigned)config.filters, taps = 9 * (unsigned)config.channels;                               \
            const unsigned pixels = (unsigned)(config.batch * config.height * config.width);                                       \
            const Task<S> task(cut, pixels);                                                                                       \
            const Sink sink(destination, first, second, rate, update);                                                             \
            const WeightGradient gradient = {sink, squares, (double*)(shared + Shared::SCRATCH), filters, taps};                   \
            const A a(dz, pixels, filters, task.m0);                                                                               \
            gemm<P, S>(shared, a, B(x, config, task.n0), task, partials, gradient);                                                \
        }                                                                                                                          \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

CONV3X3_DW(conv3x3_dw_f32, F32, Square)
CONV3X3_DW(conv3x3_dw_tf32, Tf32, Square)
CONV3X3_DW(conv3x3_dw_bf16, Bf16, Square)
CONV3X3_DW(conv3x3_dw_f16, F16Gradient, Square)
CONV3X3_DW(conv3x3_dw_tall_f32, F32, Tall)
CONV3X3_DW(conv3x3_dw_tall_tf32, Tf32, Tall)
CONV3X3_DW(conv3x3_dw_tall_bf16, Bf16, Tall)
CONV3X3_DW(conv3x3_dw_tall_f16, F16Gradient, Tall)
CONV3X3_DW(conv3x3_dw_large_f32, F32, Large)
CONV3X3_DW(conv3x3_dw_large_tf32, Tf32, Large)
CONV3X3_DW(conv3x3_dw_large_bf16, Bf16, Large)
CONV3X3_DW(conv3x3_dw_large_f16, F16Gradient, Large)
