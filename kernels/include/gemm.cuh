// C[m, n] = sum_k A[m, k] B[k, n]: the core of every product.
//
// A block makes one tile of C, over all of k or over a share of it. Tiles of A and B come through a pipeline of STAGES copies; the sums stay
// in registers, then pass through shared memory to the epilogue, which sees the tile as c[m * C_STRIDE + n]. The tile of a share goes to
// `partials` instead, and a kernel of finish.cu adds the shares in order and runs the same epilogue.
//
// Launch: a block for each whole tile, then for each share one for each tile in shares; THREADS threads. The length of a share is a multiple
// of BK.
#pragma once

#include "precision.cuh"

constexpr unsigned STAGES = 3;

// Has this architecture a kernel for that precision and tile? Before 8.0 none takes a tall one (src/ops/tiles.rs).
template <class P, class S>
constexpr bool AVAILABLE = P::AVAILABLE && (S::BM <= Square::BM || SINCE_SM_80);

// The sums of a warp's tile of C on the tensor cores.
template <class P, class S, class TileA, class TileB>
struct Accumulator {
    static constexpr unsigned MS = S::WM / 16, NS = S::WN / 8, UNROLLED = 4;
    float sum[MS][NS][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (unsigned i = 0; i < MS * NS * 4; ++i) {
            sum[i / (NS * 4)][i / 4 % NS][i % 4] = 0.0f;
        }
    }

    __device__ __forceinline__ void add(const float* a_tile, const float* b_tile) {
        typename P::A a[MS];
        typename P::B b[NS];
#pragma unroll
        for (unsigned i = 0; i < MS; ++i) {
            const unsigned row = S::warp_row() + i * 16;
            a[i] = P::a(four<TileA>(a_tile, row), four<TileA>(a_tile, row + 8));
        }
#pragma unroll
        for (unsigned j = 0; j < NS; ++j) {
            b[j] = P::b(four<TileB>(b_tile, S::warp_column() + j * 8));
        }
        // Part by part, so that no product waits for the one before it.
#pragma unroll
        for (unsigned part = 0; part < P::PARTS; ++part) {
#pragma unroll
            for (unsigned i = 0; i < MS; ++i) {
#pragma unroll
                for (unsigned j = 0; j < NS; ++j) {
                    P::mma(part, sum[i][j], a[i], b[j]);
                }
            }
        }
    }

    // The rows of band `band` of the tile to `c`: those of one row of warps, or all.
    __device__ __forceinline__ void store(float* c, unsigned band) const {
        static_assert(S::BANDS == 1 || S::BAND == S::WM);
        constexpr float UNDO = 1.0f / P::A_SCALE;
        if (S::warp_row() / S::BAND != band) {
            return;
        }
#pragma unroll
        for (unsigned i = 0; i < MS; ++i) {
#pragma unroll
            for (unsigned j = 0; j < NS; ++j) {
                const unsigned row = S::warp_row() % S::BAND + i * 16 + lane() / 4;
                float* to = c + row * S::C_STRIDE + S::warp_column() + j * 8 + lane() % 4 * 2;
                *(float2*)to = make_float2(UNDO * sum[i][j][0], UNDO * sum[i][j][1]);
                *(float2*)(to + 8 * S::C_STRIDE) = make_float2(UNDO * sum[i][j][2], UNDO * sum[i][j][3]);
            }
        }
    }
};

// The rows of a tile that one thread of PARTS sees: every PARTS-th row of a tile along k, groups of four neighbours of a
// tile across it. Either way four numbers come with one access, and the threads of a warp meet no bank conflict.
template <class Tile, unsigned PARTS>
struct ThreadRows {
    static __device__ __forceinline__ unsigned row(unsigned part, unsigned i) {
        return Tile::ALONG_K ? part + i * PARTS : part * 4 + i % 4 + i / 4 * 4 * PARTS;
    }

