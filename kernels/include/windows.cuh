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
// x that of the input's gradient. With `quads`, rows 4q .. 4q + 3 are the 2x2 quad of output pixel q. Wide where a step of k
// stays within one tap of the window.
template <class T>
struct Windows {
    using Tile = T;
    const float* base;
    unsigned width, channels;
    Divider by_channels;
    bool wide;
    // Of each load: its element at the middle of the window, and the taps of the window that are in the image, a bit each.
    unsigned first[T::LOADS], taps[T::LOADS];

    __device__ Windows(const float* x, const Conv3x3Config& config, unsigned channels, bool quads, unsigned row0)
        : base(x), width((unsigned)config.width), channels(channels), by_channels(channels), wide(channels % BK == 0 && aligned16(x)) {
        const unsigned height = (unsigned)config.height, pixels = (unsigned)config.batch * height * width;
#pragma unroll
        for (unsigned load = 0; load < T::LOADS; ++load) {
            const unsigned m = row0 + T::row(load);
            unsigned i = m / width % height, j = m % width, pixel = m;
            if (quads) {
                const unsigned q = m / 4, half = width / 2;
                const unsigned line = q / half * 2 + m / 2 % 2;
                i = line % height;
                j = q % half * 2 + m % 2;
                pixel = line * width + j;
            }
            first[load] = pixel * channels + T::k(load);
            // Without the outer rows and columns where they lie outside.
            const unsigned rows = (i == 0 ? 0770 : 0777) & (i + 1 == height ? 0077 : 0777);
            const unsigned columns = (j == 0 ? 0666 : 0777) & (j + 1 == width ? 0333 : 0777);
            taps[load] = m < pixels ? rows & columns : 0;
        }
    }

    // The window's tap, and how far an element of it lies from that of the middle.
    struct Step {
        unsigned tap, offset;
    };

    __device__ __forceinline__ Step step(unsigned k) const {
        const unsigned tap = by_channels.divide(k), c = k - tap * channels;
        return {tap, ((tap / 3 - 1) * width + tap % 3 - 1) * channels + c};
    }

    __device__ __forceinline__ const float* place(const Step& step, unsigned load, bool& there) const {
        // No bit stands for a tap beyond the ninth.
        there = (taps[load] >> step.tap & 1) != 0;
        return base + (first[load] + step.offset);
    }

    __device__ __forceinline__ const float* at(unsigned load, unsigned, unsigned k) const {
        bool there;
        const float* from = place(step(k), load, there) - T::k(load);
        return there ? from : nullptr;
    }
};

// B of the input's gradient: at k = (tap, f), w[f, 8 - tap, n]. Tap (r, s) of dz's window stands at (r-1, s-1), where x saw the
// pixel through (2-r, 2-s). Wide where a step of k stays within one tap.
template <class T>
struct MirroredWeights {
    using Tile = T;
    const float* base;
    unsigned channels, filters;
    Divider by_filters;
    bool wide, inside;
    // Of each load: its element of the first filter and tap 8.
    unsigned first[T::LOADS];

    __device__ MirroredWeights(const float* weight, unsigned channels, unsigned filters, unsigned row0)
        : base(weight), channels(channels), filters(filters), by_filters(filters),
          wide(channels % 4 == 0 && filters % BK == 0 && aligned16(weight)), inside(row0 + T::row(0) < channels) {
#pragma unroll
        for (unsigned load = 0; load < T::LOADS; ++load) {
            first[load] = T::k(load) * 9 * channels + row0 + T::row(load);
        }
    }

    __device__ __forceinline__ unsigned step(unsigned k) const {
        const unsigned tap = by_filters.divide(k), f = k - tap * filters;
        return (f * 9 + 8 - tap) * channels;
    }

    __device__ __forceinline__ const float* place(unsigned offset, unsigned load, bool& there) const {
        there = inside;
        return base + (first[load] + offset);
    }

    __device__ __forceinline__ const float* at(unsigned, unsigned n, unsigned k) const {
        return k < 9 * filters && n < channels ? base + (step(k) + n) : nullptr;
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
    // Of this thread's row in wide loads, whose tap is one: how far the window's element lies from the pixel's first channel.
    unsigned down, right, offset;

    __device__ WindowColumns(const float* x, const Conv3x3Config& config, unsigned row0)
        : base(x), pixels((unsigned)(config.batch * config.height * config.width)), height((unsigned)config.height),
          width((unsigned)config.width), channels((unsigned)config.channels), by_channels(channels), by_width(width), by_height(height),
          wide(channels % 4 == 0 && aligned16(x)) {
        aim(row0 + T::row(0));
    }

    // The row's tap and channel.
    __device__ __forceinline__ void aim(unsigned n) {
        const unsigned tap = by_channels.divide(n), c = n - tap * channels;
        // Beyond the ninth tap no line of an image is that of an element.
        down = tap < 9 ? tap / 3 - 1 : height;
        right = tap % 3 - 1;
        offset = (down * width + right) * channels + c;
    }

    __device__ __forceinline__ unsigned step(unsigned k) const { return k; }

    __device__ __forceinline__ const float* place(unsigned k, unsigned load, bool& there) const {
        const unsigned pixel = k + T::k(load);
        const unsigned line = by_width.divide(pixel), j = pixel - line * width, i = line - by_height.divide(line) * height;
        there = pixel < pixels && i + down < height && j + right < width;
        return base + (pixel * channels + offset);
    }

    __device__ __forceinline__ const float* at(unsigned load, unsigned n, unsigned k) const {
        WindowColumns one = *this;
        one.aim(n);
        bool there;
        const float* from = one.place(k - T::k(load), load, there);
        return there ? from : nullptr;
    }
};
