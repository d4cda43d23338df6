// The state behind the entry points that CUDA programs call, and what the entry points share.
//
// The names, numbers and rules are the CUDA driver's: https://docs.nvidia.com/cuda/cuda-driver-api. Work is put on queues, as on a card,
// and done when something waits for it: a program that forgets to wait sees old data, and learns of a fault where a card would tell it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "launch.h"

#define SIMT_API extern "C" __attribute__((visibility("default")))

enum CUresult {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_INVALID_VALUE = 1,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NOT_INITIALIZED = 3,
    CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_INVALID_DEVICE = 101,
    CUDA_ERROR_INVALID_IMAGE = 200,
    CUDA_ERROR_INVALID_CONTEXT = 201,
    CUDA_ERROR_INVALID_HANDLE = 400,
    CUDA_ERROR_NOT_FOUND = 500,
    CUDA_ERROR_ILLEGAL_ADDRESS = 700,
    CUDA_ERROR_MISALIGNED_ADDRESS = 716,
    CUDA_ERROR_LAUNCH_FAILED = 719,
    CUDA_ERROR_NOT_SUPPORTED = 801,
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
    CUDA_ERROR_STREAM_CAPTURE_UNMATCHED = 903,
    CUDA_ERROR_STREAM_CAPTURE_UNJOINED = 904,
    CUDA_ERROR_STREAM_CAPTURE_ISOLATION = 905,
    CUDA_ERROR_STREAM_CAPTURE_IMPLICIT = 906,
};

using CUdeviceptr = unsigned long long;
using CUdevice = int;

namespace simt {

enum class NodeType : unsigned { Kernel = 0, Memcpy = 1, Memset = 2, Host = 3, WaitEvent = 6, EventRecord = 7 };

// One piece of work on a queue or in a graph.
struct Node {
    NodeType type;
    std::function<CUresult()> run;
    std::shared_ptr<const Launch> launch;  // of a kernel node
};

// Places of nodes in a graph.
using Places = std::set<std::size_t>;

struct Graph {
    std::vector<std::shared_ptr<const Node>> nodes;  // in the order of the calls
    std::vector<Places> after;                       // the nodes that each of them waits for
    std::uint64_t number = 0;                        // of the capture, from 1
    bool valid = true;
};

struct Stream {
    bool blocking;  // waits for the default stream, and is waited for
    std::deque<std::shared_ptr<const Node>> queue;
    Graph* capture = nullptr;
    Places captured;  // what the next node of a capture waits for
    bool began_capture = false;
    unsigned capture_mode = 0;
    std::thread::id capture_thread = {};
};

// What one cuEventRecord leaves: when its stream reached it.
struct Mark {
    Stream* stream;
    bool done = false;
    double milliseconds = 0;
};

struct Event {
    std::shared_ptr<Mark> mark;
    std::uint64_t capture = 0;  // in which it was recorded last; 0 outside of any
    Places captured;            // what stands before it there
};

struct Function {
    const Kernel* kernel;
    int most_dynamic_bytes;
};

struct Context { int retained = 0; };

struct Driver {
    std::recursive_mutex mutex;
    bool initialised = false;
    CUresult fault = CUDA_SUCCESS;  // a kernel's fault stays: every later call returns it
    Context context;                // the one device's primary context
    Stream default_stream = {true};
    std::set<Stream*> streams;
    std::vector<std::pair<std::uintptr_t, std::size_t>> pinned;

    // Does what is queued, up to and including `mark` if one is given. A fault empties all queues.
    CUresult drain(Stream& stream, const Mark* mark = nullptr);
    CUresult drain_blocking();
    CUresult drain_all();
    // Queues work, or records it where the stream is being captured.
    CUresult enqueue(Stream& stream, Node node);
    // For what a capture forbids: such a call ends the capture as well.
    bool forbid_in_capture();
    bool is_pinned(const void* start, std::size_t bytes) const;
};

extern Driver driver;
extern thread_local Context* current_context;

// Null for a handle that is not a stream's. 0 and 1 are the default stream.
Stream* stream_of(void* handle);

Function* function_of(const Kernel& kernel);

enum class Needs { Nothing, Initialised, Context };

// Runs an entry point's body under the lock, if the driver's state allows it.
template <typename Body>
CUresult enter(Needs needs, Body body) {
    const std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    if (needs != Needs::Nothing && !driver.initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (needs != Needs::Nothing && driver.fault != CUDA_SUCCESS) return driver.fault;
    if (needs == Needs::Context && current_context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
}

// The same for calls on a stream.
template <typename Body>
CUresult with_stream(void* handle, Body body) {
    return enter(Needs::Context, [&] {
        Stream* stream = stream_of(handle);
        return stream == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(*stream);
    });
}

// One line on stderr, for what a real driver would refuse without a word.
CUresult refuse(CUresult result, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace simt
