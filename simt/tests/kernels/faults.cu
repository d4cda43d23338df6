// Kernels with one planted bug each, and beside some of them the same without the bug. All have the same arguments: 1024 numbers out, 1024
// numbers in.
#include "simt.cuh"

#define KERNEL(name) extern "C" __global__ void name(float* __restrict__ out, const float* __restrict__ in)

// A neighbour's number, with no barrier before it is read.
KERNEL(missing_barrier) {
    SIMT_SHARED(float, tile, [256]);
    tile[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = tile[(threadIdx.x + 1) % blockDim.x];
}
SIMT_EXPORT(missing_barrier)

KERNEL(with_barrier) {
    SIMT_SHARED(float, tile, [256]);
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[(threadIdx.x + 1) % blockDim.x];
}
SIMT_EXPORT(with_barrier)

// The barrier after the reads is missing: the next round overwrites what others still read.
KERNEL(overwritten_while_read) {
    SIMT_SHARED(float, tile, [256]);
    float sum = 0.0f;
    for (int round = 0; round < 2; round++) {
        tile[threadIdx.x] = in[threadIdx.x + 256 * round];
        __syncthreads();
        sum += tile[255 - threadIdx.x];
    }
    out[threadIdx.x] = sum;
}
SIMT_EXPORT(overwritten_while_read)

// Everybody reads a place that somebody writes.
KERNEL(shifted_in_place) {
    SIMT_SHARED(float, tile, [65]);
    tile[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x == 0) tile[64] = 0.0f;
    __syncthreads();
    tile[threadIdx.x] = tile[threadIdx.x + 1];
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x];
}
SIMT_EXPORT(shifted_in_place)

// Every thread's write to the same place: which one lasts depends on the order.
KERNEL(all_write_one) { out[0] = in[threadIdx.x]; }
SIMT_EXPORT(all_write_one)

// Blocks of one launch are not ordered.
KERNEL(blocks_add) {
    if (threadIdx.x == 0) out[0] += in[blockIdx.x];
}
SIMT_EXPORT(blocks_add)

KERNEL(blocks_add_atomically) { atomicAdd(reinterpret_cast<unsigned*>(out) + threadIdx.x % 4, 1u); }
SIMT_EXPORT(blocks_add_atomically)

// Bytes side by side are different memory.
KERNEL(neighbouring_bytes) { reinterpret_cast<unsigned char*>(out)[threadIdx.x] = static_cast<unsigned char>(in[threadIdx.x]); }
SIMT_EXPORT(neighbouring_bytes)

// ldmatrix reads other lanes' rows.
template <bool synchronised>
__device__ void load_own_rows(float* out, const float* in) {
    SIMT_SHARED(unsigned short, tile, [32][8]);
    for (int i = 0; i < 8; i++) tile[threadIdx.x][i] = static_cast<unsigned short>(in[threadIdx.x * 8 + i]);
    if (synchronised) __syncwarp();
    unsigned r[4];
    ldmatrix_x4(r, &tile[threadIdx.x][0]);
    for (int i = 0; i < 4; i++) {
        out[threadIdx.x * 8 + 2 * i] = static_cast<float>(r[i] & 0xffffu);
        out[threadIdx.x * 8 + 2 * i + 1] = static_cast<float>(r[i] >> 16);
    }
}
KERNEL(missing_syncwarp) { load_own_rows<false>(out, in); }
SIMT_EXPORT(missing_syncwarp)
KERNEL(with_syncwarp) { load_own_rows<true>(out, in); }
SIMT_EXPORT(with_syncwarp)

KERNEL(reads_past_the_end) { out[threadIdx.x] = in[1024 + threadIdx.x]; }
SIMT_EXPORT(reads_past_the_end)

KERNEL(writes_past_the_end) { out[1024 + threadIdx.x] = 1.0f; }
SIMT_EXPORT(writes_past_the_end)

