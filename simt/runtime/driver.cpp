// Initialisation, errors, the device and its context.
#include "driver.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "checker.h"
#include "profile.h"
#include "region.h"
#include "settings.h"

namespace simt {

Driver driver;
thread_local Context* current_context = nullptr;

CUresult refuse(CUresult result, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::fputs("simt: ", stderr);
    std::vfprintf(stderr, format, arguments);
    std::fputc('\n', stderr);
    va_end(arguments);
    return result;
}

namespace {

struct ErrorText {
    CUresult result;
    const char *name, *text;
};

const ErrorText ERRORS[] = {
#define ERROR(name, text) {name, #name, text},
    ERROR(CUDA_SUCCESS, "no error")
    ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument")
    ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")
    ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error")
    ERROR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected")
    ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal")
    ERROR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid")
    ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context")
    ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle")
    ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found")
    ERROR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered")
    ERROR(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address")
    ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure")
    ERROR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported")
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing")
    ERROR(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture")
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "the capture was not initiated in this stream")
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work")
    ERROR(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "dependency created on uncaptured work in another stream")
    ERROR(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "operation would make the legacy stream depend on a capturing blocking stream")
#undef ERROR
};

const ErrorText* find_error(CUresult result) {
    for (const ErrorText& error : ERRORS) {
        if (error.result == result) return &error;
    }
    return nullptr;
}

// CUdevice_attribute -> value; false for what this card does not know.
bool device_attribute(int attribute, int& value) {
    switch (attribute) {
    case 1: case 2: case 3: value = 1024; return true;                                    // threads a block, block x, y
    case 4: value = 64; return true;                                                      // block z
    case 5: value = 0x7fffffff; return true;                                              // grid x
    case 6: case 7: value = 65535; return true;                                           // grid y, z
    case 8: value = SHARED_WITHOUT_OPT_IN; return true;                                   // shared memory a block
    case 9: value = 64 << 10; return true;                                                // constant memory
    case 10: value = 32; return true;                                                     // warp
    case 12: case 82: value = 65536; return true;                                         // registers a block, a multiprocessor
    case 13: value = 1000000; return true;                                                // clock, kHz
    case 16: value = settings.processors > 0 ? static_cast<int>(settings.processors) : profile.multiprocessors; return true;
    case 17: case 18: case 20: case 32: case 33: case 34: case 50: value = 0; return true;  // timeout, integrated, mode, ECC, PCI
    case 31: case 41: case 83: case 115: value = 1; return true;                          // concurrency, one address space, managed, pools
    case 36: value = 1000000; return true;                                                // memory clock, kHz
    case 37: value = 256; return true;                                                    // bus width
    case 38: value = profile.l2_bytes; return true;
    case 39: value = profile.threads_per_multiprocessor; return true;
    case 40: value = 2; return true;                                                      // copy engines
    case 75: value = settings.capability > 0 ? static_cast<int>(settings.capability / 10) : profile.major; return true;
    case 76: value = settings.capability > 0 ? static_cast<int>(settings.capability % 10) : profile.minor; return true;
    case 81: value = static_cast<int>(profile.shared_per_multiprocessor); return true;
    case 97: value = static_cast<int>(profile.shared_per_block); return true;
    case 95: value = 0; return true;                                                      // cooperative launch
    case 106: value = profile.blocks_per_multiprocessor; return true;
    case 111: value = profile.major >= 8 ? 1024 : 0; return true;                         // shared memory kept by the system, a block
    default: return false;
    }
}

}  // namespace
}  // namespace simt

using namespace simt;

SIMT_API CUresult cuInit(unsigned flags) {
    return enter(Needs::Nothing, [&] {
        if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
        if (driver.initialised) return CUDA_SUCCESS;
        if (!read_settings()) return CUDA_ERROR_INVALID_VALUE;
        if (settings.devices == 0) return CUDA_ERROR_NO_DEVICE;
        if (!region.reserve() || !start_checker()) {
            return refuse(CUDA_ERROR_OUT_OF_MEMORY, "no address range for device memory and its checker could be reserved");
        }
        driver.initialised = true;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDriverGetVersion(int* version) {
    *version = driver_version();
    return CUDA_SUCCESS;
}

SIMT_API CUresult cuGetErrorName(CUresult result, const char** name) {
    const ErrorText* error = find_error(result);
    *name = error == nullptr ? nullptr : error->name;
    return error == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

SIMT_API CUresult cuGetErrorString(CUresult result, const char** text) {
    const ErrorText* error = find_error(result);
    *text = error == nullptr ? nullptr : error->text;
    return error == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

SIMT_API CUresult cuDeviceGetCount(int* count) {
    return enter(Needs::Initialised, [&] {
        *count = 1;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    return enter(Needs::Initialised, [&] {
        if (ordinal != 0) return CUDA_ERROR_INVALID_DEVICE;
        *device = 0;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    return enter(Needs::Initialised, [&] {
        if (device != 0 || length <= 0) return CUDA_ERROR_INVALID_VALUE;
        std::snprintf(name, static_cast<std::size_t>(length), "scalefree emulator sm_%d%d", profile.major, profile.minor);
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDeviceGetUuid_v2(char* uuid, CUdevice device) {
    return enter(Needs::Initialised, [&] {
        if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
        std::memcpy(uuid, "scalefree - simt", 16);
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice device) {
    return enter(Needs::Initialised, [&] {
        if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
        *bytes = settings.memory;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
    return enter(Needs::Initialised, [&] {
        if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
        if (device_attribute(attribute, *value)) return CUDA_SUCCESS;
        return refuse(CUDA_ERROR_INVALID_VALUE, "device attribute %d is not one that the emulator answers", attribute);
    });
}

SIMT_API CUresult cuDevicePrimaryCtxRetain(Context** context, CUdevice device) {
    return enter(Needs::Initialised, [&] {
        if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
        driver.context.retained++;
        *context = &driver.context;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    return enter(Needs::Initialised, [&] {
        if (device != 0 || driver.context.retained == 0) return CUDA_ERROR_INVALID_VALUE;
        driver.context.retained--;
        return driver.context.retained == 0 ? driver.drain_all() : CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
    return enter(Needs::Initialised, [&] {
        if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
        *flags = 0;
        *active = driver.context.retained > 0;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuCtxSetCurrent(Context* context) {
    return enter(Needs::Initialised, [&] {
        if (context != nullptr && context != &driver.context) return CUDA_ERROR_INVALID_CONTEXT;
        current_context = context;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuCtxGetCurrent(Context** context) {
    return enter(Needs::Initialised, [&] {
        *context = current_context;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuCtxGetDevice(CUdevice* device) {
    return enter(Needs::Context, [&] {
        *device = 0;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuCtxSetFlags(unsigned) {
    return enter(Needs::Context, [] { return CUDA_SUCCESS; });
}

// Waits for every stream, so it spoils every capture, whatever its mode.
SIMT_API CUresult cuCtxSynchronize() {
    return enter(Needs::Context, [] {
        bool capturing = false;
        for (Stream* stream : driver.streams) {
            if (stream->capture == nullptr) continue;
            stream->capture->valid = false;
            capturing = true;
        }
        return capturing ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : driver.drain_all();
    });
}
