// Mode areas (Eq. 2) and their order, in f64; src/ops/mode_area/mod.rs. Modes (n, N, N), mode by mode.
#include "simt.cuh"
#include "config.cuh"

constexpr unsigned AREA_THREADS = 256;

// areas[mode] = (sum psi^2)^2 / (N sum psi^4), a warp a mode. Launch: grid (modes / 8), 256 threads.
extern "C" __global__ void __launch_bounds__(AREA_THREADS) mode_area(
    double* __restrict__ areas, const double* __restrict__ modes, u64 sites, u64 count) {
    const u64 mode = (u64)blockIdx.x * (AREA_THREADS / 32) + threadIdx.x / 32;
    if (mode >= count) {
        return;
    }
    double square = 0.0, fourth = 0.0;
    for (u64 site = threadIdx.x % 32; site < sites; site += 32) {
        const double psi = modes[mode * sites + site];
        const double density = psi * psi;
        square += density;
        fourth += density * density;
    }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        square += __shfl_xor_sync(0xffffffffu, square, distance);
        fourth += __shfl_xor_sync(0xffffffffu, fourth, distance);
    }
    if (threadIdx.x % 32 == 0) {
        areas[mode] = square * square / ((double)sites * fourth);
    }
}
SIMT_EXPORT(mode_area)

// Sorts each lattice's areas: an area's place is the number of areas below it, equal ones in the order of their energies.
// Areas come as bit patterns: those of positive numbers are ordered as the numbers are, and a NaN has a place too.
// Launch: grid (lattices, N / 256), 256 threads.
extern "C" __global__ void __launch_bounds__(AREA_THREADS) mode_order(
    u64* __restrict__ sorted, u16* __restrict__ order, const u64* __restrict__ areas, u64 sites) {
    SIMT_SHARED(u64, others, [AREA_THREADS]);
    const u64 lattice = blockIdx.x, mine = (u64)blockIdx.y * AREA_THREADS + threadIdx.x;
    const u64 area = mine < sites ? areas[lattice * sites + mine] : 0;
    u64 place = 0;
    for (u64 first = 0; first < sites; first += AREA_THREADS) {
        __syncthreads();
        if (first + threadIdx.x < sites) {
            others[threadIdx.x] = areas[lattice * sites + first + threadIdx.x];
        }
        __syncthreads();
        for (unsigned k = 0; k < AREA_THREADS && first + k < sites; ++k) {
            place += others[k] < area || (others[k] == area && first + k < mine);
        }
    }
    if (mine < sites) {
        sorted[lattice * sites + place] = area;
        order[lattice * sites + place] = (u16)mine;
    }
}
SIMT_EXPORT(mode_order)
