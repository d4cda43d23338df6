// The running average of the parameters; src/ops/average/mod.rs has the maths.
//
// Launch: a thread four of the `count` elements, 256 threads.
#include "simt.cuh"
#include "config.cuh"
#include "tile.cuh"

extern "C" __global__ void __launch_bounds__(256) average(
    float* __restrict__ averaged, const float* __restrict__ parameters, const u64* __restrict__ step, double decay, u64 count) {
    const double s = (double)step[0];
    const float share = (float)(1.0 - fmin(decay, (1.0 + s) / (10.0 + s)));
    const u64 first = 4 * ((u64)blockIdx.x * 256 + threadIdx.x);
    if (first + 4 <= count && aligned16(averaged) && aligned16(parameters)) {
        float4 a = *(const float4*)(averaged + first);
        const float4 p = *(const float4*)(parameters + first);
        a.x = a.x + share * (p.x - a.x);
        a.y = a.y + share * (p.y - a.y);
        a.z = a.z + share * (p.z - a.z);
        a.w = a.w + share * (p.w - a.w);
        *(float4*)(averaged + first) = a;
        return;
    }
    for (u64 at = first; at < count && at < first + 4; ++at) {
        averaged[at] = averaged[at] + share * (parameters[at] - averaged[at]);
    }
}
SIMT_EXPORT(average)
