// Streams and events: queues of work, and marks on them.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "driver.h"
#include "region.h"

namespace simt {

namespace {

// Work is done at the latest when this much of it waits.
constexpr std::size_t LONGEST_QUEUE = 4096;

// A fault found while draining: the queues are as good as lost.
CUresult poison(CUresult result) {
    driver.fault = result;
    driver.default_stream.queue.clear();
    for (Stream* stream : driver.streams) stream->queue.clear();
    return result;
}

CUresult check_guards() {
    const auto* broken = region.broken();
    if (broken == nullptr) return CUDA_SUCCESS;
    return poison(refuse(CUDA_ERROR_ILLEGAL_ADDRESS, "something wrote past the end of the %zu bytes of device memory at %p", broken->second,
                         reinterpret_cast<void*>(broken->first)));
}

}  // namespace

CUresult Driver::drain(Stream& stream, const Mark* mark) {
    while (!stream.queue.empty() && !(mark != nullptr && mark->done)) {
        const auto node = stream.queue.front();
        stream.queue.pop_front();
        const CUresult result = node->run();
        if (result != CUDA_SUCCESS) return poison(result);
    }
    return check_guards();
}

CUresult Driver::drain_blocking() {
    CUresult result = drain(default_stream);
    for (Stream* stream : streams) {
        if (result == CUDA_SUCCESS && stream->blocking) result = drain(*stream);
    }
    return result;
}

CUresult Driver::drain_all() {
    CUresult result = drain(default_stream);
    for (Stream* stream : streams) {
        if (result == CUDA_SUCCESS) result = drain(*stream);
    }
    return result;
}

CUresult Driver::enqueue(Stream& stream, Node node) {
    auto shared = std::make_shared<const Node>(std::move(node));
    if (stream.capture != nullptr) {
        if (!stream.capture->valid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        stream.capture->after.push_back(std::move(stream.captured));
        stream.captured = {stream.capture->nodes.size()};
        stream.capture->nodes.push_back(std::move(shared));
        return CUDA_SUCCESS;
    }
    // The default stream and the blocking ones take turns; doing at once what the other side has queued keeps the order.
    if (&stream == &default_stream) {
        for (Stream* other : streams) {
            if (!other->blocking) continue;
            if (other->capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
            if (const CUresult result = drain(*other)) return result;
        }
    } else if (stream.blocking) {
        if (const CUresult result = drain(default_stream)) return result;
    }
    stream.queue.push_back(std::move(shared));
    return stream.queue.size() < LONGEST_QUEUE ? CUDA_SUCCESS : drain(stream);
}

bool Driver::forbid_in_capture() {
    bool capturing = false;
    for (Stream* stream : streams) {
        constexpr unsigned THREAD_LOCAL = 1, RELAXED = 2;
        // A stream that joined is captured in the mode of the one that began.
        if (!stream->began_capture || stream->capture_mode == RELAXED) continue;
        // What another thread captures for itself alone is no concern of ours.
        if (stream->capture_mode == THREAD_LOCAL && stream->capture_thread != std::this_thread::get_id()) continue;
        stream->capture->valid = false;
        capturing = true;
    }
    return capturing;
}

Stream* stream_of(void* handle) {
    if (handle == nullptr || handle == reinterpret_cast<void*>(1)) return &driver.default_stream;
    auto* stream = static_cast<Stream*>(handle);
    return driver.streams.count(stream) != 0 ? stream : nullptr;
}

namespace {

double now_in_milliseconds() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

CUresult wait_for(const std::shared_ptr<Mark>& mark) {
    if (mark == nullptr || mark->done) return CUDA_SUCCESS;
    // A stream that is gone has done its work.
    if (mark->stream != &driver.default_stream && driver.streams.count(mark->stream) == 0) return CUDA_SUCCESS;
    return driver.drain(*mark->stream, mark.get());
}

CUresult new_stream(void** handle, unsigned flags) {
    return enter(Needs::Context, [&] {
        constexpr unsigned NON_BLOCKING = 1;
        auto* stream = new Stream{(flags & NON_BLOCKING) == 0};
        driver.streams.insert(stream);
        *handle = stream;
        return CUDA_SUCCESS;
    });
}

}  // namespace
}  // namespace simt

using namespace simt;

SIMT_API CUresult cuStreamCreate(void** stream, unsigned flags) { return new_stream(stream, flags); }
SIMT_API CUresult cuStreamCreateWithPriority(void** stream, unsigned flags, int) { return new_stream(stream, flags); }

SIMT_API CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
    *least = 0;
    *greatest = -5;
    return CUDA_SUCCESS;
}

SIMT_API CUresult cuStreamDestroy_v2(void* handle) {
    return with_stream(handle, [&](Stream& stream) {
        if (&stream == &driver.default_stream) return CUDA_ERROR_INVALID_HANDLE;
        const CUresult result = driver.drain(stream);
        driver.streams.erase(&stream);
        delete &stream;
        return result;
    });
}

SIMT_API CUresult cuStreamSynchronize(void* handle) {
    return with_stream(handle, [&](Stream& stream) {
        if (stream.capture != nullptr || driver.forbid_in_capture()) {
            if (stream.capture != nullptr) stream.capture->valid = false;
            return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
        return &stream == &driver.default_stream ? driver.drain_blocking() : driver.drain(stream);
    });
}

// Asking is as good as waiting: nothing else would make the answer become yes.
SIMT_API CUresult cuStreamQuery(void* stream) { return cuStreamSynchronize(stream); }

SIMT_API CUresult cuStreamWaitEvent(void* handle, Event* event, unsigned) {
    return with_stream(handle, [&](Stream& stream) {
        if (event->capture != 0) {
            // Waiting for a captured stream is how another one joins the capture, as long as that goes on.
            const auto of = [&](const Stream* other) { return other->capture != nullptr && other->capture->number == event->capture; };
            const auto origin = std::find_if(driver.streams.begin(), driver.streams.end(), of);
            if (origin == driver.streams.end()) return CUDA_ERROR_INVALID_VALUE;
            if (stream.capture != nullptr && stream.capture != (*origin)->capture) return CUDA_ERROR_INVALID_VALUE;
            stream.capture = (*origin)->capture;
            stream.captured.insert(event->captured.begin(), event->captured.end());
            return CUDA_SUCCESS;
        }
        if (stream.capture != nullptr) {
            stream.capture->valid = false;
            return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
        }
        if (event->mark == nullptr) return CUDA_SUCCESS;
        return driver.enqueue(stream, {NodeType::WaitEvent, [mark = event->mark] { return wait_for(mark); }, nullptr});
    });
}

SIMT_API CUresult cuLaunchHostFunc(void* handle, void (*function)(void*), void* data) {
    return with_stream(handle, [&](Stream& stream) {
        return driver.enqueue(stream, {NodeType::Host, [=] { return function(data), CUDA_SUCCESS; }, nullptr});
    });
}

SIMT_API CUresult cuEventCreate(Event** event, unsigned) {
    return enter(Needs::Context, [&] {
        *event = new Event;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuEventDestroy_v2(Event* event) {
    return enter(Needs::Context, [&] {
        delete event;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuEventRecord(Event* event, void* handle) {
    return with_stream(handle, [&](Stream& stream) {
        event->capture = stream.capture == nullptr ? 0 : stream.capture->number;
        event->captured = stream.captured;
        if (stream.capture != nullptr) return CUDA_SUCCESS;
        event->mark = std::make_shared<Mark>();
        event->mark->stream = &stream;
        return driver.enqueue(stream, {NodeType::EventRecord, [mark = event->mark] {
                                           mark->milliseconds = now_in_milliseconds();
                                           mark->done = true;
                                           return CUDA_SUCCESS;
                                       }, nullptr});
    });
}

SIMT_API CUresult cuEventSynchronize(Event* event) {
    return enter(Needs::Context, [&] {
        if (event->capture != 0 || driver.forbid_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        return wait_for(event->mark);
    });
}

SIMT_API CUresult cuEventQuery(Event* event) { return cuEventSynchronize(event); }

SIMT_API CUresult cuEventElapsedTime_v2(float* milliseconds, Event* start, Event* end) {
    return enter(Needs::Context, [&] {
        if (start->mark == nullptr || end->mark == nullptr || !start->mark->done || !end->mark->done) return CUDA_ERROR_INVALID_HANDLE;
        *milliseconds = static_cast<float>(end->mark->milliseconds - start->mark->milliseconds);
        return CUDA_SUCCESS;
    });
}
SIMT_API CUresult cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
    return cuEventElapsedTime_v2(milliseconds, start, end);
}
