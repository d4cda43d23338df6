// Symmetric matrices to tridiagonal ones by Householder's reflections, a block a matrix; src/ops/eigh/own.rs has the whole way.
//
//   Q' A Q = T,   Q = H_0 H_1 ... H_(n-3),   H_k = I - tau_k v_k v_k',   v_k is 0 up to row k and 1 in row k + 1
//
// Step k reflects the rest x of column k to one number, beta = -sign(x_0) |x|, and changes the matrix behind it by two vectors:
//
//   p = tau A v,   w = p - tau/2 (p'v) v,   A <- A - v w' - w v'
//
// The matrix is in tiles of 16 x 16 on or below the diagonal, at most 9 a warp: in f32 they stay in registers (136 KiB of 256 rows, of
// the 256 KiB that a multiprocessor has), in f64 they stay where the matrix was, in the L2 cache, and pass through registers once a
// step. Either way a tile takes the change of the step before and is multiplied by this step's v at once. Tiles are dealt out column
// by column, so that those behind column k are spread evenly over the warps. A lane has rows 2g, 2g + 1 and columns 4t .. 4t + 3 of
// each, g = lane / 4 and t = lane % 4. A product's parts, one a tile and row, are added in the order of the tiles.
//
// The matrix is scaled by a power of two to a largest element in [1/2, 1), so that no square overflows, and none that matters underflows.
//
// Launch: a block a matrix, warps for 9 tiles each and for a thread a row (own.rs); n is at most MOST.
#include "eigen.cuh"

constexpr unsigned SIDE = 16;
constexpr unsigned TILES = MOST / SIDE;
constexpr unsigned SLOTS = 9;
constexpr unsigned REDUCE_THREADS = 512;
constexpr unsigned REDUCE_WARPS = REDUCE_THREADS / 32;
static_assert(SLOTS * REDUCE_WARPS >= TILES * (TILES + 1) / 2, "every tile has a slot");

// Element (i, j) of the symmetric matrix whose lower triangle is given; 0 outside.
__device__ __forceinline__ double element(const double* matrix, unsigned n, unsigned i, unsigned j) {
    return i < n && j < n ? matrix[(u64)max(i, j) * n + min(i, j)] : 0.0;
}

// A lane's part of a tile.
template <class R>
struct Tile {
    R at[2][4];
};

// A tile's place in the order of dealing, as TILES row + column.
__device__ __forceinline__ u16 place_of(unsigned index, unsigned tiles) {
    unsigned column = 0;
    while (index >= tiles - column) {
        index -= tiles - column;
        ++column;
    }
    return (u16)(TILES * (column + index) + column);
}

