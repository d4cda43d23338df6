// Both gradients of a dense layer in one pass over its weights, for a batch of at most 16; src/ops/dense/mod.rs has the maths.
//
//   dx[n, i] = sum_o dz[n, o] w[o, i]        dw[o, i] = sum_n dz[n, o] x[n, i]
//
// So few samples make this a walk through memory: a weight and its moments are read once, used for dx, updated by dw, and written once.
// The sums are f32 in every precision; they cost nothing beside the bytes. A warp goes down the rows (outputs) of a strip of 128 inputs,
// four a lane: dx of these stays in its registers, x in shared memory, and dz comes through shared memory in pieces.
//
// Launch: as a product (gemm.cuh) of skinny tiles, whose k are the outputs; the length of a share is a multiple of 8.
// `dx`, `partials`: as in a skinny product (gemm.cuh), dx null where it is not wanted. `weight`: the parameters, null for APPLY, which
// finds them in `destination`. `first`, `second`, `rate`: as Sink in adam.cuh. `squares`: a number a block, or null.
#include "epilogue.cuh"
#include "gemm.cuh"

// Samples at most; rows whose dz a block holds at once, a run of them each of its warps; rows that a warp takes at once, to wait for
// memory once and not for each.
constexpr unsigned SAMPLES = Skinny::BM, PIECE = 64, WARPS = THREADS / 32, AT_ONCE = 2;
// Samples of a row of dz in shared memory: on 16 bytes, and apart in the banks.
constexpr unsigned DZ_STRIDE = SAMPLES + 4;

struct Layer {
    const float* dz;
    const float* weight;
    unsigned batch, inputs, outputs;
};

__device__ __forceinline__ void add_scaled(float4& sum, float scale, const float4& value) {
    sum.x = fmaf(scale, value.x, sum.x);
    sum.y = fmaf(scale, value.y, sum.y);
    sum.z = fmaf(scale, value.z, sum.z);
    sum.w = fmaf(scale, value.w, sum.w);
}

// A lane's part of a row, `count` of four neighbours from element `at`. WIDE: Adam takes them with one access to each array, or none.
template <bool WIDE>
struct Part {
    u64 at;
    unsigned count;
    Moments4 moments;

