// Philox 4x32-10 as src/ops/philox.rs has it: a draw is a pure function of (seed, stream, index, block).
#pragma once

#include "simt.cuh"

namespace philox {

// What a draw is for; src/ops/philox.rs has the list.
constexpr unsigned DEFORMATION = 0;
constexpr unsigned DROPOUT = 1;

struct Draw {
    unsigned word[4];

    // Word k, without an array in memory.
    __device__ __forceinline__ unsigned pick(unsigned k) const { return k == 0 ? word[0] : k == 1 ? word[1] : k == 2 ? word[2] : word[3]; }
};

__device__ __forceinline__ Draw draw(unsigned long long seed, unsigned stream, unsigned long long index, unsigned block) {
    unsigned c0 = (unsigned)index, c1 = (unsigned)(index >> 32), c2 = block, c3 = stream;
    unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        if (round > 0) {
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        const unsigned long long a = 0xD2511F53ull * c0, b = 0xCD9E8D57ull * c2;
        c0 = (unsigned)(b >> 32) ^ c1 ^ k0;
        c1 = (unsigned)b;
        c2 = (unsigned)(a >> 32) ^ c3 ^ k1;
        c3 = (unsigned)a;
    }
    return Draw{{c0, c1, c2, c3}};
}

// A draw as a number in (0, 1): (k + 1/2) 2^-32, exact.
__device__ __forceinline__ double uniform(unsigned draw) {
    return ((double)draw + 0.5) * (1.0 / 4294967296.0);
}

}  // namespace philox
