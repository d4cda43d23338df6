// A running block: its fibers, who is ready, who waits for what.
#pragma once

#include <vector>

#include "fiber.h"
#include "launch.h"

namespace simt {

constexpr unsigned LANES = 32, THREADS = 1024, WARPS = THREADS / LANES;

// A cp.async that has not landed yet.
struct Copy {
    char* shared;
    const char* global;
    std::size_t bytes;
    bool valid;
    unsigned group;
    Code code;
};

struct Fiber : Self {
    void* stack;  // saved stack pointer
    std::vector<Copy> copies;
    unsigned groups;  // committed so far
};

// Lanes of one warp that wait for each other in the same operation.
struct Meeting {
    unsigned mask, arrived;
    const char* what;
    Place place;
    void* given[LANES];  // what each lane brought: a struct on its stack
};

struct Warp {
    unsigned live, ready;
    unsigned epoch;  // counts __syncwarp of all live lanes: memory before one is ordered before memory after it
    std::vector<Meeting> meetings;
};

struct SharedArray {
    const void* key;
    char* start;
    std::size_t bytes;
    const char* name;
};

class Block {
public:
    explicit Block(std::size_t worker);

    // Runs one block to its end, or to its first fault, which is returned. `report` receives the fault's line.
    Fault run(const Launch& launch, std::uint64_t index, std::string& report);

    // --- for the operations of the running fiber ---
    Fiber& fiber() { return *static_cast<Fiber*>(self); }
    Warp& warp() { return warps[self->index / LANES]; }
    Fiber& lane_of_warp(unsigned lane) { return fibers[self->index / LANES * LANES + lane]; }
    // Waits for all live lanes of `mask`. The last to arrive calls `finish`, which reads and writes what the lanes gave.
    void meet(unsigned mask, const char* what, Place place, void* given, void (*finish)(Meeting& meeting));
    void wait_at_barrier(Place place);
    void* shared_array(const void* key, std::size_t bytes, const char* name, Place place);
    [[noreturn]] void stop(Fault fault, const std::string& text, Code first, Code second);
    // For the signal handler: records the fault and returns the stack pointer with which simt_resume ends the run.
    void* stop_from_signal(Fault fault, std::uintptr_t address, const void* code);
    bool on_stack(std::uintptr_t address) const { return stacks.contains(self->index, address); }
    // Whether memory outside the region is what a kernel reaches without a pointer of its own.
    bool owns(std::uintptr_t address) const;

    const Launch* launch = nullptr;
    std::vector<SharedArray> arrays;
    // Interval numbers grow over all launches: one from each barrier to the next. An older number is an older time.
    std::uint32_t interval = 0, first_interval = 0;

private:
    static void enter();
    void leave();
    void block_fiber();
    void switch_to_next();
    Fiber* next();
    [[noreturn]] void report_deadlock();
    void release_barrier();
    void finish_meeting(Warp& warp, std::size_t which, void (*finish)(Meeting&));
    void set_ready(unsigned warp, unsigned lanes);
    void start(const Launch& launch, std::uint64_t index);
    void clear_shared();
    char* add_array(const void* key, std::size_t bytes, const char* name);
    unsigned pick(unsigned mask);
    std::string describe(const Self& thread);

    std::size_t worker;
    Stacks stacks;
    std::vector<Fiber> fibers;
    Warp warps[WARPS];
    unsigned ready_warps, live, waiting;
    Place barrier_place;
    unsigned barrier_thread;
    std::size_t static_bytes, arena_bytes;
    std::uint64_t random;
    void* main_stack;
    Fault fault;
    std::string fault_text;
    Code fault_codes[2];
    std::vector<void (*)(Meeting&)> finishers[WARPS];
};

// The block that this worker runs.
extern __thread Block* block __attribute__((tls_model("initial-exec")));

}  // namespace simt
