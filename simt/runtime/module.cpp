// Modules, functions and launches. Any image is a module that holds every kernel: the kernels are part of this library.
#include <cstring>
#include <map>

#include "driver.h"
#include "profile.h"

namespace simt {

// One function a kernel, made when first asked for.
Function* function_of(const Kernel& kernel) {
    static auto* functions = new std::map<std::string, Function>;
    return &functions->try_emplace(kernel.name, Function{&kernel, static_cast<int>(SHARED_WITHOUT_OPT_IN)}).first->second;
}

namespace {

struct Module {};

// CUfunction_attribute
enum FunctionAttribute {
    MaxThreadsPerBlock = 0,
    SharedBytes = 1,
    ConstBytes = 2,
    LocalBytes = 3,
    Registers = 4,
    MaxDynamicBytes = 8,
    Carveout = 9,
};

CUresult load(Module** module, const void* image) {
    return enter(Needs::Context, [&] {
        if (driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        if (image == nullptr) return CUDA_ERROR_INVALID_VALUE;
        if (*static_cast<const char*>(image) == 0) return CUDA_ERROR_INVALID_IMAGE;
        *module = new Module;
        return CUDA_SUCCESS;
    });
}

// The packed form of arguments: a list of (1, address), (2, address of size), ended by 0.
CUresult unpack(const Kernel& kernel, void** extra, const void** packed) {
    std::size_t size = 0, total;
    for (; extra[0] != nullptr; extra += 2) {
        if (extra[0] == reinterpret_cast<void*>(1)) *packed = extra[1];
        if (extra[0] == reinterpret_cast<void*>(2)) size = *static_cast<std::size_t*>(extra[1]);
    }
    parameter_offsets(kernel, total);
    if (*packed != nullptr && size == total) return CUDA_SUCCESS;
    return refuse(CUDA_ERROR_INVALID_VALUE, "kernel %s takes %zu bytes of arguments; %zu were given", kernel.name, total, size);
}

CUresult check_shape(const Function& function, dim3 grid, dim3 block, std::size_t dynamic_bytes) {
    const char* name = function.kernel->name;
    const std::uint64_t threads = std::uint64_t(block.x) * block.y * block.z;
    if (threads == 0 || threads > 1024 || block.z > 64) {
        return refuse(CUDA_ERROR_INVALID_VALUE, "kernel %s: a block of (%u,%u,%u) threads", name, block.x, block.y, block.z);
    }
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
        return refuse(CUDA_ERROR_INVALID_VALUE, "kernel %s: a grid of (%u,%u,%u) blocks", name, grid.x, grid.y, grid.z);
    }
    if (dynamic_bytes > static_cast<std::size_t>(function.most_dynamic_bytes)) {
        return refuse(CUDA_ERROR_INVALID_VALUE, "kernel %s: %zu bytes of dynamic shared memory, but %d were opted in", name, dynamic_bytes,
                      function.most_dynamic_bytes);
    }
    return CUDA_SUCCESS;
}

}  // namespace
}  // namespace simt

using namespace simt;

SIMT_API CUresult cuModuleLoadData(Module** module, const void* image) { return load(module, image); }
SIMT_API CUresult cuModuleLoadDataEx(Module** module, const void* image, unsigned, void*, void*) { return load(module, image); }

SIMT_API CUresult cuModuleUnload(Module* module) {
    return enter(Needs::Context, [&] {
        delete module;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuModuleGetFunctionCount(unsigned* count, Module*) {
    return enter(Needs::Context, [&] {
        *count = static_cast<unsigned>(kernel_count());
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuModuleGetFunction(Function** function, Module* module, const char* name) {
    return enter(Needs::Context, [&] {
        if (module == nullptr) return CUDA_ERROR_INVALID_HANDLE;
        const Kernel* kernel = find_kernel(name);
        if (kernel == nullptr) return CUDA_ERROR_NOT_FOUND;
        *function = function_of(*kernel);
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuFuncGetName(const char** name, Function* function) {
    return enter(Needs::Context, [&] {
        *name = function->kernel->name;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuFuncGetParamInfo(Function* function, std::size_t index, std::size_t* offset, std::size_t* size) {
    return enter(Needs::Context, [&] {
        const Kernel& kernel = *function->kernel;
        if (index >= kernel.count) return CUDA_ERROR_INVALID_VALUE;
        std::size_t total;
        *offset = parameter_offsets(kernel, total)[index];
        if (size != nullptr) *size = kernel.parameters[index].size;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuFuncGetAttribute(int* value, int attribute, Function* function) {
    return enter(Needs::Context, [&] {
        switch (attribute) {
        case MaxThreadsPerBlock: *value = 1024; return CUDA_SUCCESS;
        case MaxDynamicBytes: *value = function->most_dynamic_bytes; return CUDA_SUCCESS;
        // Known to ptxas, not to us.
        case SharedBytes: case ConstBytes: case LocalBytes: case Registers: *value = 0; return CUDA_SUCCESS;
        default: return refuse(CUDA_ERROR_INVALID_VALUE, "function attribute %d is not one that the emulator answers", attribute);
        }
    });
}

SIMT_API CUresult cuFuncSetAttribute(Function* function, int attribute, int value) {
    return enter(Needs::Context, [&] {
        if (attribute == Carveout) return CUDA_SUCCESS;
        if (attribute != MaxDynamicBytes || value < 0) return CUDA_ERROR_INVALID_VALUE;
        if (static_cast<std::size_t>(value) > profile.shared_per_block) {
            return refuse(CUDA_ERROR_INVALID_VALUE, "kernel %s: %d bytes of dynamic shared memory; this card has %zu a block",
                          function->kernel->name, value, profile.shared_per_block);
        }
        function->most_dynamic_bytes = value;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuLaunchKernel(Function* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                                 unsigned block_z, unsigned dynamic_bytes, void* handle, void** arguments, void** extra) {
    return enter(Needs::Context, [&] {
        Stream* stream = stream_of(handle);
        if (function == nullptr || stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
        const Kernel& kernel = *function->kernel;
        const dim3 grid(grid_x, grid_y, grid_z), block(block_x, block_y, block_z);
        if (const CUresult result = check_shape(*function, grid, block, dynamic_bytes)) return result;
        std::shared_ptr<const Launch> launch;
        if (extra != nullptr && extra[0] != nullptr) {
            const void* packed = nullptr;
            if (const CUresult result = unpack(kernel, extra, &packed)) return result;
            launch = std::make_shared<const Launch>(&kernel, grid, block, dynamic_bytes, packed);
        } else {
            if (arguments == nullptr && kernel.count > 0) {
                return refuse(CUDA_ERROR_INVALID_VALUE, "kernel %s takes %zu arguments; none were given", kernel.name, kernel.count);
            }
            launch = std::make_shared<const Launch>(&kernel, grid, block, dynamic_bytes, arguments);
        }
        return driver.enqueue(*stream, {NodeType::Kernel, [launch] { return static_cast<CUresult>(run(*launch)); }, launch});
    });
}

// Blocks of one function that fit a multiprocessor: by threads and shared memory, since registers are not known here.
SIMT_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function*, int block_size, std::size_t dynamic_bytes) {
    return enter(Needs::Context, [&] {
        if (block_size <= 0 || block_size > 1024) return CUDA_ERROR_INVALID_VALUE;
        int fit = std::min(profile.blocks_per_multiprocessor, profile.threads_per_multiprocessor / block_size);
        if (dynamic_bytes > 0) fit = std::min(fit, static_cast<int>(profile.shared_per_multiprocessor / dynamic_bytes));
        *blocks = fit;
        return CUDA_SUCCESS;
    });
}
