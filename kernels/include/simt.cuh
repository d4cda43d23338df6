// The one header a kernel includes: shared memory, exports, and every instruction that CUDA C++ has no word for.
//
// Under nvcc the macros are thin and the wrappers are inline PTX: no other file holds any. With SIMT_HOST defined the same kernel file
// compiles as host C++ against the emulator in simt/, whose header declares the same names.
//
//   SIMT_SHARED(float, tile, [64][36]);    static shared memory, aligned to 16 bytes
//   SIMT_DYN_SHARED(float, memory);        the launch's dynamic shared memory, aligned to 16 bytes
//   SIMT_EXPORT(kernel)                    after each `extern "C" __global__` kernel: how the emulator finds it
//
// A wrapper for what an architecture lacks does not exist there: guard its use by __CUDA_ARCH__. Copies are the exception: below sm_80
// cp_async is an ordinary copy, so that pipelines are written once.
#pragma once

#ifdef SIMT_HOST
#include "simt_host.h"
#else

#define SIMT_SHARED(type, name, dimensions) __shared__ __align__(16) type name dimensions
#define SIMT_DYN_SHARED(type, name)                                            \
    extern __shared__ __align__(16) unsigned char simt_dynamic_shared[];       \
    type* const name = reinterpret_cast<type*>(simt_dynamic_shared)
#define SIMT_EXPORT(kernel)

// --- asynchronous copies, global -> shared -----------------------------------------------------------------------------------------------

// 16 bytes, both sides aligned to 16. Not valid: the target becomes zero and `global` is not read.
__device__ __forceinline__ void cp_async16(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))), "l"(global), "r"(valid ? 16 : 0)
                 : "memory");
#else
    *static_cast<float4*>(shared) = valid ? *static_cast<const float4*>(global) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#endif
}

// 4 bytes, both sides aligned to 4.
__device__ __forceinline__ void cp_async4(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
                 :
                 : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))), "l"(global), "r"(valid ? 4 : 0)
                 : "memory");
#else
    *static_cast<unsigned*>(shared) = valid ? *static_cast<const unsigned*>(global) : 0u;
#endif
}

// Closes the group of this thread's copies since the last commit.
__device__ __forceinline__ void cp_async_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most `pending` of this thread's latest groups are still under way. Other threads see the data after a barrier.
template <int pending>
__device__ __forceinline__ void cp_async_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

// --- matrix fragments --------------------------------------------------------------------------------------------------------------------

// Four 8 x 8 matrices of 16-bit numbers. Lane 8 i + j gives the address of row j of matrix i (16 bytes, aligned); register i of lane
// 4 r + c receives elements 2 c and 2 c + 1 of row r of matrix i.
__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], const void* shared_row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared_row)))
                 : "memory");
}

// d += a b on tensor cores, summed in f32. With g = lane / 4 and t = lane % 4, d holds (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1).

// f16: a 16 x 8 as (g, 2t..) (g+8, 2t..); b 8 x 8 as (2t.., g); two numbers a register, the lower index in the lower half.
__device__ __forceinline__ void mma_m16n8k8_f16(float (&d)[4], const unsigned (&a)[2], const unsigned (&b)[1]) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(b[0]));
}

#if __CUDA_ARCH__ >= 800
// TF32: a 16 x 8 as (g, t) (g+8, t) (g, t+4) (g+8, t+4); b 8 x 8 as (t, g) (t+4, g). The low 13 bits are ignored.
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// BF16: a 16 x 16 as (g, 2t..) (g+8, 2t..) (g, 2t+8..) (g+8, 2t+8..); b 16 x 8 as (2t.., g) (2t+8.., g).
__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

// --- conversions -------------------------------------------------------------------------------------------------------------------------

#if __CUDA_ARCH__ >= 800
// To TF32: nearest, ties away from zero.
__device__ __forceinline__ unsigned cvt_rna_tf32(float value) {
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
    return bits;
}

// Two BF16 in a register: nearest, ties to even.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
    unsigned bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}
#endif

// To FP16: nearest, ties to even; what is too large becomes +-65504, NaN stays.
__device__ __forceinline__ unsigned short f16_bits(float value) {
    const float most = 65504.0f;
    const float clamped = value > most ? most : value < -most ? -most : value;
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(clamped));
    return bits;
}

// Two FP16 in a register.
__device__ __forceinline__ unsigned pack_f16(float low, float high) {
    return static_cast<unsigned>(f16_bits(low)) | static_cast<unsigned>(f16_bits(high)) << 16;
}

#endif
