// The operands of a 3x3 convolution as matrices: what src/ops/conv3x3/mod.rs calls `columns`, read in place.
#pragma once

#include "tile.cuh"

// Division by a number that is known only at run time, as one multiplication: exact while n * divisor < 2^32.
struct Divider {
    unsigned divisor, reciprocal;

    // 2^32 / divisor, rounded up; it does not fit for 1, which needs no division.
    __device__ explicit Divider(unsigned divisor) : divisor(divisor), reciprocal(0xffffffffu / divisor + 1) {}

    __device__ __forceinline__ unsigned divide(unsigned n) const { return divisor == 1 ? n : __umulhi(n, reciprocal); }
};

// columns[m, (r, s, c)] = x[pixel m + (r-1, s-1), c], zero outside the image: A of the forward product, and with dz in the place of
// x that of the input's gradient. With `quads`, rows 4q .. 4q + 3 are the 2x2 quad of output pixel q.
template <class T>
struct Windows {
    using Tile = T;
    const float* base;
    unsigned height, width, channels;
    Divider by_channels;
    bool wide;
    // Of each load's pixel: its number, and the taps of its window that are in the image, a bit each.
    unsigned pixel[T::LOADS], taps[T::LOADS];

    __device__ Windows(const float* x, const Conv3x3Config& config, unsigned channels, bool quads, unsigned row0)
        : base(x), height((unsigned)config.height), width((unsigned)config.width), channels(channels), by_channels(channels),
          wide(channels % 4 == 0 && aligned16(x)) {
        const unsigned pixels = (unsigned)config.batch * height * width;
#pragma unroll
        for (unsigned load = 0; load < T::LOADS; ++load) {
            const unsigned m = row0 + T::row(load);
            unsigned i = m / width % height, j = m % width;
            pixel[load] = m;
            if (quads) {
                const unsigned q = m / 4, half = width / 2;
                const unsigned line = q / half * 2 + m / 2 % 2;
                i = line % height;
                j = q % half * 2 + m % 2;
                pixel[load] = line * width + j;
            }
            // Without the outer rows and columns where they lie outside.
            const unsigned rows = (i == 0 ? 0770 : 0777) & (i + 1 == height ? 0077 : 0777);
            const unsigned columns = (j == 0 ? 0666 : 0777) & (j + 1 == width ? 0333 : 0777);
            taps[load] = m < pixels ? rows & columns : 0;
        }
    }

    __device__ __forceinline__ const float* at(unsigned load, unsigned, unsigned k) const {
        const unsigned tap = by_channels.divide(k), c = k - tap * channels;
        const unsigned r = tap / 3, s = tap % 3;
        // No bit stands for a tap beyond the ninth.
        if ((taps[load] >> tap & 1) == 0) {
            return nullptr;
        }
        return base + ((u64)(pixel[load] + (r - 1) * width + s - 1) * channels + c);
    }
};

// B of the input's gradient: at k = (tap, f), w[f, 8 - tap, n]. Tap (r, s) of dz's window stands at (r-1, s-1), where x saw the
// pixel through (2-r, 2-s).
template <class T>
struct MirroredWeights {
    using Tile = T;
    const float* base;
    unsigned channels, filters;
    Divider by_filters;
    bool wide;

    __device__ MirroredWeights(const float* weight, unsigned channels, unsigned filters)
        : base(weight), channels(channels), filters(filters), by_filters(filters), wide(channels % 4 == 0 && aligned16(weight)) {}

    __device__ __forceinline__ const float* at(unsigned, unsigned n, unsigned k) const {
        const unsigned tap = by_filters.divide(k), f = k - tap * filters;
        return tap < 9 && n < channels ? base + ((u64)(f * 9 + 8 - tap) * channels + n) : nullptr;
    }
};

// B of the weight's gradient: columns[k, n] as above, with pixel k as the inner dimension.
template <class T>
struct WindowColumns {
    using Tile = T;
    const float* base;
    unsigned pixels, height, width, channels;
    Divider by_channels, by_width, by_height;
    bool wide;

    __device__ WindowColumns(const float* x, const Conv3x3Config& config)
        : base(x), pixels((unsigned)(config.batch * config.height * config.width)), height((unsigned)config.height),
          width((unsigned)config.width), channels((unsigned)config.channels), by_channels(channels), by_width(width), by_height(height),
          wide(channels % 4 == 0 && aligned16(x)) {}

    __device__ __forceinline__ const float* at(unsigned, unsigned n, unsigned k) const {
        const unsigned tap = by_channels.divide(n), c = n - tap * channels;
        const unsigned r = tap / 3, s = tap % 3;
        const unsigned line = by_width.divide(k), j = k - line * width, i = line - by_height.divide(line) * height;
        if (k >= pixels || tap >= 9 || i + r - 1 >= height || j + s - 1 >= width) {
            return nullptr;
        }
        return base + ((u64)(k + (r - 1) * width + s - 1) * channels + c);
    }
};
