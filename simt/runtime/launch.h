// One kernel launch: what to run, on how many threads, with which arguments.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "fault.h"

namespace simt {

struct Launch {
    const Kernel* kernel;
    dim3 grid, block;
    std::size_t dynamic_bytes;
    std::vector<unsigned char> memory;  // the arguments, copied
    std::vector<void*> arguments;       // their addresses

    // A copy of arguments that the driver was given by address, or packed one after another.
    Launch(const Kernel* kernel, dim3 grid, dim3 block, std::size_t dynamic_bytes, void* const* addresses);
    Launch(const Kernel* kernel, dim3 grid, dim3 block, std::size_t dynamic_bytes, const void* packed);
    Launch(const Launch&) = delete;

    unsigned threads() const { return block.x * block.y * block.z; }
    std::uint64_t blocks() const { return std::uint64_t(grid.x) * grid.y * grid.z; }
};

// Where each parameter lies in the packed form, and how much there is in all.
std::vector<std::size_t> parameter_offsets(const Kernel& kernel, std::size_t& total);

// Runs every block and returns what went wrong, having printed it.
Fault run(const Launch& launch);

const Kernel* find_kernel(const char* name);
std::size_t kernel_count();

}  // namespace simt