KERNEL(writes_past_shared) {
    SIMT_SHARED(float, tile, [60]);
    tile[threadIdx.x] = in[threadIdx.x];
}
SIMT_EXPORT(writes_past_shared)

KERNEL(writes_nowhere) { reinterpret_cast<float*>(threadIdx.x * sizeof(float))[0] = in[0]; }
SIMT_EXPORT(writes_nowhere)

KERNEL(misaligned) {
    const float4 value = *reinterpret_cast<const float4*>(in + 1);
    out[threadIdx.x] = value.x + value.w;
}
SIMT_EXPORT(misaligned)

KERNEL(uninitialised) {
    SIMT_SHARED(float, tile, [64]);
    if (threadIdx.x != 7) tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[63 - threadIdx.x];
}
SIMT_EXPORT(uninitialised)

KERNEL(divergent_barrier) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = in[threadIdx.x];
}
SIMT_EXPORT(divergent_barrier)

// Half of the lanes shuffle; the mask names all of them.
KERNEL(absent_lanes) {
    float value = in[threadIdx.x];
    if (threadIdx.x % 2 == 0) value = __shfl_xor_sync(0xffffffffu, value, 2);
    __syncthreads();
    out[threadIdx.x] = value;
}
SIMT_EXPORT(absent_lanes)

KERNEL(wrong_mask) { out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, in[threadIdx.x], 1); }
SIMT_EXPORT(wrong_mask)

KERNEL(mma_of_half_a_warp) {
    if (threadIdx.x >= 16) return;
    float d[4] = {};
    const unsigned a[2] = {}, b[1] = {};
    mma_m16n8k8_f16(d, a, b);
    out[threadIdx.x] = d[0] + in[0];
}
SIMT_EXPORT(mma_of_half_a_warp)

KERNEL(too_much_shared) {
    SIMT_SHARED(float, first, [6144]);
    SIMT_SHARED(float, second, [6145]);
    first[threadIdx.x] = in[threadIdx.x];
    second[threadIdx.x] = in[threadIdx.x];
}
SIMT_EXPORT(too_much_shared)

KERNEL(trapped) {
    if (in[threadIdx.x] == 3.0f) __trap();
    out[threadIdx.x] = 0.0f;
}
SIMT_EXPORT(trapped)

// --- cp.async ------------------------------------------------------------------------------------------------------------------------------

KERNEL(copy_not_waited_for) {
    SIMT_SHARED(float, tile, [64]);
    cp_async4(&tile[threadIdx.x], &in[threadIdx.x], true);
    cp_async_commit();
    out[threadIdx.x] = tile[threadIdx.x];
}
SIMT_EXPORT(copy_not_waited_for)

// One's own wait says nothing about the others' copies.
KERNEL(copy_of_another_thread) {
    SIMT_SHARED(float, tile, [64]);
    cp_async4(&tile[threadIdx.x], &in[threadIdx.x], true);
    cp_async_commit();
    cp_async_wait<0>();
    out[threadIdx.x] = tile[63 - threadIdx.x];
}
SIMT_EXPORT(copy_of_another_thread)

// Two groups are under way and only the first is waited for.
KERNEL(copy_of_a_later_group) {
    SIMT_SHARED(float, tile, [2][64]);
    for (int i = 0; i < 2; i++) {
        cp_async4(&tile[i][threadIdx.x], &in[threadIdx.x + 64 * i], true);
        cp_async_commit();
    }
    cp_async_wait<1>();
    __syncthreads();
    out[threadIdx.x] = tile[0][threadIdx.x] + tile[1][threadIdx.x];
}
SIMT_EXPORT(copy_of_a_later_group)

KERNEL(copy_misaligned) {
    SIMT_SHARED(float, tile, [64]);
    cp_async16(&tile[0], &in[1], true);
    cp_async_commit();
    cp_async_wait<0>();
    out[threadIdx.x] = tile[0];
}
SIMT_EXPORT(copy_misaligned)
