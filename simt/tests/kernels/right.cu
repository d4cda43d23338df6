// Kernels without bugs, whose results are checked: every wrapper of simt.cuh, in the layouts that simt.cuh describes.
#include "simt.cuh"

// out[block] = sum of 256 numbers, by shuffles and shared memory.
extern "C" __global__ void __launch_bounds__(256) block_sum(float* __restrict__ out, const float* __restrict__ in) {
    SIMT_SHARED(float, partial, [8]);
    float sum = in[blockIdx.x * 256 + threadIdx.x];
    for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffffu, sum, distance);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int warp = 1; warp < 8; warp++) sum += partial[warp];
        out[blockIdx.x] = sum;
    }
}
SIMT_EXPORT(block_sum)

// Every lane's view of its warp: a vote, a broadcast, a rotation within eight lanes, and the edge of a shift.
extern "C" __global__ void lanes(unsigned* out) {
    const unsigned lane = threadIdx.x;
    unsigned* row = out + lane * 4;
    row[0] = __ballot_sync(0xffffffffu, lane % 3 == 0);
    row[1] = __shfl_sync(0xffffffffu, lane * 10, 5);
    row[2] = __shfl_sync(0xffffffffu, lane, lane + 1, 8);
    row[3] = __shfl_up_sync(0xffffffffu, lane, 3);
}
SIMT_EXPORT(lanes)

// Reverses 1024 numbers a block through dynamic shared memory; the flag and the offset pass through a struct given by value.
struct Reverse {
    unsigned long long offset;
    unsigned char negate;
};
extern "C" __global__ void reverse(float* out, const float* in, Reverse config) {
    SIMT_DYN_SHARED(float, memory);
    for (unsigned i = threadIdx.x; i < 1024; i += blockDim.x) memory[i] = in[config.offset + i];
    __syncthreads();
    for (unsigned i = threadIdx.x; i < 1024; i += blockDim.x) out[config.offset + i] = config.negate ? -memory[1023 - i] : memory[1023 - i];
}
SIMT_EXPORT(reverse)

// A counter on the device, for graphs: *counter += 1; log[*counter] = in[*counter].
extern "C" __global__ void step(unsigned* counter, float* log, const float* in) {
    const unsigned now = *counter;
    log[now] = in[now];
    *counter = now + 1;
}
SIMT_EXPORT(step)

// Copies 256 numbers by cp.async, with every third one left out: 16 bytes a thread, or 4.
extern "C" __global__ void copies(float* out, const float* in) {
    SIMT_SHARED(float, wide, [256]);
    SIMT_SHARED(float, narrow, [256]);
    const unsigned i = threadIdx.x;
    if (i < 64) cp_async16(&wide[4 * i], &in[4 * i], i % 3 != 0);
    cp_async_commit();
    cp_async4(&narrow[i], &in[i], i % 3 != 0);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    out[i] = wide[255 - i];
    out[256 + i] = narrow[255 - i];
}
SIMT_EXPORT(copies)

// --- conversions: out[i] = the bits of in[i], and of the pair (in[i], -in[i]) --------------------------------------------------------------

extern "C" __global__ void to_f16(unsigned* out, const float* in) { out[threadIdx.x] = pack_f16(in[threadIdx.x], -in[threadIdx.x]); }
SIMT_EXPORT(to_f16)

#if __CUDA_ARCH__ >= 800
extern "C" __global__ void to_tf32(unsigned* out, const float* in) { out[threadIdx.x] = cvt_rna_tf32(in[threadIdx.x]); }
SIMT_EXPORT(to_tf32)
extern "C" __global__ void to_bf16(unsigned* out, const float* in) { out[threadIdx.x] = pack_bf16(in[threadIdx.x], -in[threadIdx.x]); }
SIMT_EXPORT(to_bf16)
#endif

// --- products: out (16 x 8) = a (16 x depth, row by row) b (depth x 8, row by row), one warp -----------------------------------------------

__device__ __forceinline__ void store(float* out, const float (&d)[4]) {
    const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
    for (int i = 0; i < 4; i++) out[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

extern "C" __global__ void product_f16(float* out, const float* a, const float* b) {
    const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
    const unsigned fa[2] = {pack_f16(a[g * 8 + 2 * t], a[g * 8 + 2 * t + 1]), pack_f16(a[(g + 8) * 8 + 2 * t], a[(g + 8) * 8 + 2 * t + 1])};
    const unsigned fb[1] = {pack_f16(b[2 * t * 8 + g], b[(2 * t + 1) * 8 + g])};
    float d[4] = {};
    mma_m16n8k8_f16(d, fa, fb);
    store(out, d);
}
SIMT_EXPORT(product_f16)

#if __CUDA_ARCH__ >= 800
extern "C" __global__ void product_tf32(float* out, const float* a, const float* b) {
    const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
    unsigned fa[4], fb[2];
    for (int i = 0; i < 4; i++) fa[i] = cvt_rna_tf32(a[(g + i % 2 * 8) * 8 + t + i / 2 * 4]);
    for (int i = 0; i < 2; i++) fb[i] = cvt_rna_tf32(b[(t + i * 4) * 8 + g]);
    float d[4] = {};
    mma_m16n8k8_tf32(d, fa, fb);
    store(out, d);
}
SIMT_EXPORT(product_tf32)

// The a fragment comes through shared memory: its four 8 x 8 quarters are what ldmatrix loads.
extern "C" __global__ void product_bf16(float* out, const float* a, const float* b) {
    SIMT_SHARED(unsigned short, tile, [16][16]);
    const unsigned lane = threadIdx.x, g = lane / 4, t = lane % 4;
    for (unsigned i = lane; i < 256; i += 32) tile[i / 16][i % 16] = static_cast<unsigned short>(pack_bf16(a[i], 0.0f) & 0xffffu);
    __syncwarp();
    unsigned fa[4], fb[2];
    ldmatrix_x4(fa, &tile[lane % 16][lane / 16 * 8]);
    for (int i = 0; i < 2; i++) fb[i] = pack_bf16(b[(2 * t + i * 8) * 8 + g], b[(2 * t + 1 + i * 8) * 8 + g]);
    float d[4] = {};
    mma_m16n8k16_bf16(d, fa, fb);
    store(out, d);
}
SIMT_EXPORT(product_bf16)
#endif
