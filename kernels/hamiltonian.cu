// The Hamiltonian of deformed lattices (Eq. 1), in f64: H_ij = t0 exp(-alpha d_ij), H_ii = 0; src/ops/hamiltonian/mod.rs.
// displacement (n, 2, L, L) to matrices (n, N, N), N = L^2.
//
// A block makes a 16 x 16 tile on or below the diagonal, and writes it twice: as it is and, through shared memory, transposed.
// Launch: grid (tiles on or below the diagonal, n), 256 threads.
#include "simt.cuh"
#include "config.cuh"

constexpr unsigned SIDE = 16;

// The distance of two sites along one axis: crystal positions first, so that nothing of the displacements is lost.
__device__ __forceinline__ double along(unsigned crystal, unsigned other, double d, double d_other, const Hopping& config) {
    const double difference = ((double)crystal - (double)other) + (d - d_other);
    const double period = (double)config.size;
    return config.periodic ? difference - period * round(difference / period) : difference;
}

extern "C" __global__ void __launch_bounds__(SIDE * SIDE) hamiltonian(
    double* __restrict__ matrices, const double* __restrict__ displacement, Hopping config) {
    SIMT_SHARED(double, tile, [SIDE][SIDE + 1]);
    // Tile row and column of the blockIdx.x-th tile of the lower triangle, row by row.
    unsigned tile_row = 0;
    while ((tile_row + 1) * (tile_row + 2) / 2 <= blockIdx.x) {
        ++tile_row;
    }
    const unsigned tile_column = blockIdx.x - tile_row * (tile_row + 1) / 2;

    const unsigned size = config.size, sites = size * size;
    const unsigned row = threadIdx.x / SIDE, column = threadIdx.x % SIDE;
    const unsigned i = tile_row * SIDE + row, j = tile_column * SIDE + column;
    const double* x = displacement + (u64)blockIdx.y * 2 * sites;
    const double* y = x + sites;
    double* matrix = matrices + (u64)blockIdx.y * sites * sites;

    double hopping = 0.0;
    if (i < sites && j < sites && i != j) {
        const double dx = along(i / size, j / size, x[i], x[j], config);
        const double dy = along(i % size, j % size, y[i], y[j], config);
        hopping = config.t0 * exp(-config.alpha * sqrt(dx * dx + dy * dy));
    }
    tile[row][column] = hopping;
    if (i < sites && j < sites) {
        matrix[(u64)i * sites + j] = hopping;
    }
    __syncthreads();
    // Off the diagonal: the mirrored tile, whose row is this tile's column.
    const unsigned mirrored_i = tile_column * SIDE + row, mirrored_j = tile_row * SIDE + column;
    if (tile_row != tile_column && mirrored_i < sites && mirrored_j < sites) {
        matrix[(u64)mirrored_i * sites + mirrored_j] = tile[column][row];
    }
}
SIMT_EXPORT(hamiltonian)
