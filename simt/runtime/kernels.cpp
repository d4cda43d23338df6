// The table of kernels, which fills itself when the library is loaded, and the copying of their arguments.
#include <cstring>
#include <map>

#include "launch.h"

namespace simt {

namespace {
// A function's static: kernels of other files may be added before this file's own statics exist.
std::map<std::string, Kernel>& table() {
    static auto* kernels = new std::map<std::string, Kernel>;
    return *kernels;
}
}  // namespace

bool add_kernel(const Kernel& kernel) { return table().emplace(kernel.name, kernel).second; }

const Kernel* find_kernel(const char* name) {
    const auto found = table().find(name);
    return found == table().end() ? nullptr : &found->second;
}

std::size_t kernel_count() { return table().size(); }

std::vector<std::size_t> parameter_offsets(const Kernel& kernel, std::size_t& total) {
    std::vector<std::size_t> offsets;
    total = 0;
    for (std::size_t i = 0; i < kernel.count; i++) {
        const Parameter& parameter = kernel.parameters[i];
        total = (total + parameter.alignment - 1) / parameter.alignment * parameter.alignment;
        offsets.push_back(total);
        total += parameter.size;
    }
    return offsets;
}

Launch::Launch(const Kernel* kernel, dim3 grid, dim3 block, std::size_t dynamic_bytes, void* const* addresses)
    : kernel(kernel), grid(grid), block(block), dynamic_bytes(dynamic_bytes) {
    std::size_t total;
    const auto offsets = parameter_offsets(*kernel, total);
    memory.resize(total);
    for (std::size_t i = 0; i < kernel->count; i++) {
        std::memcpy(&memory[offsets[i]], addresses[i], kernel->parameters[i].size);
        arguments.push_back(&memory[offsets[i]]);
    }
}

Launch::Launch(const Kernel* kernel, dim3 grid, dim3 block, std::size_t dynamic_bytes, const void* packed)
    : kernel(kernel), grid(grid), block(block), dynamic_bytes(dynamic_bytes) {
    std::size_t total;
    const auto offsets = parameter_offsets(*kernel, total);
    memory.resize(total);
    std::memcpy(memory.data(), packed, total);
    for (const std::size_t offset : offsets) arguments.push_back(&memory[offset]);
}

}  // namespace simt