template <class R, bool ON_CHIP>
__device__ __forceinline__ void reduce(
    R* reflectors, R* scales, R* diagonal, R* beside, int* exponents, int* outcomes, double* matrices, unsigned n) {
    SIMT_SHARED(R, partial, [TILES][MOST + SIDE]);
    SIMT_SHARED(R, vector, [2][MOST]);
    SIMT_SHARED(R, weight, [MOST]);
    SIMT_SHARED(R, product, [MOST]);
    SIMT_SHARED(R, column, [MOST]);
    SIMT_SHARED(R, fresh, [MOST]);
    SIMT_SHARED(R, sums, [REDUCE_WARPS]);
    SIMT_SHARED(u64, sizes, [REDUCE_WARPS]);
    SIMT_SHARED(u16, places, [TILES * (TILES + 1) / 2]);

    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const unsigned g = lane / 4, t = lane % 4, i = threadIdx.x;
    const unsigned tiles = (n + SIDE - 1) / SIDE, padded = tiles * SIDE;
    double* matrix = matrices + (u64)blockIdx.x * n * n;
    reflectors += (u64)blockIdx.x * n * n;
    scales += (u64)blockIdx.x * n;
    diagonal += (u64)blockIdx.x * n;
    beside += (u64)blockIdx.x * n;

    const unsigned all = tiles * (tiles + 1) / 2;
    if (i < all) {
        places[i] = place_of(i, tiles);
    }
    __syncthreads();

    // The largest element, as bits: those of sizes are ordered as the sizes are, infinity and then NaN above all.
    u64 largest = 0;
    for (unsigned index = warp; index < all; index += warps) {
        const unsigned row = SIDE * (places[index] / TILES) + 2 * g, col = SIDE * (places[index] % TILES) + 4 * t;
#pragma unroll
        for (unsigned e = 0; e < 8; ++e) {
            const double value = element(matrix, n, row + e / 4, col + e % 4);
            largest = max(largest, (u64)__double_as_longlong(fabs(value)));
        }
    }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        largest = max(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
    }
    if (lane == 0) {
        sizes[warp] = largest;
    }
    __syncthreads();
    for (unsigned other = 0; other < warps; ++other) {
        largest = max(largest, sizes[other]);
    }
    // A matrix that is not finite is replaced by 0 and reported.
    const bool finite = largest < 0x7ff0000000000000ull;
    int exponent = 0;
    if (finite && largest > 0) {
        exponent = (int)(largest >> 52) - 1022;
        if (largest >> 52 == 0) {
            exponent = -1010 - __clzll((long long)largest);
        }
    }
    // A denormal matrix needs two factors: the inverse of its size is too large for one.
    const int once = min(-exponent, 1000);
    const double factor = finite ? ldexp(1.0, once) : 0.0, rest = ldexp(1.0, -exponent - once);
    const auto scaled = [&](unsigned row, unsigned col) {
        double value = finite ? element(matrix, n, row, col) * factor : 0.0;
        if (rest != 1.0) {
            value *= rest;
        }
        return (R)value;
    };
    if (threadIdx.x == 0) {
        exponents[blockIdx.x] = exponent;
        outcomes[blockIdx.x] = finite ? SOLVED : NOT_FINITE;
    }

    // Column 0, and no change yet.
    if (i < padded) {
        const R x = scaled(i, 0);
        column[i] = i > 0 ? x : R(0);
        vector[1][i] = R(0);
        weight[i] = R(0);
        if (i == 0) {
            diagonal[0] = x;
        }
    }
    if (!ON_CHIP) {
        __syncthreads();
    }
    Tile<R> kept[ON_CHIP ? SLOTS : 1];
#pragma unroll(ON_CHIP ? SLOTS : 1)
    for (unsigned slot = 0; slot < SLOTS; ++slot) {
        const unsigned index = warp + slot * warps;
        if (index < all) {
            Tile<R>& tile = kept[ON_CHIP ? slot : 0];
            const unsigned row = SIDE * (places[index] / TILES) + 2 * g, col = SIDE * (places[index] % TILES) + 4 * t;
#pragma unroll
            for (unsigned e = 0; e < 8; ++e) {
                tile.at[e / 4][e % 4] = scaled(row + e / 4, col + e % 4);
            }
            if (!ON_CHIP) {
                // A tile on the diagonal is written whole, over what its other lanes have read.
                __syncwarp();
#pragma unroll
                for (unsigned e = 0; e < 8; ++e) {
                    if (row + e / 4 < n && col + e % 4 < n) {
                        matrix[(u64)(row + e / 4) * n + col + e % 4] = tile.at[e / 4][e % 4];
                    }
                }
            }
        }
    }
    __syncthreads();

    for (unsigned k = 0; k + 1 < n; ++k) {
        const unsigned next = k + 1;
        // Every warp finds the reflection for itself.
        R square = R(0);
        for (unsigned row = next / 32 * 32 + lane; row < padded; row += 32) {
            if (row > next) {
                square = multiply_add(column[row], column[row], square);
            }
        }
        square = warp_sum(square);
        const R first = column[next];
        const bool reflects = square > Limits<R>::NEGLIGIBLE;
        const R size = root(multiply_add(first, first, square));
        const R beta = reflects ? (first > R(0) ? -size : size) : first;
        const R scale = reflects ? (beta - first) / beta : R(0);
        const R inverse = reflects ? R(1) / (first - beta) : R(0);
        R* v = vector[k % 2];
        const R* before = vector[next % 2];
        if (i < padded) {
            v[i] = i > next ? column[i] * inverse : i == next ? R(1) : R(0);
            if (i < n) {
                reflectors[(u64)k * n + i] = v[i];
            }
        }
        if (threadIdx.x == 0) {
            beside[k] = beta;
            scales[k] = scale;
        }
        __syncthreads();

#pragma unroll(ON_CHIP ? SLOTS : 1)
        for (unsigned slot = 0; slot < SLOTS; ++slot) {
            const unsigned index = warp + slot * warps, place = index < all ? places[index] : 0;
            const unsigned tile_row = place / TILES, tile_column = place % TILES;
            if (index >= all || tile_column < next / SIDE) {
                continue;
            }
            Tile<R>& tile = kept[ON_CHIP ? slot : 0];
            const unsigned row = SIDE * tile_row + 2 * g, col = SIDE * tile_column + 4 * t;
            if (!ON_CHIP) {
#pragma unroll
                for (unsigned e = 0; e < 8; ++e) {
                    const bool inside = row + e / 4 < n && col + e % 4 < n;
                    tile.at[e / 4][e % 4] = inside ? (R)matrix[(u64)(row + e / 4) * n + col + e % 4] : R(0);
                }
            }
#pragma unroll
            for (unsigned e = 0; e < 8; ++e) {
                const unsigned r = e / 4, c = e % 4;
                const R changed = multiply_add(-before[row + r], weight[col + c], tile.at[r][c]);
                tile.at[r][c] = multiply_add(-weight[row + r], before[col + c], changed);
            }
            if (!ON_CHIP) {
#pragma unroll
                for (unsigned e = 0; e < 8; ++e) {
                    if (row + e / 4 < n && col + e % 4 < n) {
                        matrix[(u64)(row + e / 4) * n + col + e % 4] = tile.at[e / 4][e % 4];
                    }
                }
            }
            // The column that is reflected next.
            if (tile_column == next / SIDE && t == next % SIDE / 4) {
#pragma unroll
                for (unsigned e = 0; e < 8; ++e) {
                    if (e % 4 == next % 4) {
                        fresh[row + e / 4] = tile.at[e / 4][e % 4];
                    }
                }
            }
            // Of rows: the sums of 4 lanes; lane t keeps row t % 2.
            R rows[2];
#pragma unroll
            for (unsigned r = 0; r < 2; ++r) {
                rows[r] = tile.at[r][0] * v[col];
#pragma unroll
                for (unsigned c = 1; c < 4; ++c) {
                    rows[r] = multiply_add(tile.at[r][c], v[col + c], rows[r]);
                }
            }
            R sum = t % 2 ? rows[1] : rows[0];
            sum += __shfl_xor_sync(0xffffffffu, t % 2 ? rows[0] : rows[1], 1);
            sum += __shfl_xor_sync(0xffffffffu, sum, 2);
            if (t < 2) {
                partial[tile_row][SIDE * tile_column + 2 * g + t] = sum;
            }
            // Of columns, where the mirrored tile is another: the sums of 8 lanes; the upper bits of g name the column kept.
            if (tile_row != tile_column) {
                R columns[4];
#pragma unroll
                for (unsigned c = 0; c < 4; ++c) {
                    columns[c] = multiply_add(tile.at[1][c], v[row + 1], tile.at[0][c] * v[row]);
                }
                R pair[2];
#pragma unroll
                for (unsigned c = 0; c < 2; ++c) {
                    pair[c] = g & 4 ? columns[c + 2] : columns[c];
                    pair[c] += __shfl_xor_sync(0xffffffffu, g & 4 ? columns[c] : columns[c + 2], 16);
                }
                R one = g & 2 ? pair[1] : pair[0];
                one += __shfl_xor_sync(0xffffffffu, g & 2 ? pair[0] : pair[1], 8);
                one += __shfl_xor_sync(0xffffffffu, one, 4);
                if (g % 2 == 0) {
                    partial[tile_column][SIDE * tile_row + 4 * t + g / 2] = one;
                }
            }
        }
        __syncthreads();

        if (32 * warp < padded) {
            R p = R(0);
            if (i > k && i < padded) {
                for (unsigned tile = next / SIDE; tile < tiles; ++tile) {
                    p += partial[i / SIDE][SIDE * tile + i % SIDE];
                }
                p *= scale;
            }
            if (i < padded) {
                product[i] = p;
            }
            const R part = warp_sum(i < padded ? p * v[i] : R(0));
            if (lane == 0) {
                sums[warp] = part;
            }
        }
        __syncthreads();

        if (i < padded) {
            R along = R(0);
            for (unsigned other = 0; 32 * other < padded; ++other) {
                along += sums[other];
            }
            along *= R(-0.5) * scale;
            const R w = multiply_add(along, v[i], product[i]);
            weight[i] = w;
            // The next column, with this step's change; v[next] is 1.
            R x = R(0);
            if (i >= next) {
                const R w_next = multiply_add(along, R(1), product[next]);
                x = multiply_add(-v[i], w_next, fresh[i]) - w;
            }
            column[i] = i > next ? x : R(0);
            if (i == next) {
                diagonal[next] = x;
            }
        }
        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(REDUCE_THREADS) eigh_reduce_f32(
    float* reflectors, float* scales, float* diagonal, float* beside, int* exponents, int* outcomes, double* matrices, unsigned n) {
    reduce<float, true>(reflectors, scales, diagonal, beside, exponents, outcomes, matrices, n);
}
SIMT_EXPORT(eigh_reduce_f32)

extern "C" __global__ void __launch_bounds__(REDUCE_THREADS) eigh_reduce_f64(
    double* reflectors, double* scales, double* diagonal, double* beside, int* exponents, int* outcomes, double* matrices, unsigned n) {
    reduce<double, false>(reflectors, scales, diagonal, beside, exponents, outcomes, matrices, n);
}
SIMT_EXPORT(eigh_reduce_f64)
