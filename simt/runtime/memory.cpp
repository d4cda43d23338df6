// Device memory, page-locked host memory, copies and fills.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "driver.h"
#include "region.h"
#include "settings.h"

namespace simt {

bool Driver::is_pinned(const void* start, std::size_t bytes) const {
    const auto address = reinterpret_cast<std::uintptr_t>(start);
    return std::any_of(pinned.begin(), pinned.end(), [&](const auto& range) {
        return address >= range.first && address - range.first + bytes <= range.second;
    });
}

namespace {

void* pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }
bool is_device(const void* start) { return Region::contains(reinterpret_cast<std::uintptr_t>(start)); }

CUresult check_range(const void* start, std::size_t bytes, const char* what) {
    if (region.find(reinterpret_cast<std::uintptr_t>(start), bytes) != nullptr) return CUDA_SUCCESS;
    return refuse(CUDA_ERROR_INVALID_VALUE, "%s of %zu bytes at %p, not inside one allocation of device memory", what, bytes, start);
}

CUresult check_copy(const void* to, const void* from, std::size_t bytes) {
    if (is_device(to)) {
        if (const CUresult result = check_range(to, bytes, "a copy to device memory")) return result;
    }
    return is_device(from) ? check_range(from, bytes, "a copy from device memory") : CUDA_SUCCESS;
}

// A copy that the caller waits for. It is ordered as work of the default stream is: other streams' work need not be done.
CUresult copy_now(void* to, const void* from, std::size_t bytes) {
    return enter(Needs::Context, [&] {
        if (bytes == 0) return CUDA_SUCCESS;
        if (driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        if (const CUresult result = check_copy(to, from, bytes)) return result;
        if (const CUresult result = driver.drain_blocking()) return result;
        std::memcpy(to, from, bytes);
        return CUDA_SUCCESS;
    });
}

// Page-locked host memory is read and written when the stream comes to it. Other host memory is copied aside at once, or waited for.
CUresult copy_later(void* to, const void* from, std::size_t bytes, void* handle) {
    return enter(Needs::Context, [&] {
        Stream* stream = stream_of(handle);
        if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
        if (bytes == 0) return CUDA_SUCCESS;
        if (const CUresult result = check_copy(to, from, bytes)) return result;
        const bool aside = !is_device(from) && !driver.is_pinned(from, bytes), wait = !is_device(to) && !driver.is_pinned(to, bytes);
        if ((aside || wait) && stream->capture != nullptr) {
            stream->capture->valid = false;
            return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a captured copy needs page-locked host memory");
        }
        std::shared_ptr<std::vector<char>> copy;
        if (aside) copy = std::make_shared<std::vector<char>>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
        const CUresult result = driver.enqueue(*stream, {NodeType::Memcpy, [=] {
                                                             if (const CUresult result = check_copy(to, from, bytes)) return result;
                                                             std::memmove(to, copy ? copy->data() : from, bytes);
                                                             return CUDA_SUCCESS;
                                                         }, nullptr});
        return result == CUDA_SUCCESS && wait ? driver.drain(*stream) : result;
    });
}

template <typename T>
CUresult fill_later(CUdeviceptr to, T value, std::size_t count, void* handle) {
    return enter(Needs::Context, [&] {
        Stream* stream = stream_of(handle);
        if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
        if (count == 0) return CUDA_SUCCESS;
        const auto fill = [=] {
            if (const CUresult result = check_range(pointer(to), count * sizeof(T), "a fill")) return result;
            std::fill_n(static_cast<T*>(pointer(to)), count, value);
            return CUDA_SUCCESS;
        };
        if (const CUresult result = check_range(pointer(to), count * sizeof(T), "a fill")) return result;
        return driver.enqueue(*stream, {NodeType::Memset, fill, nullptr});
    });
}

template <typename T>
CUresult fill_now(CUdeviceptr to, T value, std::size_t count) {
    return enter(Needs::Context, [&] {
        if (driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        if (const CUresult result = fill_later(to, value, count, nullptr)) return result;
        return driver.drain_blocking();
    });
}

CUresult allocate(CUdeviceptr* address, std::size_t bytes) {
    if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    void* memory = region.allocate(bytes);
    if (memory == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    *address = reinterpret_cast<CUdeviceptr>(memory);
    return CUDA_SUCCESS;
}

CUresult release(CUdeviceptr address) {
    if (region.release(address)) return CUDA_SUCCESS;
    return refuse(CUDA_ERROR_INVALID_VALUE, "%p is freed, but was not allocated", pointer(address));
}

CUresult allocate_host(void** memory, std::size_t bytes) {
    return enter(Needs::Context, [&] {
        if (driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        *memory = bytes == 0 ? nullptr : std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
        if (*memory == nullptr) return bytes == 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_OUT_OF_MEMORY;
        driver.pinned.emplace_back(reinterpret_cast<std::uintptr_t>(*memory), bytes);
        return CUDA_SUCCESS;
    });
}

}  // namespace
}  // namespace simt

using namespace simt;

SIMT_API CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t bytes) {
    return enter(Needs::Context, [&] {
        if (driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        return allocate(address, bytes);
    });
}

// Freeing waits for all work, as the driver does, and is where a guard zone is looked at again.
SIMT_API CUresult cuMemFree_v2(CUdeviceptr address) {
    return enter(Needs::Context, [&] {
        if (address == 0) return CUDA_SUCCESS;
        if (driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        if (const CUresult result = driver.drain_all()) return result;
        return release(address);
    });
}

SIMT_API CUresult cuMemAllocAsync(CUdeviceptr* address, std::size_t bytes, void* handle) {
    return enter(Needs::Context, [&] {
        Stream* stream = stream_of(handle);
        if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
        if (stream->capture != nullptr) {
            stream->capture->valid = false;
            return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the emulator captures no allocations");
        }
        return allocate(address, bytes);
    });
}

SIMT_API CUresult cuMemFreeAsync(CUdeviceptr address, void* handle) {
    return enter(Needs::Context, [&] {
        Stream* stream = stream_of(handle);
        if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
        if (stream->capture != nullptr) {
            stream->capture->valid = false;
            return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the emulator captures no allocations");
        }
        if (const CUresult result = driver.drain(*stream)) return result;
        return release(address);
    });
}

SIMT_API CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
    return enter(Needs::Context, [&] {
        *total = settings.memory;
        *free = settings.memory - region.used();
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuMemGetAddressRange_v2(CUdeviceptr* base, std::size_t* size, CUdeviceptr address) {
    return enter(Needs::Context, [&] {
        const auto* found = region.find(address, 1);
        if (found == nullptr) return CUDA_ERROR_NOT_FOUND;
        if (base != nullptr) *base = found->first;
        if (size != nullptr) *size = found->second;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuPointerGetAttribute(void* value, int attribute, CUdeviceptr address) {
    return enter(Needs::Context, [&] {
        constexpr int CONTEXT = 1;
        if (attribute != CONTEXT) {
            return refuse(CUDA_ERROR_INVALID_VALUE, "pointer attribute %d is not one that the emulator answers", attribute);
        }
        if (region.find(address, 1) == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *static_cast<Context**>(value) = &driver.context;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuMemHostAlloc(void** memory, std::size_t bytes, unsigned) { return allocate_host(memory, bytes); }
SIMT_API CUresult cuMemAllocHost_v2(void** memory, std::size_t bytes) { return allocate_host(memory, bytes); }

SIMT_API CUresult cuMemFreeHost(void* memory) {
    return enter(Needs::Context, [&] {
        const auto found = std::find_if(driver.pinned.begin(), driver.pinned.end(), [&](const auto& range) {
            return range.first == reinterpret_cast<std::uintptr_t>(memory);
        });
        if (found == driver.pinned.end()) return CUDA_ERROR_INVALID_VALUE;
        if (const CUresult result = driver.drain_all()) return result;
        driver.pinned.erase(found);
        std::free(memory);
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t bytes) { return copy_now(pointer(to), from, bytes); }
SIMT_API CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t bytes) { return copy_now(to, pointer(from), bytes); }
SIMT_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes) {
    return copy_now(pointer(to), pointer(from), bytes);
}
SIMT_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes, void* stream) {
    return copy_later(pointer(to), from, bytes, stream);
}
SIMT_API CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes, void* stream) {
    return copy_later(to, pointer(from), bytes, stream);
}
SIMT_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, void* stream) {
    return copy_later(pointer(to), pointer(from), bytes, stream);
}

SIMT_API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, std::size_t count) { return fill_now(to, value, count); }
SIMT_API CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, std::size_t count) { return fill_now(to, value, count); }
SIMT_API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, std::size_t count, void* stream) {
    return fill_later(to, value, count, stream);
}
SIMT_API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, std::size_t count, void* stream) {
    return fill_later(to, value, count, stream);
}