    // Rows i .. i + 4 of the thread, columns k .. k + 4.
    static __device__ __forceinline__ void load(float (&value)[4][4], const float* tile, unsigned part, unsigned i, unsigned k) {
#pragma unroll
        for (unsigned e = 0; e < 4; ++e) {
            const float4 four = *(const float4*)(tile + (Tile::ALONG_K ? Tile::at(row(part, i + e), k) : Tile::at(row(part, i), k + e)));
            const float numbers[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
            for (unsigned f = 0; f < 4; ++f) {
                value[Tile::ALONG_K ? e : f][Tile::ALONG_K ? f : e] = numbers[f];
            }
        }
    }
};

// The sums of a thread's elements of C on the FP32 cores.
template <class S, class TileA, class TileB>
struct Accumulator<F32, S, TileA, TileB> {
    // Beside so many sums there are no registers for the addresses of several copies.
    static constexpr unsigned MS = S::BM / S::THREAD_ROWS, NS = 4, UNROLLED = MS * NS > 64 ? 1 : 4;
    using RowsA = ThreadRows<TileA, S::THREAD_ROWS>;
    using RowsB = ThreadRows<TileB, S::THREAD_COLUMNS>;
    float sum[MS][NS];

    static __device__ __forceinline__ unsigned part_a() { return threadIdx.x / S::THREAD_COLUMNS; }
    static __device__ __forceinline__ unsigned part_b() { return threadIdx.x % S::THREAD_COLUMNS; }

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (unsigned i = 0; i < MS * NS; ++i) {
            sum[i / NS][i % NS] = 0.0f;
        }
    }

    __device__ __forceinline__ void add(const float* a_tile, const float* b_tile) {
        // Not unrolled: the loads of several steps at once would take more registers than there are.
#pragma unroll 1
        for (unsigned k = 0; k < BK; k += 4) {
            float b[4][4];
            RowsB::load(b, b_tile, part_b(), 0, k);
#pragma unroll
            for (unsigned group = 0; group < MS; group += 4) {
                float a[4][4];
                RowsA::load(a, a_tile, part_a(), group, k);
#pragma unroll
                for (unsigned e = 0; e < 4; ++e) {
#pragma unroll
                    for (unsigned i = 0; i < 4; ++i) {
#pragma unroll
                        for (unsigned j = 0; j < NS; ++j) {
                            sum[group + i][j] = fmaf(a[i][e], b[j][e], sum[group + i][j]);
                        }
                    }
                }
            }
        }
    }

    __device__ __forceinline__ void store(float* c, unsigned band) const {
        constexpr unsigned ROWS = MS / S::BANDS;
#pragma unroll
        for (unsigned i = 0; i < MS; ++i) {
            if (i / ROWS != band) {
                continue;
            }
#pragma unroll
            for (unsigned j = 0; j < NS; ++j) {
                c[RowsA::row(part_a(), i % ROWS) * S::C_STRIDE + RowsB::row(part_b(), j)] = sum[i][j];
            }
        }
    }
};

// Shared memory that a product needs, in units of float4: the pipeline's stages or, later, the tile of C with room for the
// epilogue's sum over the block behind it.
template <class S, class A, class B>
struct GemmShared {
    static constexpr unsigned PIPELINE = STAGES * (A::Tile::WORDS + B::Tile::WORDS) / 4;
    static constexpr unsigned SCRATCH = S::C_WORDS / 4, OUTPUT = SCRATCH + THREADS / 2;
    static constexpr unsigned SIZE = PIPELINE > OUTPUT ? PIPELINE : OUTPUT;
};

// What this block makes: the tile at row m0 and column n0 of C, over k_first .. k_last.
template <class S>
struct Task {
    unsigned m0, n0, k_first, k_last;
    // Over all of k? Else which of the shares' blocks it is.
    bool whole;
    unsigned share_block;

    __device__ __forceinline__ Task(const CutConfig& cut, unsigned k_total) {
        whole = blockIdx.x < cut.whole;
        share_block = whole ? 0 : blockIdx.x - cut.whole;
        const unsigned tile = whole ? blockIdx.x : cut.whole + share_block % cut.split;
        m0 = tile % cut.tiles_m * S::BM;
        n0 = tile / cut.tiles_m * S::BN;
        k_first = whole ? 0 : share_block / cut.split * cut.length;
        k_last = whole ? k_total : min(k_first + cut.length, k_total);
    }
};

