// The configurations of the ops, field by field as src/ops has them (#[repr(C)]; usize = u64, bool = u8).
#pragma once

#include "simt.cuh"

typedef unsigned long long u64;
typedef unsigned char u8;
typedef unsigned short u16;

struct Conv3x3Config {
    u64 batch, height, width, channels, filters;
    u8 pool;
};

struct DenseConfig {
    u64 batch, inputs, outputs;
    u8 relu;
    double keep;
    u64 seed;
};

struct GatherConfig {
    u64 batch, width, steps;
};

struct MapeConfig {
    u64 batch, modes;
    double scale;
};

struct AdamConfig {
    double lr, decay_rate, decay_steps, beta1, beta2, epsilon;
    unsigned form;   // 0 TensorFlow, 1 PyTorch
    unsigned decay;  // 0 exponential, 1 cosine
};

struct Deformation {
    u64 size;
    double rho_max, sigma_max;
    u64 seed;
};

struct Hopping {
    unsigned size, periodic;
    double t0, alpha;
};

// How the blocks of a launch share the tiles of a product, which are counted along m first: a block makes each of the first `whole`, and each of
// the `split` others is made in `shares` by as many, of `length` of k.
struct CutConfig {
    unsigned tiles_m, whole, split, shares, length;
};
