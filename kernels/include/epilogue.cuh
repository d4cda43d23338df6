// What becomes of a tile of a product. An epilogue's run<Shape>(c, m0, n0) sees rows m0 .. and columns n0 .. of the product as
// c[m * C_STRIDE + n] in shared memory, complete; what lies outside the product is masked there. It answers the thread's sum of the squares
// of what changes; end(square, slot) is told their sum when the block has no more, and the block's number among those that end tiles.
#pragma once

#include "adam.cuh"
#include "philox.cuh"
#include "tile.cuh"

// out[m, n] = c[m, n].
struct Plain {
    float* out;
    unsigned rows, columns;

    template <class S>
    __device__ __forceinline__ float run(const float* c, unsigned m0, unsigned n0) const {
        for (unsigned e = threadIdx.x; e < S::BM * S::BN; e += THREADS) {
            const unsigned m = e / S::BN, n = e % S::BN;
            if (m0 + m < rows && n0 + n < columns) {
                out[(u64)(m0 + m) * columns + n0 + n] = c[m * S::C_STRIDE + n];
            }
        }
        return 0.0f;
    }

    __device__ __forceinline__ void end(float, unsigned) const {}
};

// Can Adam take four neighbours of a row of `columns` weights with one access to each array?
__device__ __forceinline__ bool takes_four(const Sink& sink, unsigned columns) {
    return sink.update.mode == APPLY && columns % 4 == 0 && aligned16(sink.destination) && aligned16(sink.first) && aligned16(sink.second);
}

// The block's sum of squares to squares[slot], where that is wanted. `scratch`: THREADS numbers in shared memory.
__device__ __forceinline__ void write_square(double* squares, double* scratch, float square, unsigned slot) {
    if (squares == nullptr) {
        return;
    }
    const double sum = block_sum<THREADS>((double)square, scratch);
    if (threadIdx.x == 0) {
        squares[slot] = sum;
    }
}

// A weight's gradient: to the sink, and the block's sum of squares to squares[slot] where that is wanted.
struct WeightGradient {
    Sink sink;
    double* squares;
    double* scratch;
    unsigned rows, columns;

    // Groups of four numbers that a thread has of a tile, and those that it takes at once: it waits for memory once and not for each.
    template <class S>
    static constexpr unsigned GROUPS = S::BM * S::BN / (THREADS * 4);
    template <class S>
    static constexpr unsigned AT_ONCE = GROUPS<S> < 4 ? GROUPS<S> : 4;

    // work(i, at, place) for the thread's groups first + i, i < AT_ONCE, that are in the tensor: `at` there, and in the tile.
    template <class S, class Work>
    __device__ __forceinline__ void each(unsigned first, unsigned m0, unsigned n0, const Work& work) const {
#pragma unroll
        for (unsigned i = 0; i < AT_ONCE<S>; ++i) {
            const unsigned e = (threadIdx.x + (first + i) * THREADS) * 4, m = e / S::BN, n = e % S::BN;
            if (m0 + m < rows && n0 + n < columns) {
                work(i, (u64)(m0 + m) * columns + n0 + n, m * S::C_STRIDE + n);
            }
        }
    }

    template <class S>
    __device__ __forceinline__ float run(const float* c, unsigned m0, unsigned n0) const {
        float square = 0.0f;
        if (takes_four(sink, columns)) {
            for (unsigned first = 0; first < GROUPS<S>; first += AT_ONCE<S>) {
                Moments4 moments[AT_ONCE<S>];
                each<S>(first, m0, n0, [&](unsigned i, u64 at, unsigned) { moments[i] = sink.load4(at); });
                each<S>(first, m0, n0, [&](unsigned i, u64 at, unsigned place) {
                    square += sink.apply4(at, moments[i], *(const float4*)(c + place));
                });
            }
        } else {
            for (unsigned e = threadIdx.x; e < S::BM * S::BN; e += THREADS) {
                const unsigned m = e / S::BN, n = e % S::BN;
                if (m0 + m < rows && n0 + n < columns) {
                    square += sink.take((u64)(m0 + m) * columns + n0 + n, c[m * S::C_STRIDE + n]);
                }
            }
        }
        return square;
    }

    __device__ __forceinline__ void end(float square, unsigned slot) const { write_square(squares, scratch, square, slot); }
};

// y = relu(z + b), with a pool its maximum over the quad that rows 4q .. 4q + 3 are, and the first place of the maximum.
struct ConvOutput {
    float* y;
    u8* argmax;
    const float* bias;
    unsigned rows, filters;
    bool pool;

    template <class S>
    __device__ __forceinline__ float run(const float* c, unsigned m0, unsigned n0) const {
        const unsigned height = pool ? 4 : 1;
        for (unsigned e = threadIdx.x; e < S::BM / height * S::BN; e += THREADS) {
            const unsigned m = e / S::BN * height, n = e % S::BN;
            if (m0 + m >= rows || n0 + n >= filters) {
                continue;
            }
            const float* z = c + m * S::C_STRIDE + n;
            const u64 at = (u64)((m0 + m) / height) * filters + n0 + n;
            float best = z[0];
            if (pool) {
                u8 place = 0;
#pragma unroll
                for (unsigned k = 1; k < 4; ++k) {
                    if (z[k * S::C_STRIDE] > best) {
                        best = z[k * S::C_STRIDE];
                        place = (u8)k;
                    }
                }
                argmax[at] = place;
            }
            best += bias[n0 + n];
            y[at] = best > 0.0f ? best : 0.0f;
        }
        return 0.0f;
    }

    __device__ __forceinline__ void end(float, unsigned) const {}
};

// y = z + b, with a ReLU where wanted, and dropout where `step` is not null (src/ops/dropout.rs).
struct DenseOutput {
    float* y;
    const float* bias;
    const u64* step;
    DenseConfig config;

    template <class S>
    __device__ __forceinline__ float run(const float* c, unsigned m0, unsigned n0) const {
        const u64 threshold = (u64)(config.keep * 4294967296.0);
        const float scale = (float)(1.0 / config.keep);
        for (unsigned e = threadIdx.x; e < S::BM * S::BN; e += THREADS) {
            const unsigned m = e / S::BN, n = e % S::BN;
            if (m0 + m >= config.batch || n0 + n >= config.outputs) {
                continue;
            }
            const u64 at = (m0 + m) * config.outputs + n0 + n;
            float value = c[m * S::C_STRIDE + n] + bias[n0 + n];
            if (config.relu && value <= 0.0f) {
                value = 0.0f;
            }
            if (step != nullptr && config.keep < 1.0) {
                const unsigned word = philox::draw(config.seed, philox::DROPOUT, step[0], (unsigned)(at / 4)).pick((unsigned)at % 4);
                value = word < threshold ? value * scale : 0.0f;
            }
            y[at] = value;
        }
        return 0.0f;
    }

    __device__ __forceinline__ void end(float, unsigned) const {}
};