// A finished band of the tile goes to the epilogue or, where it is a share, to `partials`. Answers what the epilogue does.
template <class S, class Epilogue>
__device__ __forceinline__ float leave(const float* c, unsigned band, const Task<S>& task, float* partials, const Epilogue& epilogue) {
    if (task.whole) {
        return epilogue.template run<Band<S>>(c, task.m0 + band * S::BAND, task.n0);
    }
    float* to = partials + ((u64)task.share_block * S::BANDS + band) * (S::BAND * S::BN);
    for (unsigned e = threadIdx.x * 4; e < S::BAND * S::BN; e += THREADS * 4) {
        *(float4*)(to + e) = *(const float4*)(c + e / S::BN * S::C_STRIDE + e % S::BN);
    }
    return 0.0f;
}

// The product of `a` and `b`, this block's task of it.
template <class P, class S, class A, class B, class Epilogue>
__device__ __forceinline__ void gemm(float4* shared, const A& a, const B& b, const Task<S>& task, float* partials, const Epilogue& epilogue) {
    constexpr unsigned STAGE = A::Tile::WORDS + B::Tile::WORDS;
    float* stages = (float*)shared;
    const unsigned count = (task.k_last - task.k_first + BK - 1) / BK;

    using Sums = Accumulator<P, S, typename A::Tile, typename B::Tile>;
    Sums sums;
    sums.clear();
    const auto loop = [&](bool wide_a, bool wide_b) {
        const auto copy = [&](unsigned step, unsigned stage) {
            if (step < count) {
                float* to = stages + stage * STAGE;
                copy_tile<Sums::UNROLLED>(to, a, task.m0, task.k_first + step * BK, wide_a);
                copy_tile<Sums::UNROLLED>(to + A::Tile::WORDS, b, task.n0, task.k_first + step * BK, wide_b);
            }
            // Groups are counted, so an empty one stands for a copy past the end.
            cp_async_commit();
        };
#pragma unroll
        for (unsigned step = 0; step < STAGES - 1; ++step) {
            copy(step, step);
        }
        // The stage that is read, and the one that was read in the step before, which every thread has left.
        unsigned read = 0, free = STAGES - 1;
        for (unsigned step = 0; step < count; ++step) {
            cp_async_wait<STAGES - 2>();
            __syncthreads();
            copy(step + STAGES - 1, free);
            const float* stage = stages + read * STAGE;
            sums.add(stage, stage + A::Tile::WORDS);
            free = read;
            read = read + 1 < STAGES ? read + 1 : 0;
        }
    };
    // The usual case in a loop of its own, free of the other's branches.
    if (a.wide && b.wide) {
        loop(true, true);
    } else {
        loop(a.wide, b.wide);
    }
    cp_async_wait<0>();

    float* c = stages;
    float square = 0.0f;
#pragma unroll 1
    for (unsigned band = 0; band < S::BANDS; ++band) {
        __syncthreads();
        sums.store(c, band);
        __syncthreads();
        square += leave(c, band, task, partials, epilogue);
    }
    if (task.whole) {
        epilogue.end(square, blockIdx.x);
    }
}

// The second half of a product in shares: adds them in order, then the epilogue, slice by slice.
// Launch: grid (slices of a tile, tiles in shares); S is any shape of the tile's width.
template <class S, class Epilogue>
__device__ __forceinline__ void gemm_finish(float4* shared, const float* partials, const CutConfig& cut, const Epilogue& epilogue) {
    using Part = Slice<S>;
    float* c = (float*)shared;
    const unsigned slice = blockIdx.y * gridDim.x + blockIdx.x, tile = cut.whole + blockIdx.y;
    const u64 share = (u64)gridDim.x * gridDim.y * (Part::BM * Part::BN);
    const unsigned e = threadIdx.x * 4;
    const float* from = partials + (u64)slice * (Part::BM * Part::BN) + e;
    float4 sum = *(const float4*)from;
#pragma unroll 8
    for (unsigned z = 1; z < cut.shares; ++z) {
        const float4 next = *(const float4*)(from + z * share);
        sum = make_float4(sum.x + next.x, sum.y + next.y, sum.z + next.z, sum.w + next.w);
    }
    *(float4*)(c + e / Part::BN * Part::C_STRIDE + e % Part::BN) = sum;
    __syncthreads();
    const unsigned m0 = (tile % cut.tiles_m * gridDim.x + blockIdx.x) * Part::BM, n0 = tile / cut.tiles_m * Part::BN;
    epilogue.end(epilogue.template run<Part>(c, m0, n0), cut.whole + slice);
}
