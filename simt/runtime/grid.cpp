// Runs the blocks of a launch on a few worker threads; in the checking build on one, since the checker's memory is one thread's.
#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <ucontext.h>

#include "block.h"
#include "checker.h"
#include "region.h"
#include "settings.h"

namespace simt {

namespace {

// --- faults that the processor finds -----------------------------------------------------------------------------------------------------

struct sigaction former_handler;

// In a kernel: end the block as if the fiber had called stop(). Elsewhere the fault is not ours: let it happen again, unhandled.
void on_signal(int, siginfo_t* information, void* context) {
    if (self == nullptr || block == nullptr) {
        sigaction(SIGSEGV, &former_handler, nullptr);
        return;
    }
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    void* stack = block->stop_from_signal(Fault::IllegalAddress, reinterpret_cast<std::uintptr_t>(information->si_addr),
                                          reinterpret_cast<const void*>(registers[REG_RIP]));
    registers[REG_RSP] = reinterpret_cast<greg_t>(stack);
    registers[REG_RIP] = reinterpret_cast<greg_t>(&simt_resume);
}

// While it lives, this thread handles signals on a stack of its own: the fiber's may be what overflowed.
class SignalStack {
public:
    SignalStack() : memory(new char[BYTES]) {
        stack_t stack = {};
        stack.ss_sp = memory.get();
        stack.ss_size = BYTES;
        sigaltstack(&stack, &former);
    }
    ~SignalStack() { sigaltstack(&former, nullptr); }

private:
    static constexpr std::size_t BYTES = 64 * 1024;
    std::unique_ptr<char[]> memory;
    stack_t former;
};

class SignalHandler {
public:
    SignalHandler() {
        struct sigaction action = {};
        action.sa_sigaction = &on_signal;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigaction(SIGSEGV, &action, &former_handler);
    }
    ~SignalHandler() { sigaction(SIGSEGV, &former_handler, nullptr); }
};

// --- the workers -------------------------------------------------------------------------------------------------------------------------

class Pool {
public:
    explicit Pool(std::size_t workers) {
        for (std::size_t i = 0; i < workers; i++) blocks.push_back(std::make_unique<Block>(i));
        // Worker 0 is whoever launches. The others live as long as the process.
        for (std::size_t i = 1; i < workers; i++) std::thread(&Pool::serve, this, i).detach();
    }

    Fault run(const Launch& new_launch) {
        SignalHandler handler;
        {
            const std::lock_guard<std::mutex> lock(mutex);
            launch = &new_launch;
            next_block = 0;
            fault = Fault::None;
            busy = new_launch.blocks() > 1 ? blocks.size() - 1 : 0;
            if (busy > 0) round++;
        }
        wake.notify_all();
        if (CHECKING) {
            simt::block = blocks[0].get();
            check_launch();
        }
        work(*blocks[0]);
        std::unique_lock<std::mutex> lock(mutex);
        idle.wait(lock, [&] { return busy == 0; });
        return fault;
    }

private:
    void serve(std::size_t worker) {
        std::uint64_t seen = 0;
        std::unique_lock<std::mutex> lock(mutex);
        for (;;) {
            wake.wait(lock, [&] { return round != seen; });
            seen = round;
            lock.unlock();
            work(*blocks[worker]);
            lock.lock();
            if (--busy == 0) idle.notify_one();
        }
    }

    static std::uint64_t block_at(std::uint64_t turn, std::uint64_t count) {
        switch (settings.schedule) {
        case Schedule::Descending: return count - 1 - turn;
        case Schedule::Random: return (turn + settings.seed) % count;
        default: return turn;
        }
    }

    // Takes blocks until none is left or one has failed.
    void work(Block& block) {
        SignalStack stack;
        const std::uint64_t count = launch->blocks();
        for (;;) {
            const std::uint64_t turn = next_block++;
            if (turn >= count) return;
            std::string report;
            const Fault found = block.run(*launch, block_at(turn, count), report);
            if (found == Fault::None) continue;
            next_block = count;
            const std::lock_guard<std::mutex> lock(mutex);
            if (fault == Fault::None) std::fprintf(stderr, "simt: %s\n", report.c_str());
            fault = found;
        }
    }

    std::mutex mutex;
    std::condition_variable wake, idle;
    std::vector<std::unique_ptr<Block>> blocks;
    std::uint64_t round = 0;
    std::size_t busy = 0;
    const Launch* launch = nullptr;
    std::atomic<std::uint64_t> next_block{0};
    Fault fault = Fault::None;
};

}  // namespace

Fault run(const Launch& launch) {
    static auto* pool = new Pool(CHECKING ? 1 : std::min<std::size_t>(std::max(1u, std::thread::hardware_concurrency()), Region::ARENAS));
    return pool->run(launch);
}

}  // namespace simt