    __device__ __forceinline__ void load(const Layer& layer, const Sink& sink, u64 from, unsigned inside) {
        at = from, count = inside;
        float p[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (WIDE && count > 0) {
            moments = sink.load4(at);
            return;
        }
#pragma unroll
        for (unsigned e = 0; e < 4; ++e) {
            if (e < count) {
                p[e] = layer.weight[at + e];
            }
        }
        moments.p = make_float4(p[0], p[1], p[2], p[3]);
    }

    // The gradient to the sink; the sum of squares of what changes.
    __device__ __forceinline__ float take(const Sink& sink, const float4& g) {
        if (WIDE) {
            return count > 0 ? sink.apply4(at, moments, g) : 0.0f;
        }
        const float gradient[4] = {g.x, g.y, g.z, g.w};
        float square = 0.0f;
#pragma unroll
        for (unsigned e = 0; e < 4; ++e) {
            square += e < count ? sink.take(at + e, gradient[e]) : 0.0f;
        }
        return square;
    }
};

// The rows of a task. `c` holds x on entry, (SAMPLES, 128) with zeros outside, and dx of these rows on return. Answers the
// thread's sum of squares.
template <bool WIDE>
__device__ __forceinline__ float walk(float* c, float* dz_piece, const Layer& layer, const Sink& sink, const Task<Skinny>& task) {
    const unsigned warp = threadIdx.x / 32, lane4 = threadIdx.x % 32 * 4, column = task.n0 + lane4;
    const unsigned inside = column < layer.inputs ? min(layer.inputs - column, 4u) : 0;
    float4 sums[SAMPLES];
#pragma unroll
    for (unsigned n = 0; n < SAMPLES; ++n) {
        sums[n] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
    float square = 0.0f;
    for (unsigned piece = task.k_first; piece < task.k_last; piece += PIECE) {
        const unsigned rows = min(PIECE, task.k_last - piece), run = (rows + WARPS - 1) / WARPS, end = min(run * (warp + 1), rows);
        __syncthreads();
        for (unsigned e = threadIdx.x; e < PIECE * SAMPLES; e += THREADS) {
            const unsigned row = e % PIECE, n = e / PIECE;
            const bool there = n < layer.batch && row < rows;
            dz_piece[row * DZ_STRIDE + n] = there ? layer.dz[(u64)n * layer.outputs + piece + row] : 0.0f;
        }
        __syncthreads();
        for (unsigned row = run * warp; row < end; row += AT_ONCE) {
            // Or the compiler keeps all of x in registers that there are not.
            __syncwarp();
            const u64 at = (u64)(piece + row) * layer.inputs + column;
            Part<WIDE> parts[AT_ONCE];
            float4 g[AT_ONCE];
#pragma unroll
            for (unsigned j = 0; j < AT_ONCE; ++j) {
                parts[j].load(layer, sink, at + j * layer.inputs, row + j < end ? inside : 0);
                g[j] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            }
#pragma unroll
            for (unsigned first_n = 0; first_n < SAMPLES; first_n += 4) {
                float d[AT_ONCE][4];
#pragma unroll
                for (unsigned j = 0; j < AT_ONCE; ++j) {
                    const float4 dz = *(const float4*)(dz_piece + (row + j) * DZ_STRIDE + first_n);
                    d[j][0] = dz.x, d[j][1] = dz.y, d[j][2] = dz.z, d[j][3] = dz.w;
                }
#pragma unroll
                for (unsigned e = 0; e < 4; ++e) {
                    const unsigned n = first_n + e;
                    const float4 x = *(const float4*)(c + n * Skinny::C_STRIDE + lane4);
#pragma unroll
                    for (unsigned j = 0; j < AT_ONCE; ++j) {
                        add_scaled(sums[n], d[j][e], parts[j].moments.p);
                        add_scaled(g[j], d[j][e], x);
                    }
                }
            }
#pragma unroll
            for (unsigned j = 0; j < AT_ONCE; ++j) {
                square += parts[j].take(sink, g[j]);
            }
        }
    }
    // The warps' sums take the place of x, in order.
    for (unsigned turn = 0; turn < WARPS; ++turn) {
        __syncthreads();
        if (warp == turn) {
#pragma unroll
            for (unsigned n = 0; n < SAMPLES; ++n) {
                float4* to = (float4*)(c + n * Skinny::C_STRIDE + lane4);
                if (turn > 0) {
                    add_scaled(sums[n], 1.0f, *to);
                }
                *to = sums[n];
            }
        }
    }
    __syncthreads();
    return square;
}

extern "C" __global__ void __launch_bounds__(THREADS, 3) dense_dx_dw(
    float* __restrict__ dx, float* __restrict__ partials, float* __restrict__ destination, float* __restrict__ first,
    float* __restrict__ second, double* __restrict__ squares, const float* __restrict__ dz, const float* __restrict__ x,
    const float* __restrict__ weight, const double* __restrict__ rate, DenseConfig config, Update update, CutConfig cut) {
    SIMT_SHARED(float4, tile, [Skinny::C_WORDS / 4]);
    SIMT_SHARED(float4, dz_piece, [PIECE * DZ_STRIDE / 4]);
    SIMT_SHARED(double, scratch, [THREADS]);
    float* c = (float*)tile;
    const unsigned batch = (unsigned)config.batch, inputs = (unsigned)config.inputs, outputs = (unsigned)config.outputs;
    const Task<Skinny> task(cut, outputs);
    for (unsigned e = threadIdx.x; e < SAMPLES * Skinny::BN; e += THREADS) {
        const unsigned n = e / Skinny::BN, i = e % Skinny::BN;
        c[n * Skinny::C_STRIDE + i] = n < batch && task.n0 + i < inputs ? x[(u64)n * inputs + task.n0 + i] : 0.0f;
    }
    const Sink sink(destination, first, second, rate, update);
    const Layer layer = {dz, update.mode == APPLY ? destination : weight, batch, inputs, outputs};
    float* piece = (float*)dz_piece;
    const float square = takes_four(sink, inputs) ? walk<true>(c, piece, layer, sink, task) : walk<false>(c, piece, layer, sink, task);
    if (dx != nullptr) {
        leave(c, 0, task, partials, Plain{dx, batch, inputs});
    }
    write_square(squares, scratch, square, blockIdx.x);
}
SIMT_EXPORT(dense_dx_dw)
