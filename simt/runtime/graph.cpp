// Graphs: what a captured stream was asked to do, kept, and done again as often as asked.
#include <algorithm>
#include <random>

#include "driver.h"
#include "settings.h"

namespace simt {

namespace {

struct Executable {
    std::vector<std::shared_ptr<const Node>> nodes;  // in the order in which they are run
};

// Are all nodes before what a stream was given last? Work of another stream that never came back is not.
bool all_joined(const Graph& graph, const Places& last) {
    std::vector<bool> joined(graph.nodes.size(), false);
    for (const std::size_t place : last) joined[place] = true;
    // A node waits for earlier ones alone.
    for (std::size_t place = graph.nodes.size(); place-- > 0;) {
        if (!joined[place]) return false;
        for (const std::size_t before : graph.after[place]) joined[before] = true;
    }
    return true;
}

// An order that the graph allows: as the nodes were captured, the last that may run first, or any of those. So nodes that nothing orders
// change places, which shows a wait that is missing.
std::vector<std::shared_ptr<const Node>> ordered(const Graph& graph) {
    std::vector<std::size_t> waiting(graph.nodes.size());
    std::vector<Places> then(graph.nodes.size());
    std::vector<std::size_t> ready;
    for (std::size_t place = 0; place < graph.nodes.size(); place++) {
        waiting[place] = graph.after[place].size();
        for (const std::size_t before : graph.after[place]) then[before].insert(place);
        if (waiting[place] == 0) ready.push_back(place);
    }
    std::vector<std::shared_ptr<const Node>> nodes;
    std::minstd_rand draw(static_cast<unsigned>(settings.seed));
    while (!ready.empty()) {
        auto next = std::min_element(ready.begin(), ready.end());
        if (settings.schedule == Schedule::Descending) next = std::max_element(ready.begin(), ready.end());
        if (settings.schedule == Schedule::Random) next = ready.begin() + draw() % ready.size();
        const std::size_t place = *next;
        ready.erase(next);
        nodes.push_back(graph.nodes[place]);
        for (const std::size_t later : then[place]) {
            if (--waiting[later] == 0) ready.push_back(later);
        }
    }
    return nodes;
}

// CUDA_KERNEL_NODE_PARAMS_v2
struct KernelNode {
    Function* function;
    unsigned grid[3], block[3];
    unsigned dynamic_bytes;
    void** arguments;
    void** extra;
    void* kernel;
    void* context;
};

}  // namespace
}  // namespace simt

using namespace simt;

SIMT_API CUresult cuStreamBeginCapture_v2(void* handle, unsigned mode) {
    return with_stream(handle, [&](Stream& stream) {
        if (&stream == &driver.default_stream || stream.capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        static std::uint64_t captures = 0;
        stream.capture = new Graph;
        stream.capture->number = ++captures;
        stream.captured.clear();
        stream.began_capture = true;
        stream.capture_mode = mode;
        stream.capture_thread = std::this_thread::get_id();
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuStreamEndCapture(void* handle, Graph** graph) {
    return with_stream(handle, [&](Stream& stream) {
        *graph = nullptr;
        if (stream.capture == nullptr) return CUDA_ERROR_INVALID_VALUE;
        if (!stream.began_capture) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
        Graph* captured = stream.capture;
        stream.began_capture = false;
        const bool joined = all_joined(*captured, stream.captured);
        for (Stream* other : driver.streams) {
            if (other->capture != captured) continue;
            other->capture = nullptr;
            other->captured.clear();
        }
        if (!captured->valid) {
            delete captured;
            return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        }
        if (!joined) {
            delete captured;
            return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
        }
        *graph = captured;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuStreamIsCapturing(void* handle, unsigned* status) {
    return with_stream(handle, [&](Stream& stream) {
        *status = stream.capture == nullptr ? 0 : stream.capture->valid ? 1 : 2;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuGraphDestroy(Graph* graph) {
    return enter(Needs::Context, [&] {
        delete graph;
        return CUDA_SUCCESS;
    });
}

// As with the driver, null for `nodes` asks for the number of them.
SIMT_API CUresult cuGraphGetNodes(Graph* graph, const Node** nodes, std::size_t* count) {
    return enter(Needs::Context, [&] {
        if (nodes == nullptr) {
            *count = graph->nodes.size();
            return CUDA_SUCCESS;
        }
        for (std::size_t i = 0; i < *count; i++) nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
        *count = std::min(*count, graph->nodes.size());
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuGraphNodeGetType(const Node* node, unsigned* type) {
    return enter(Needs::Context, [&] {
        *type = settings.node == Settings::NO_NODE ? static_cast<unsigned>(node->type) : static_cast<unsigned>(settings.node);
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuGraphKernelNodeGetParams_v2(const Node* node, KernelNode* parameters) {
    return enter(Needs::Context, [&] {
        if (node->launch == nullptr) return CUDA_ERROR_INVALID_VALUE;
        const Launch& launch = *node->launch;
        *parameters = {function_of(*launch.kernel), {launch.grid.x, launch.grid.y, launch.grid.z},
                       {launch.block.x, launch.block.y, launch.block.z}, static_cast<unsigned>(launch.dynamic_bytes),
                       const_cast<void**>(launch.arguments.data()), nullptr, nullptr, nullptr};
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuGraphInstantiateWithFlags(Executable** executable, Graph* graph, unsigned long long) {
    return enter(Needs::Context, [&] {
        *executable = new Executable{ordered(*graph)};
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuGraphExecDestroy(Executable* executable) {
    return enter(Needs::Context, [&] {
        delete executable;
        return CUDA_SUCCESS;
    });
}

SIMT_API CUresult cuGraphUpload(Executable*, void* handle) {
    return with_stream(handle, [](Stream&) { return CUDA_SUCCESS; });
}

SIMT_API CUresult cuGraphLaunch(Executable* executable, void* handle) {
    return with_stream(handle, [&](Stream& stream) {
        if (stream.capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        for (const auto& node : executable->nodes) {
            if (const CUresult result = driver.enqueue(stream, *node)) return result;
        }
        return CUDA_SUCCESS;
    });
}
