// The second halves of products in shares of k (gemm.cuh): the shares are added in order, then the product's own epilogue runs.
// They see f32 sums, so one kernel serves every precision.
//
// Launch: grid (slices of a tile, tiles in shares), THREADS threads; slices (tile.cuh): 8 of 64 x 64, 16 of 128 x 64, 32 of 128 x 128, 4 of
// 16 x 128. Square stands for the tiles of 64 columns, Large for those of 128.
#include "epilogue.cuh"
#include "gemm.cuh"

#define CONV3X3_FORWARD_FINISH(NAME, S)                                                                                            \
    extern "C" __global__ void __launch_bounds__(THREADS, 4) NAME(                                                                 \
        float* __restrict__ y, u8* __restrict__ argmax, const float* __restrict__ partials, const float* __restrict__ bias,        \
        Conv3x3Config config, CutConfig cut) {                                                                                     \
        SIMT_SHARED(float4, shared, [Slice<S>::C_WORDS / 4]);                                                                      \
        const unsigned pixels = (unsigned)(config.batch * config.height * config.width);                                           \
        const ConvOutput output = {y, argmax, bias, pixels, (unsigned)config.filters, config.pool != 0};                           \
        gemm_finish<S>(shared, partials, cut, output);                                                                             \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

CONV3X3_FORWARD_FINISH(conv3x3_forward_finish, Square)
CONV3X3_FORWARD_FINISH(conv3x3_forward_wide_finish, Large)

#define DENSE_FORWARD_FINISH(NAME, S)                                                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS, 4) NAME(                                                                 \
        float* __restrict__ y, const float* __restrict__ partials, const float* __restrict__ bias, const u64* __restrict__ step,   \
        DenseConfig config, CutConfig cut) {                                                                                       \
        SIMT_SHARED(float4, shared, [Slice<S>::C_WORDS / 4]);                                                                      \
        gemm_finish<S>(shared, partials, cut, DenseOutput{y, bias, step, config});                                                 \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

DENSE_FORWARD_FINISH(dense_forward_finish, Square)
DENSE_FORWARD_FINISH(dense_forward_wide_finish, Large)

// An input's gradient, (rows, columns).
#define DX_FINISH(NAME, S)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, 4) NAME(                                                                 \
        float* __restrict__ dx, const float* __restrict__ partials, unsigned rows, unsigned columns, CutConfig cut) {              \
        SIMT_SHARED(float4, shared, [Slice<S>::C_WORDS / 4]);                                                                      \
        gemm_finish<S>(shared, partials, cut, Plain{dx, rows, columns});                                                           \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

DX_FINISH(dx_finish, Square)
DX_FINISH(dx_wide_finish, Large)

// A weight's gradient, (rows, columns).
#define DW_FINISH(NAME, S)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, 4) NAME(                                                                 \
        float* __restrict__ destination, float* __restrict__ first, float* __restrict__ second, double* __restrict__ squares,      \
        const float* __restrict__ partials, const double* __restrict__ rate, Update update, unsigned rows, unsigned columns,       \
        CutConfig cut) {                                                                                                           \
        SIMT_SHARED(float4, shared, [Slice<S>::C_WORDS / 4]);                                                                      \
        SIMT_SHARED(double, scratch, [THREADS]);                                                                                   \
        const Sink sink(destination, first, second, rate, update);                                                                 \
        gemm_finish<S>(shared, partials, cut, WeightGradient{sink, squares, scratch, rows, columns});                              \
    }                                                                                                                              \
    SIMT_EXPORT(NAME)

DW_FINISH(dw_finish, Square)
DW_FINISH(dw_wide_finish, Large)
