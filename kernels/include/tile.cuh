// Tiles of the operands in shared memory, and how a block fills them.
//
// A product C[m, n] = sum_k A[m, k] B[k, n] is made by blocks of THREADS threads, each a BM x BN tile of C, from tiles of A
// (BM x BK) and of B (BK x BN). `row` is the index along m or n. A source tells where its elements lie, in one of two ways:
//
//   wide        four neighbours of the tile's contiguous direction on 16 bytes: step(k) has what is the same for all threads and loads of
//               a step, place(step, load, there) the address of a thread's four, and whether they are there or zeros
//   otherwise   at(load, row, k) the address of one, or null for a zero
#pragma once

#include "simt.cuh"

#include "config.cuh"

constexpr unsigned THREADS = 128;
constexpr unsigned BK = 16;

// The tile of C that a block makes. Its four warps stand in WARP_ROWS rows, each with a tile of its own. A multiprocessor's registers must
// hold BLOCKS_ such blocks: 4 at 128 registers a thread, 3 at 168, 2 at 255.
template <unsigned ROWS, unsigned COLUMNS, unsigned WARP_ROWS, unsigned BLOCKS_>
struct Shape {
    static constexpr unsigned BM = ROWS, BN = COLUMNS, BLOCKS = BLOCKS_;
    static constexpr unsigned WM = BM / WARP_ROWS, WN = BN * WARP_ROWS / 4;
    // The FP32 cores: a thread has BM / THREAD_ROWS x 4 elements.
    static constexpr unsigned THREAD_COLUMNS = BN / 4, THREAD_ROWS = THREADS / THREAD_COLUMNS;
    // The tile of C passes through shared memory in BANDS bands of rows, no more than the pipeline's stages hold. The padding keeps the
    // warps' stores free of bank conflicts.
    static constexpr unsigned BANDS = BM * BN > 128 * 64 ? 2 : 1, BAND = BM / BANDS;
    static constexpr unsigned C_STRIDE = BN + 8, C_WORDS = BAND * C_STRIDE;

    static __device__ __forceinline__ unsigned warp_row() { return threadIdx.x / 32 % WARP_ROWS * WM; }
    static __device__ __forceinline__ unsigned warp_column() { return threadIdx.x / 32 / WARP_ROWS * WN; }
};

// The rows of a tile that pass through shared memory at once.
template <class S>
struct Band {
    static constexpr unsigned BN = S::BN, BM = S::BAND, C_STRIDE = S::C_STRIDE;
};

// The rows of a tile that a block takes in the second half of a product: four elements a thread.
template <class S>
struct Slice {
    static constexpr unsigned BN = S::BN, BM = THREADS * 4 / BN;
    static constexpr unsigned C_STRIDE = S::C_STRIDE, C_WORDS = BM * C_STRIDE;
};

using Square = Shape<64, 64, 2, 4>;
using Tall = Shape<128, 64, 2, 3>;
using Large = Shape<128, 128, 2, 2>;
using Skinny = Shape<16, 128, 1, 4>;

// Both kinds of tile are copied and read in chunks of four neighbours, on 16 bytes; a thread copies LOADS of them. Where a chunk
// stands is swizzled, so that the threads that meet in one access (a row's chunk each of 8 rows, or the fragments of
// precision.cuh) find 32 different banks without padding.

// ROWS x BK elements, contiguous along k: two rows fill the banks.
template <unsigned ROWS_>
struct AlongK {
    static constexpr bool ALONG_K = true;
    static constexpr unsigned ROWS = ROWS_, WORDS = ROWS * BK;
    static constexpr unsigned CHUNKS = WORDS / 4, LOADS = (CHUNKS + THREADS - 1) / THREADS;

    static __device__ __forceinline__ unsigned at(unsigned row, unsigned k) { return row * BK + ((k / 4) ^ (row / 2 % 4)) * 4 + k % 4; }
    static __device__ __forceinline__ unsigned row(unsigned load) { return threadIdx.x / (BK / 4) + load * (THREADS * 4 / BK); }
    static __device__ __forceinline__ unsigned k(unsigned) { return threadIdx.x % (BK / 4) * 4; }
};

// ROWS x BK elements, contiguous along the row index: a lane's four neighbours along k are ROWS apart.
template <unsigned ROWS_>
struct AcrossK {
    static constexpr bool ALONG_K = false;
    static constexpr unsigned ROWS = ROWS_, WORDS = ROWS * BK;
    static constexpr unsigned CHUNKS = WORDS / 4, LOADS = CHUNKS / THREADS;

