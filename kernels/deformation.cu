// Random deformations (Eq. 5): realisation first + n of `displacement` (n, 2, L, L), with its amplitudes. The bits are the CPU's
// (src/ops/deformation/cpu.rs): counter-based draws, then the same additions, multiplications and fused multiply-adds in f64.
//
// Launch: grid (realisations, sites / 256), 256 threads.
#include "simt.cuh"
#include "config.cuh"
#include "philox.cuh"

// Sine and cosine of a fraction of a full turn in [0, 1]; the CPU's file tells how.
__device__ __forceinline__ void sin_cos_turn(double turn, double& sine, double& cosine) {
    const double quarters = 4.0 * turn;
    const double quarter = round(quarters);
    const double r = quarters - quarter;
    const double z = r * r;
    // Taylor's series, highest coefficient first.
    double s = 6.0669357311061955e-12;
    s = fma(s, z, -6.688035109811468e-10);
    s = fma(s, z, 5.692172921967927e-8);
    s = fma(s, z, -3.598843235212085e-6);
    s = fma(s, z, 1.6044118478735983e-4);
    s = fma(s, z, -4.681754135318688e-3);
    s = fma(s, z, 7.969262624616705e-2);
    s = fma(s, z, -6.459640975062463e-1);
    double c = 6.565963114979473e-11;
    c = fma(c, z, -6.386603083791852e-9);
    c = fma(c, z, 4.710874778818172e-7);
    c = fma(c, z, -2.5202042373060607e-5);
    c = fma(c, z, 9.192602748394266e-4);
    c = fma(c, z, -2.086348076335296e-2);
    c = fma(c, z, 2.5366950790104803e-1);
    c = fma(c, z, -1.2337005501361697);
    // pi/2, and pi/2 minus its nearest double.
    s = fma(r, 1.5707963267948966, r * fma(s, z, 6.123233995736766e-17));
    c = fma(c, z, 1.0);
    switch ((unsigned)quarter % 4) {
        case 0: sine = s; cosine = c; break;
        case 1: sine = c; cosine = -s; break;
        case 2: sine = -s; cosine = -c; break;
        default: sine = -c; cosine = s;
    }
}

extern "C" __global__ void __launch_bounds__(256) deformation(
    float* __restrict__ displacement, float* __restrict__ rho, float* __restrict__ sigma, Deformation config, u64 first) {
    const u64 n = blockIdx.x, sites = config.size * config.size, site = (u64)blockIdx.y * blockDim.x + threadIdx.x;
    if (site >= sites) {
        return;
    }
    const philox::Draw amplitudes = philox::draw(config.seed, philox::DEFORMATION, first + n, 0);
    const float collective = (float)(config.rho_max * philox::uniform(amplitudes.word[0]));
    const float individual = (float)(config.sigma_max * philox::uniform(amplitudes.word[1]));
    if (site == 0) {
        rho[n] = collective;
        sigma[n] = individual;
    }
    const philox::Draw draw = philox::draw(config.seed, philox::DEFORMATION, first + n, 1 + (unsigned)site);
    double sine, cosine;
    sin_cos_turn(philox::uniform(draw.word[0]), sine, cosine);
    const double x = (double)individual * fma(2.0, philox::uniform(draw.word[1]), -1.0);
    const double y = (double)individual * fma(2.0, philox::uniform(draw.word[2]), -1.0);
    displacement[2 * n * sites + site] = (float)fma((double)collective, cosine, x);
    displacement[(2 * n + 1) * sites + site] = (float)fma((double)collective, sine, y);
}
SIMT_EXPORT(deformation)
