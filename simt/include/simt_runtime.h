// What a kernel's host half asks of the emulator. Kernel files see this and nothing else of the runtime.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace simt {

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// A line of a kernel file.
struct Place {
    const char* file;
    int line;
};

// What a kernel can ask about the thread that runs it.
struct Self {
    uint3 thread, block;
    dim3 block_size, grid_size;
    unsigned index;  // in the block
    unsigned lane;   // in the warp
};

// The running CUDA thread; null outside kernels. `__thread`, not `thread_local`: the latter costs a call at each use from another file.
extern __thread Self* self __attribute__((tls_model("initial-exec")));

struct Parameter { std::size_t size, alignment; };
struct Kernel {
    const char* name;
    const char* file;
    void (*call)(void** arguments);
    const Parameter* parameters;
    std::size_t count;
};
bool add_kernel(const Kernel& kernel);

void* shared_array(const void* key, std::size_t bytes, const char* name, Place place);
void* dynamic_shared();

void barrier(Place place);
void warp_barrier(unsigned mask, Place place);
std::uint64_t shuffle(unsigned mask, std::uint64_t bits, int source, Place place);
unsigned ballot(unsigned mask, bool predicate, Place place);
[[noreturn]] void trap(Place place);

void copy_async(void* shared, const void* global, std::size_t bytes, bool valid, Place place);
void copy_async_commit();
void copy_async_wait(int pending);

enum class Product { Tf32, Bf16, F16 };
void multiply(Product product, float* d, const unsigned* a, const unsigned* b, Place place);
void load_matrices(unsigned* r, const void* shared_row, Place place);

}  // namespace simt