    static __device__ __forceinline__ unsigned at(unsigned row, unsigned k) { return k * ROWS + (row ^ (k / 4 * 8)); }
    static __device__ __forceinline__ unsigned row(unsigned) { return threadIdx.x % (ROWS / 4) * 4; }
    static __device__ __forceinline__ unsigned k(unsigned load) { return threadIdx.x / (ROWS / 4) + load * (THREADS * 4 / ROWS); }
};

// Does the address lie on 16 bytes?
__device__ __forceinline__ bool aligned16(const void* address) {
    return (u64)address % 16 == 0;
}

// Begins this thread's copies of the tile at columns k0 .. k0 + BK and rows row0 .. of `source`, 16 bytes at a time if `wide`,
// else UNROLLED copies of 4 bytes at a time.
template <unsigned UNROLLED, class Source>
__device__ __forceinline__ void copy_tile(float* tile, const Source& source, unsigned row0, unsigned k0, bool wide) {
    using Tile = typename Source::Tile;
    const auto step = source.step(k0);
#pragma unroll
    for (unsigned load = 0; load < Tile::LOADS; ++load) {
        if (Tile::CHUNKS % THREADS != 0 && threadIdx.x + load * THREADS >= Tile::CHUNKS) {
            return;
        }
        const unsigned row = Tile::row(load), k = Tile::k(load);
        float* to = tile + Tile::at(row, k);
        if (wide) {
            bool there;
            const float* from = source.place(step, load, there);
            cp_async16(to, from, there);
        } else {
#pragma unroll(UNROLLED)
            for (unsigned e = 0; e < 4; ++e) {
                const float* from = source.at(load, row0 + row + (Tile::ALONG_K ? 0 : e), k0 + k + (Tile::ALONG_K ? e : 0));
                cp_async4(to + e, from != nullptr ? from : source.base, from != nullptr);
            }
        }
    }
}

// A matrix (rows, columns) whose inner dimension is its columns: A[m, k] = base[m, k], or B[k, n] = base[n, k].
template <class T>
struct Rows {
    using Tile = T;
    const float* base;
    unsigned rows, columns;
    bool wide;
    // Of each load: its element at k = 0, and the first k that is not there.
    unsigned first[T::LOADS], end[T::LOADS];

    __device__ Rows(const float* base, unsigned rows, unsigned columns, unsigned row0)
        : base(base), rows(rows), columns(columns), wide(columns % 4 == 0 && aligned16(base)) {
#pragma unroll
        for (unsigned load = 0; load < T::LOADS; ++load) {
            const unsigned row = row0 + T::row(load);
            first[load] = row * columns + T::k(load);
            end[load] = row < rows ? columns - T::k(load) : 0;
        }
    }

    __device__ __forceinline__ unsigned step(unsigned k) const { return k; }

    __device__ __forceinline__ const float* place(unsigned k, unsigned load, bool& there) const {
        there = (int)k < (int)end[load];
        return base + (first[load] + k);
    }

    __device__ __forceinline__ const float* at(unsigned, unsigned row, unsigned k) const {
        return row < rows && k < columns ? base + ((u64)row * columns + k) : nullptr;
    }
};

// A matrix (rows, columns) whose inner dimension is its rows: A[m, k] = base[k, m], or B[k, n] = base[k, n].
template <class T>
struct Columns {
    using Tile = T;
    const float* base;
    unsigned rows, columns;
    bool wide;
    // Of each load: its element at k = 0, and the first k that is not there.
    unsigned first[T::LOADS], end[T::LOADS];

    __device__ Columns(const float* base, unsigned rows, unsigned columns, unsigned row0)
        : base(base), rows(rows), columns(columns), wide(columns % 4 == 0 && aligned16(base)) {
#pragma unroll
        for (unsigned load = 0; load < T::LOADS; ++load) {
            const unsigned row = row0 + T::row(load);
            first[load] = T::k(load) * columns + row;
            end[load] = row < columns ? rows - T::k(load) : 0;
        }
    }

    struct Step {
        unsigned k, offset;
    };

    __device__ __forceinline__ Step step(unsigned k) const { return {k, k * columns}; }

    __device__ __forceinline__ const float* place(const Step& step, unsigned load, bool& there) const {
        there = (int)step.k < (int)end[load];
        return base + (first[load] + step.offset);
    }

    __device__ __forceinline__ const float* at(unsigned, unsigned row, unsigned k) const {
        return row < columns && k < rows ? base + ((u64)k * columns + row) : nullptr;
    }
};
