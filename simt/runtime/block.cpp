// A fiber runs until it must wait; then the schedule chooses among those that are ready. Nothing else decides the order, so a run can be
// repeated, and turned round.
#include "block.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "checker.h"
#include "profile.h"
#include "region.h"
#include "settings.h"

// Where this library begins and ends in memory: the linker knows.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));
extern "C" const char _end[] __attribute__((visibility("hidden")));

namespace simt {

__thread Self* self = nullptr;
__thread Block* block = nullptr;

Block::Block(std::size_t worker) : worker(worker) {}

void Block::start(const Launch& new_launch, std::uint64_t index) {
    launch = &new_launch;
    fault = Fault::None;
    const unsigned threads = launch->threads();
    if (fibers.size() < threads) fibers.resize(threads);
    const uint3 place = {static_cast<unsigned>(index % launch->grid.x), static_cast<unsigned>(index / launch->grid.x % launch->grid.y),
                         static_cast<unsigned>(index / launch->grid.x / launch->grid.y)};
    for (unsigned i = 0; i < threads; i++) {
        Fiber& fiber = fibers[i];
        fiber.thread = {i % launch->block.x, i / launch->block.x % launch->block.y, i / launch->block.x / launch->block.y};
        fiber.block = place;
        fiber.block_size = launch->block;
        fiber.grid_size = launch->grid;
        fiber.index = i;
        fiber.lane = i % LANES;
        fiber.stack = stacks.prepare(i, &Block::enter);
        fiber.copies.clear();
        fiber.groups = 0;
    }
    ready_warps = 0;
    for (unsigned w = 0; w * LANES < threads; w++) {
        const unsigned lanes = std::min(LANES, threads - w * LANES);
        warps[w].live = lanes == LANES ? ~0u : (1u << lanes) - 1;
        warps[w].ready = 0;
        warps[w].epoch = 0;
        warps[w].meetings.clear();
        finishers[w].clear();
        set_ready(w, warps[w].live);
    }
    live = threads;
    waiting = 0;
    random = settings.seed * 0x9e3779b97f4a7c15u + index + 1;
    static_bytes = arena_bytes = 0;
    arrays.clear();
    first_interval = ++interval;
    if (launch->dynamic_bytes > 0) add_array(nullptr, launch->dynamic_bytes, "dynamic shared memory");
}

Fault Block::run(const Launch& new_launch, std::uint64_t index, std::string& report) {
    simt::block = this;
    start(new_launch, index);
    Fiber* first = next();
    self = first;
    simt_switch(&main_stack, first->stack);
    if (fault == Fault::None) {
        for (const SharedArray& array : arrays) {
            if (guard_intact(array.start + array.bytes, with_guard(array.bytes) - array.bytes)) continue;
            fault = Fault::IllegalAddress;
            fault_codes[0] = fault_codes[1] = 0;
            fault_text = std::string("wrote past the end of ") + array.name + " (" + std::to_string(array.bytes) + " bytes)";
        }
    }
    if (fault != Fault::None) {
        report = std::string("kernel ") + launch->kernel->name + " (" + launch->kernel->file + "), " + describe(*self) + ": " + fault_text;
        for (int i = 0; i < 2; i++) {
            const std::string mark = "{" + std::to_string(i + 1) + "}";
            const std::size_t found = report.find(mark);
            if (found != std::string::npos) report.replace(found, mark.size(), source_line(fault_codes[i]));
        }
    }
    clear_shared();
    self = nullptr;
    simt::block = nullptr;
    return fault;
}

std::string Block::describe(const Self& thread) {
    char text[128];
    std::snprintf(text, sizeof text, "thread (%u,%u,%u) of block (%u,%u,%u)", thread.thread.x, thread.thread.y, thread.thread.z,
                  thread.block.x, thread.block.y, thread.block.z);
    return text;
}

// --- the life of a fiber -----------------------------------------------------------------------------------------------------------------

void Block::enter() {
    const Launch& launch = *simt::block->launch;
    launch.kernel->call(const_cast<void**>(launch.arguments.data()));
    simt::block->leave();
}

void Block::leave() {
    Warp& mine = warp();
    const unsigned bit = 1u << self->lane;
    mine.live &= ~bit;
    mine.ready &= ~bit;
    live--;
    // Those who waited for this thread may have waited for it alone.
    for (std::size_t i = mine.meetings.size(); i-- > 0;) {
        const Meeting& meeting = mine.meetings[i];
        if (meeting.arrived == (meeting.mask & mine.live)) {
            const unsigned lanes = meeting.arrived;
            finish_meeting(mine, i, finishers[self->index / LANES][i]);
            set_ready(self->index / LANES, lanes);
        }
    }
    if (live > 0 && waiting == live) release_barrier();
    switch_to_next();
}

void Block::stop(Fault new_fault, const std::string& text, Code first, Code second) {
    fault = new_fault;
    fault_text = text;
    fault_codes[0] = first;
    fault_codes[1] = second;
    void* abandoned;
    simt_switch(&abandoned, main_stack);
    __builtin_unreachable();
}

void* Block::stop_from_signal(Fault new_fault, std::uintptr_t address, const void* code) {
    fault = new_fault;
    char text[160];
    if (on_stack(address)) {
        std::snprintf(text, sizeof text, "its stack of 64 KiB overflowed, at {1}");
    } else {
        std::snprintf(text, sizeof text, "touched %p, which is not device memory, at {1}", reinterpret_cast<void*>(address));
    }
    fault_text = text;
    fault_codes[0] = code_of(static_cast<const char*>(code) + 1);
    fault_codes[1] = 0;
    return main_stack;
}

bool Block::owns(std::uintptr_t address) const {
    const auto within = [&](const void* start, std::size_t bytes) { return address - reinterpret_cast<std::uintptr_t>(start) < bytes; };
    return on_stack(address) || within(fibers.data(), fibers.size() * sizeof(Fiber)) || within(&self, sizeof self) ||
           within(__ehdr_start, static_cast<std::size_t>(_end - __ehdr_start)) || within(launch->memory.data(), launch->memory.size()) ||
           within(launch->arguments.data(), launch->arguments.size() * sizeof(void*));
}

// --- choosing who runs -------------------------------------------------------------------------------------------------------------------

void Block::set_ready(unsigned which, unsigned lanes) {
    warps[which].ready |= lanes;
    if (warps[which].ready != 0) ready_warps |= 1u << which;
}

// One of the set bits, as the schedule wants.
unsigned Block::pick(unsigned mask) {
    if (settings.schedule == Schedule::Ascending) return static_cast<unsigned>(__builtin_ctz(mask));
    if (settings.schedule == Schedule::Descending) return 31u - static_cast<unsigned>(__builtin_clz(mask));
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    const unsigned turn = random >> 32 & 31;
    const unsigned turned = turn == 0 ? mask : mask >> turn | mask << (32 - turn);
    return (static_cast<unsigned>(__builtin_ctz(turned)) + turn) & 31;
}

Fiber* Block::next() {
    if (ready_warps == 0) return nullptr;
    const unsigned w = pick(ready_warps);
    return &fibers[w * LANES + pick(warps[w].ready)];
}

// Leaves the running fiber, which is ready or not, for the next one; for the main stack when none is left.
void Block::switch_to_next() {
    if (warp().ready == 0) ready_warps &= ~(1u << self->index / LANES);
    Fiber* to = next();
    void** from = &fiber().stack;
    if (to == nullptr) {
        if (live > 0) report_deadlock();
        simt_switch(from, main_stack);
    } else if (to != self) {
        self = to;
        simt_switch(from, to->stack);
    }
}

void Block::block_fiber() {
    warp().ready &= ~(1u << self->lane);
    switch_to_next();
}

void Block::report_deadlock() {
    for (const Warp& warp : warps) {
        for (const Meeting& meeting : warp.meetings) {
            const unsigned missing = meeting.mask & warp.live & ~meeting.arrived;
            if (missing == 0) continue;
            const unsigned base = static_cast<unsigned>(&warp - warps) * LANES;
            const char* where = waiting > 0 ? ", which waits at a barrier or elsewhere" : "";
            fail(Fault::LaunchFailed, meeting.place, "%s waits for lane %d (%s)%s: it takes no part", meeting.what, __builtin_ctz(missing),
                 name_thread(base + static_cast<unsigned>(__builtin_ctz(missing))).c_str(), where);
        }
    }
    fail(Fault::LaunchFailed, barrier_place, "%u of %u live threads wait at __syncthreads for the others", waiting, live);
}

// --- waiting -----------------------------------------------------------------------------------------------------------------------------

void Block::wait_at_barrier(Place place) {
    if (waiting == 0) {
        barrier_place = place;
        barrier_thread = self->index;
    } else if (barrier_place.line != place.line || (barrier_place.file != place.file && std::strcmp(barrier_place.file, place.file) != 0)) {
        fail(Fault::LaunchFailed, place, "divergent barrier: %s waits at another __syncthreads, %s:%d", name_thread(barrier_thread).c_str(),
             barrier_place.file, barrier_place.line);
    }
    waiting++;
    if (waiting == live) {
        release_barrier();
        // The last to come is as free as the others: the schedule says who goes on.
        switch_to_next();
    } else {
        block_fiber();
    }
}

void Block::release_barrier() {
    waiting = 0;
    interval++;
    for (unsigned w = 0; w * LANES < launch->threads(); w++) set_ready(w, warps[w].live);
}

void Block::meet(unsigned mask, const char* what, Place place, void* given, void (*finish)(Meeting&)) {
    Warp& mine = warp();
    const unsigned w = self->index / LANES, bit = 1u << self->lane;
    if ((mask & bit) == 0) fail(Fault::LaunchFailed, place, "%s with mask %08x, which leaves out its own lane %u", what, mask, self->lane);
    std::size_t which = 0;
    while (which < mine.meetings.size() && (mine.meetings[which].mask & mask) == 0) which++;
    if (which == mine.meetings.size()) {
        mine.meetings.push_back({mask, 0, what, place, {}});
        finishers[w].push_back(finish);
    }
    Meeting& meeting = mine.meetings[which];
    if (meeting.mask != mask || meeting.what != what) {
        fail(Fault::LaunchFailed, place, "%s with mask %08x while other lanes of the warp wait in %s with mask %08x at %s:%d", what, mask,
             meeting.what, meeting.mask, meeting.place.file, meeting.place.line);
    }
    meeting.arrived |= bit;
    meeting.given[self->lane] = given;
    if (meeting.arrived != (mask & mine.live)) return block_fiber();
    const unsigned lanes = meeting.arrived;
    finish_meeting(mine, which, finish);
    set_ready(w, lanes);
    switch_to_next();
}

void Block::finish_meeting(Warp& warp, std::size_t which, void (*finish)(Meeting&)) {
    finish(warp.meetings[which]);
    warp.meetings.erase(warp.meetings.begin() + static_cast<std::ptrdiff_t>(which));
    auto& ends = finishers[&warp - warps];
    ends.erase(ends.begin() + static_cast<std::ptrdiff_t>(which));
}

// --- shared memory -----------------------------------------------------------------------------------------------------------------------

void* Block::shared_array(const void* key, std::size_t bytes, const char* name, Place place) {
    for (const SharedArray& array : arrays) {
        if (array.key == key) return array.start;
    }
    static_bytes += (bytes + 15) / 16 * 16;
    if (static_bytes > SHARED_WITHOUT_OPT_IN) {
        fail(Fault::LaunchFailed, place, "%s brings static shared memory to %zu bytes: more than 48 KiB", name, static_bytes);
    }
    if (static_bytes + launch->dynamic_bytes > profile.shared_per_block) {
        fail(Fault::LaunchFailed, place, "%s brings shared memory to %zu bytes: more than this card's %zu", name,
             static_bytes + launch->dynamic_bytes, profile.shared_per_block);
    }
    return add_array(key, bytes, name);
}

// Arrays lie apart, whatever they take on a card, so that a step past the end is seen. They start as NaN: nothing has been written.
char* Block::add_array(const void* key, std::size_t bytes, const char* name) {
    char* start = Region::arena(worker) + arena_bytes;
    arena_bytes += with_guard(bytes);
    std::memset(start, 0xff, bytes);
    std::memset(start + bytes, GUARD, with_guard(bytes) - bytes);
    if (CHECKING) region.set_valid(reinterpret_cast<std::uintptr_t>(start), bytes, true);
    arrays.push_back({key, start, bytes, name});
    return start;
}

void Block::clear_shared() {
    if (!CHECKING) return;
    for (const SharedArray& array : arrays) region.set_valid(reinterpret_cast<std::uintptr_t>(array.start), array.bytes, false);
}

void* shared_array(const void* key, std::size_t bytes, const char* name, Place place) {
    return block->shared_array(key, bytes, name, place);
}

void* dynamic_shared() { return block->launch->dynamic_bytes > 0 ? block->arrays.front().start : nullptr; }

void barrier(Place place) { block->wait_at_barrier(place); }

void trap(Place place) { fail(Fault::LaunchFailed, place, "__trap"); }

}  // namespace simt
