// Where a gradient goes: stored, added to what is there, or taken by Adam at once (src/ops/adam/mod.rs).
//
//   g <- g + l2_scale p        m <- beta1 m + (1 - beta1) g        v <- beta2 v + (1 - beta2) g^2
//   p <- p - rate m / (sqrt(v) + epsilon)
//
// in f32, each operation rounded on its own: the CPU's order, so equal gradients give equal bits.
#pragma once

#include "config.cuh"
#include "sum.cuh"

constexpr unsigned STORE = 0;
constexpr unsigned ACCUMULATE = 1;
constexpr unsigned APPLY = 2;

// How a gradient is used; src/ops/adam/cuda.rs has the same struct.
struct Update {
    unsigned mode;
    float l2_scale, beta1, rest1, beta2, rest2;
};

// Four parameters and their moments.
struct Moments4 {
    float4 p, m, v;
};

// The use of a gradient, with what it writes to. `destination` is the gradient or, for APPLY, the parameters.
struct Sink {
    float* destination;
    float* first;
    float* second;
    Update update;
    float rate, epsilon;

    // `rate` holds this step's rate and epsilon; only APPLY reads it.
    __device__ Sink(float* destination, float* first, float* second, const double* rate, const Update& update)
        : destination(destination), first(first), second(second), update(update), rate(0.0f), epsilon(0.0f) {
        if (update.mode == APPLY) {
            this->rate = (float)rate[0];
            this->epsilon = (float)rate[1];
        }
    }

    __device__ __forceinline__ void adam(float& p, float& m, float& v, float g) const {
        g = g + update.l2_scale * p;
        m = update.beta1 * m + update.rest1 * g;
        v = update.beta2 * v + update.rest2 * g * g;
        p = p - rate * m / (sqrtf(v) + epsilon);
    }

    // Takes the gradient `g` of element `at`; answers the square of the parameter as it was (0 unless APPLY).
    __device__ __forceinline__ float take(u64 at, float g) const {
        if (update.mode == STORE) {
            destination[at] = g;
            return 0.0f;
        }
        if (update.mode == ACCUMULATE) {
            destination[at] += g;
            return 0.0f;
        }
        float p = destination[at], m = first[at], v = second[at];
        const float square = p * p;
        adam(p, m, v, g);
        destination[at] = p;
        first[at] = m;
        second[at] = v;
        return square;
    }

    // Four parameters from `at` with their moments; `at` lies on 16 bytes in all three arrays.
    __device__ __forceinline__ Moments4 load4(u64 at) const {
        return {*(const float4*)(destination + at), *(const float4*)(first + at), *(const float4*)(second + at)};
    }

    // Adam on what load4 answered; answers the sum of squares as `take`.
    __device__ __forceinline__ float apply4(u64 at, Moments4& moments, const float4& g) const {
        float4 &p = moments.p, &m = moments.m, &v = moments.v;
        const float square = (p.x * p.x + p.y * p.y) + (p.z * p.z + p.w * p.w);
        adam(p.x, m.x, v.x, g.x);
        adam(p.y, m.y, v.y, g.y);
        adam(p.z, m.z, v.z, g.z);
        adam(p.w, m.w, v.w, g.w);
        *(float4*)(destination + at) = p;
        *(float4*)(first + at) = m;
        *(float4*)(second + at) = v;
        return square;
    }
};
