// A fully connected layer; src/ops/dense/mod.rs has the maths. x (batch, inputs), weights (output, input).
//
//   dense_forward_*   y = x w' + b, ReLU, dropout      m = batch, n = outputs, k = inputs
//   dense_dx_*        dx = dz w                        m = batch, n = inputs,  k = outputs
//   dense_dw_*        dw = dz' x                       m = outputs, n = inputs, k = batch
//
// Launch: as gemm.cuh says, with 64 x 64 tiles, 128 x 64 in the *_tall_* kernels, 128 x 128 in the *_large_* ones, or 16 x 128 in the
// *_skinny_* ones for a batch of at most 16. `partials`: shares x tiles in shares x floats of a tile, null where there are none.
#include "epilogue.cuh"
#include "gemm.cuh"

#define DENSE_FORWARD(NAME, P, S)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, S::BLOCKS) NAME(                                                         \
        float* __restrict__ y, float* __restrict__ partials, const float* __restrict__ x, const float* __restrict__ weight,        \
        const float* __restrict__ bias, const u64* __restrict__ step, DenseConfig config, CutConfig cut) {                         \
        using A = Rows<AlongK<S::BM>>;                                                                                             \
        using B = Rows<AlongK<S::BN>>;                                                                                             \
        using Shared = GemmShared<S, A, B>;                                                                                        \
        SIMT_SHARED(float4, shared, [Shared::SIZE]);                                                                               \
        if constexpr (AVAILABLE<P, S>) {                                                                                           \
            const unsigned batch = (unsigned)config.batch, inputs = (unsigned)config.inputs, outputs = (unsigned)config.outputs;   \
            const Task<S> task(cut, inputs);                                                                                       \
            const DenseOutput output = {y, bias, step, config};                                                                    \
            const A a(x, batch, inputs, task.m0);                                                                                  \
            const B b(weight, outputs, inputs, task.n0);                                                                           \
            gemm<P, S>(shared, a, b, task, partials, output);                                                                      \
        }                                                                                                                          \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

DENSE_FORWARD(dense_forward_f32, F32, Square)
DENSE_FORWARD(dense_forward_tf32, Tf32, Square)
DENSE_FORWARD(dense_forward_bf16, Bf16, Square)
DENSE_FORWARD(dense_forward_f16, F16, Square)
DENSE_FORWARD(dense_forward_tall_f32, F32, Tall)
DENSE_FORWARD(dense_forward_tall_tf32, Tf32, Tall)
DENSE_FORWARD(dense_forward_tall_bf16, Bf16, Tall)
DENSE_FORWARD(dense_forward_tall_f16, F16, Tall)
DENSE_FORWARD(dense_forward_large_f32, F32, Large)
DENSE_FORWARD(dense_forward_large_tf32, Tf32, Large)
DENSE_FORWARD(dense_forward_large_bf16, Bf16, Large)
DENSE_FORWARD(dense_forward_large_f16, F16, Large)
DENSE_FORWARD(dense_forward_skinny_f32, F32, Skinny)
DENSE_FORWARD(dense_forward_skinny_tf32, Tf32, Skinny)
DENSE_FORWARD(dense_forward_skinny_bf16, Bf16, Skinny)
DENSE_FORWARD(dense_forward_skinny_f16, F16, Skinny)

#define DENSE_DX(NAME, P, S)                                                                                                       \
    extern "C" __global__ void __launch_bounds__(THREADS, S::BLOCKS) NAME(                                                         \
        float* __restrict__ dx, float* __restrict__ partials, const float* __restrict__ dz, const float* __restrict__ weight,      \
        DenseConfig config, CutConfig cut) {                                                                                       \
        using A = Rows<AlongK<S::BM>>;                                                                                             \
        using B = Columns<AcrossK<S::BN>>;                                                                                         \
        using Shared = GemmShared<S, A, B>;                                                                                        \
        SIMT_SHARED(float4, shared, [Shared::SIZE]);                                                                               \
        if constexpr (AVAILABLE<P, S>) {                                                                                           \
            const unsigned batch = (unsigned)config.batch, inputs = (unsigned)config.inputs, outputs = (unsigned)config.outputs;   \
            const Task<S> task(cut, outputs);                                                                                      \
            const Plain plain = {dx, batch, inputs};                                                                               \
            const A a(dz, batch, outputs, task.m0);                                                                                \
            const B b(weight, outputs, inputs, task.n0);                                                                           \
            gemm<P, S>(shared, a, b, task, partials, plain);                                                                       \
        }                                                                                                                          \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

DENSE_DX(dense_dx_f32, F32, Square)
DENSE_DX(dense_dx_tf32, Tf32, Square)
DENSE_DX(dense_dx_bf16, Bf16, Square)
DENSE_DX(dense_dx_f16, F16Gradient, Square)
DENSE_DX(dense_dx_tall_f32, F32, Tall)
DENSE_DX(dense_dx_tall_tf32, Tf32, Tall)
DENSE_DX(dense_dx_tall_bf16, Bf16, Tall)
DENSE_DX(dense_dx_tall_f16, F16Gradient, Tall)
DENSE_DX(dense_dx_large_f32, F32, Large)
DENSE_DX(dense_dx_large_tf32, Tf32, Large)
DENSE_DX(dense_dx_large_bf16, Bf16, Large)
DENSE_DX(dense_dx_large_f16, F16Gradient, Large)
DENSE_DX(dense_dx_skinny_f32, F32, Skinny)
DENSE_DX(dense_dx_skinny_tf32, Tf32, Skinny)
DENSE_DX(dense_dx_skinny_bf16, Bf16, Skinny)
DENSE_DX(dense_dx_skinny_f16, F16Gradient, Skinny)

// `destination`, `first`, `second`, `rate`: as Sink in adam.cuh. `squares`: a number a tile, or null.
#define DENSE_DW(NAME, P, S)                                                                                                       \
    extern "C" __global__ void __launch_bounds__(THREADS, S::BLOCKS) NAME(                                                         \
        float* __restrict__ destination, float* __restrict__ first, float* __restrict__ second, double* __restrict__ squares,      \
        float* __restrict__ partials, const float* __restrict__ dz, const float* __restrict__ x, const double* __restrict__ rate,  \
        DenseConfig config, Update update, CutConfig cut) {                                                                        \
        using A = Columns<AcrossK<S::BM>>;                                                                                         \
        using B = Columns<AcrossK<S::BN>>;                                                                                         \
        using Shared = GemmShared<S, A, B>;                                                                                        \
        SIMT_SHARED(float4, shared, [Shared::SIZE]);                                                                               \
        if constexpr (AVAILABLE<P, S>) {                                                                                           \
            const unsigned batch = (unsigned)config.batch, inputs = (unsigned)config.inputs, outputs = (unsigned)config.outputs;   \
            const Task<S> task(cut, batch);                                                                                        \
            const Sink sink(destination, first, second, rate, update);                                                             \
            const WeightGradient gradient = {sink, squares, (double*)(shared + Shared::SCRATCH), outputs, inputs};                 \
            const A a(dz, batch, outputs, task.m0);                                                                                \
            gemm<P, S>(shared, a, B(x, batch, inputs, task.n0), task, partials, gradient);                                         \
        }                                                                                                                          \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

DENSE_DW(dense_dw_f32, F32, Square)
DENSE_DW(dense_dw_tf32, Tf32, Square)
DENSE_DW(dense_dw_bf16, Bf16, Square)
DENSE_DW(dense_dw_f16, F16Gradient, Square)
DENSE_DW(dense_dw_tall_f32, F32, Tall)
DENSE_DW(dense_dw_tall_tf32, Tf32, Tall)
DENSE_DW(dense_dw_tall_bf16, Bf16, Tall)
DENSE_DW(dense_dw_tall_f16, F16Gradient, Tall)
DENSE_DW(dense_dw_large_f32, F32, Large)
DENSE_DW(dense_dw_large_tf32, Tf32, Large)
DENSE_DW(dense_dw_large_bf16, Bf16, Large)
DENSE_DW(dense_dw_large_f16, F16Gradient, Large)
