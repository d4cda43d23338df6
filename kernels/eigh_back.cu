// From the eigenvectors z of a tridiagonal matrix to those of A = Q T Q', psi = H_0 H_1 ... H_(n-3) z, and their mode areas (Eq. 2), where
// they stand: a warp holds COLUMNS of them in registers, 8 rows a lane, through all reflections. What is not asked for is not
// written; src/ops/eigh/own.rs has the whole way.
//
// Launch: grid (matrices, shares of their columns), BACK_THREADS threads; n is at most MOST.
#include "eigen.cuh"

constexpr unsigned BACK_THREADS = 256;
constexpr unsigned CHUNKS = MOST / 32;

// The sums over a warp of COUNT numbers (a power of two, at most 32) a lane, told to every lane. Each exchange halves what a lane adds on.
template <unsigned COUNT, class R>
__device__ __forceinline__ void warp_sums(R (&values)[COUNT]) {
    const unsigned lane = threadIdx.x % 32;
    R kept[COUNT];
#pragma unroll
    for (unsigned c = 0; c < COUNT; ++c) {
        kept[c] = values[c];
    }
    unsigned distance = 16;
#pragma unroll
    for (unsigned half = COUNT / 2; half > 0; half /= 2) {
        const bool upper = lane & distance;
#pragma unroll
        for (unsigned c = 0; c < half; ++c) {
            const R given = upper ? kept[c] : kept[c + half];
            kept[c] = upper ? kept[c + half] : kept[c];
            kept[c] += __shfl_xor_sync(0xffffffffu, given, (int)distance);
        }
        distance /= 2;
    }
#pragma unroll
    for (; distance > 0; distance /= 2) {
        kept[0] += __shfl_xor_sync(0xffffffffu, kept[0], (int)distance);
    }
    // The bits of a lane from the highest on name its number.
#pragma unroll
    for (unsigned c = 0; c < COUNT; ++c) {
        values[c] = __shfl_sync(0xffffffffu, kept[0], (int)(c * (32 / COUNT)));
    }
}

template <class R, unsigned COLUMNS>
__device__ __forceinline__ void back(
    double* areas, double* modes, const R* vectors, const R* reflectors, const R* scales, unsigned n) {
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const unsigned first = (blockIdx.y * (BACK_THREADS / 32) + warp) * COLUMNS;
    if (first >= n) {
        return;
    }
    vectors += (u64)blockIdx.x * n * n;
    reflectors += (u64)blockIdx.x * n * n;
    scales += (u64)blockIdx.x * n;

    R psi[COLUMNS][CHUNKS];
#pragma unroll
    for (unsigned c = 0; c < COLUMNS; ++c) {
#pragma unroll
        for (unsigned q = 0; q < CHUNKS; ++q) {
            const unsigned row = 32 * q + lane;
            psi[c][q] = row < n && first + c < n ? vectors[(u64)(first + c) * n + row] : R(0);
        }
    }
    for (unsigned k = n < 3 ? 0 : n - 2; k-- > 0;) {
        const R scale = scales[k];
        R v[CHUNKS];
#pragma unroll
        for (unsigned q = 0; q < CHUNKS; ++q) {
            const unsigned row = 32 * q + lane;
            v[q] = row > k && row < n ? reflectors[(u64)k * n + row] : R(0);
        }
        R sums[COLUMNS];
#pragma unroll
        for (unsigned c = 0; c < COLUMNS; ++c) {
            sums[c] = R(0);
        }
        // Chunks above row k + 1, or behind the last row, have nothing.
#pragma unroll
        for (unsigned q = 0; q < CHUNKS; ++q) {
            if (32 * q + 31 > k && 32 * q < n) {
#pragma unroll
                for (unsigned c = 0; c < COLUMNS; ++c) {
                    sums[c] = multiply_add(v[q], psi[c][q], sums[c]);
                }
            }
        }
        warp_sums<COLUMNS>(sums);
#pragma unroll
        for (unsigned c = 0; c < COLUMNS; ++c) {
            sums[c] *= -scale;
        }
#pragma unroll
        for (unsigned q = 0; q < CHUNKS; ++q) {
            if (32 * q + 31 > k && 32 * q < n) {
#pragma unroll
                for (unsigned c = 0; c < COLUMNS; ++c) {
                    psi[c][q] = multiply_add(v[q], sums[c], psi[c][q]);
                }
            }
        }
    }

    R squares[COLUMNS], fourths[COLUMNS];
#pragma unroll
    for (unsigned c = 0; c < COLUMNS; ++c) {
        squares[c] = R(0);
        fourths[c] = R(0);
#pragma unroll
        for (unsigned q = 0; q < CHUNKS; ++q) {
            const R density = psi[c][q] * psi[c][q];
            squares[c] += density;
            fourths[c] = multiply_add(density, density, fourths[c]);
        }
    }
    warp_sums<COLUMNS>(squares);
    warp_sums<COLUMNS>(fourths);
    // A lane a column: a division in f64 costs a warp as much for one as for all.
    R square = squares[0], fourth = fourths[0];
#pragma unroll
    for (unsigned c = 1; c < COLUMNS; ++c) {
        square = lane == c ? squares[c] : square;
        fourth = lane == c ? fourths[c] : fourth;
    }
    const u64 mode = (u64)blockIdx.x * n + first;
    if (lane < COLUMNS && first + lane < n) {
        areas[mode + lane] = (double)square * (double)square / ((double)n * (double)fourth);
    }
    if (modes == nullptr) {
        return;
    }
#pragma unroll
    for (unsigned c = 0; c < COLUMNS; ++c) {
#pragma unroll
        for (unsigned q = 0; q < CHUNKS; ++q) {
            if (first + c < n && 32 * q + lane < n) {
                modes[(mode + c) * n + 32 * q + lane] = (double)psi[c][q];
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(BACK_THREADS) eigh_back_f32(
    double* areas, double* modes, const float* vectors, const float* reflectors, const float* scales, unsigned n) {
    back<float, 8>(areas, modes, vectors, reflectors, scales, n);
}
SIMT_EXPORT(eigh_back_f32)

extern "C" __global__ void __launch_bounds__(BACK_THREADS) eigh_back_f64(
    double* areas, double* modes, const double* vectors, const double* reflectors, const double* scales, unsigned n) {
    back<double, 4>(areas, modes, vectors, reflectors, scales, n);
}
SIMT_EXPORT(eigh_back_f64)
