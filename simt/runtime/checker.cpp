// The checker. Kernels of the checking build are compiled with -fsanitize=thread, which puts a call before every access to memory; here
// are the functions that are called, in place of the sanitiser's own.
//
// Every four bytes of device and shared memory have a cell that remembers the last write and the last reads: by which thread, in which
// interval between barriers, in which epoch of its warp, at which line. A word of which parts have been used has a cell for each byte
// until it is next written whole. Time is a number that only grows, so nothing is ever cleared.
//
// Two accesses by different threads, one of them a write, are ordered if a __syncthreads lies between (the intervals differ), or if both
// threads are in one warp and a __syncwarp lies between (the epochs differ). Blocks of one launch are never ordered; launches always are.
// Accesses that are not ordered are a race, whether or not this run's schedule made it matter. Two atomics are no race.
#ifdef SIMT_CHECKING

#include "checker.h"

#include <algorithm>
#include <sys/mman.h>

#include "block.h"
#include "region.h"

namespace simt {

namespace {

constexpr std::size_t WORD = 4;

struct Access {
    std::uint32_t interval;
    std::uint16_t thread;
    std::uint16_t epoch;
    Code code;
};

// How the last write was made.
enum class Made : std::uint16_t { Plainly, Atomically, InFlight };

struct Cell {
    Access write;
    Made made;
    bool split;  // of a word's cell: its bytes have cells of their own
    // The last reader, and one before it of another warp if there was one, else of another thread: a write that conflicts with any
    // earlier read conflicts with one of these.
    Access read, other_read;
};

Cell* words = nullptr;
Cell* bytes_of_words = nullptr;
std::uint32_t launch_start = 0;  // intervals of this launch are later

// Calls `check` for every cell of a range. A word that is written whole needs one cell afterwards, and its earlier reads no more.
template <typename Check>
void each_cell(std::uintptr_t address, std::size_t bytes, bool writes, Check check) {
    const std::size_t first = address - Region::BASE, end = first + bytes;
    for (std::size_t at = first; at < end;) {
        const std::size_t word = at / WORD, next = std::min((word + 1) * WORD, end);
        const bool whole = next - at == WORD;
        Cell& cell = words[word];
        Cell* parts = bytes_of_words + word * WORD;
        if (!cell.split && !whole) {
            std::fill_n(parts, WORD, cell);
            cell.split = true;
        }
        if (!cell.split) {
            check(cell);
        } else {
            for (std::size_t part = at % WORD; part < at % WORD + (next - at); part++) check(parts[part]);
            if (whole && writes) {
                cell = parts[0];
                cell.split = false;
                cell.read = cell.other_read = Access();
            }
        }
        at = next;
    }
}

Access now(Code code) {
    return {block->interval, static_cast<std::uint16_t>(self->index), static_cast<std::uint16_t>(block->warp().epoch), code};
}

bool same_warp(const Access& a, const Access& b) { return a.thread / LANES == b.thread / LANES; }

bool of_another_block(const Access& access) { return access.interval > launch_start && access.interval < block->first_interval; }

bool ordered(std::uintptr_t address, const Access& before, const Access& after) {
    // Shared memory that another block has left behind is not the same memory.
    if (of_another_block(before)) return Region::is_shared(address);
    if (before.interval != after.interval || before.thread == after.thread) return true;
    return same_warp(before, after) && before.epoch != after.epoch;
}

const char* kind_of(std::uintptr_t address) { return Region::is_shared(address) ? "shared memory" : "device memory"; }

[[noreturn]] void race(std::uintptr_t address, const char* does, const Access& after, const char* did, const Access& before) {
    if (before.interval < block->first_interval) {
        fail_at(Fault::LaunchFailed, after.code, before.code, "race: %s %s at {1}, which another block %s at {2}", does, kind_of(address),
                did);
    }
    fail_at(Fault::LaunchFailed, after.code, before.code, "race: %s %s at {1}, which %s %s at {2} with no barrier between", does,
            kind_of(address), name_thread(before.thread).c_str(), did);
}

const char* doing(bool writes) { return writes ? "writes" : "reads"; }

void check_range(std::uintptr_t address, std::size_t bytes, bool writes, Code code) {
    if (!Region::is_valid(address, bytes)) {
        fail_at(Fault::IllegalAddress, code, 0, "out of bounds: %s %zu bytes of %s at %p, outside every allocation, at {1}", doing(writes),
                bytes, kind_of(address), reinterpret_cast<void*>(address));
    }
    if ((address & (bytes - 1)) != 0) {
        fail_at(Fault::MisalignedAddress, code, 0, "misaligned: %s %zu bytes at %p at {1}", doing(writes), bytes,
                reinterpret_cast<void*>(address));
    }
}

void check_in_flight(const Cell& cell, const char* does, const Access& mine) {
    if (cell.made != Made::InFlight || cell.write.interval < block->first_interval) return;
    fail_at(Fault::LaunchFailed, mine.code, cell.write.code, "%s shared memory at {1} before the cp.async of %s to it at {2} is waited for",
            does, name_thread(cell.write.thread).c_str());
}

void read_cell(Cell& cell, std::uintptr_t address, const Access& mine, bool atomic) {
    const Access& write = cell.write;
    if (!ordered(address, write, mine) && !(atomic && cell.made == Made::Atomically)) race(address, "reads", mine, "wrote", write);
    check_in_flight(cell, "reads", mine);
    if (Region::is_shared(address) && write.interval < block->first_interval) {
        fail_at(Fault::LaunchFailed, mine.code, 0, "uninitialised: reads shared memory at {1} that its block has not written");
    }
    Access &last = cell.read, &other = cell.other_read;
    if (of_another_block(last)) {
        other = last;
    } else if (last.interval == mine.interval && last.thread != mine.thread && !of_another_block(other)) {
        if (!same_warp(last, mine) || other.interval != mine.interval || same_warp(other, mine)) other = last;
    }
    last = mine;
}

void write_cell(Cell& cell, std::uintptr_t address, const Access& mine, Made made) {
    const Access& write = cell.write;
    const bool both_atomic = made == Made::Atomically && cell.made == Made::Atomically;
    if (!ordered(address, write, mine) && !both_atomic) race(address, "writes", mine, "wrote", write);
    check_in_flight(cell, "writes", mine);
    if (!ordered(address, cell.read, mine)) race(address, "writes", mine, "read", cell.read);
    if (!ordered(address, cell.other_read, mine)) race(address, "writes", mine, "read", cell.other_read);
    cell.write = mine;
    cell.made = made;
}

void check_write(std::uintptr_t address, std::size_t bytes, Code code, Made made) {
    check_range(address, bytes, true, code);
    const Access mine = now(code);
    each_cell(address, bytes, true, [&](Cell& cell) { write_cell(cell, address, mine, made); });
}

// Whether an access is to be checked. What is neither the device's memory nor the running fiber's stack must be the library's own: its
// constants, the launch's arguments, threadIdx. Anything else is a host pointer that a real device would not know.
inline bool concerns_us(std::uintptr_t address, Code code) {
    if (Region::contains(address)) return true;
    // The two that are asked for most: what the stack holds above this call, and threadIdx and its like.
    if (address - reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) < Stacks::BYTES) return false;
    if (address - reinterpret_cast<std::uintptr_t>(self) < sizeof(Self)) return false;
    if (block != nullptr && !block->owns(address)) {  // without a block: the library is being loaded
        fail_at(Fault::IllegalAddress, code, 0, "touches host memory at %p at {1}", reinterpret_cast<void*>(address));
    }
    return false;
}

void check_atomic(const volatile void* pointer, std::size_t bytes, Code code, bool writes) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (!concerns_us(address, code)) return;
    check_range(address, bytes, writes, code);
    const Access mine = now(code);
    each_cell(address, bytes, writes, [&](Cell& cell) {
        // The read that is part of an atomic write is not recorded: the write stands for both.
        const Access seen[2] = {cell.read, cell.other_read};
        read_cell(cell, address, mine, true);
        if (!writes) return;
        cell.read = seen[0];
        cell.other_read = seen[1];
        write_cell(cell, address, mine, Made::Atomically);
    });
}

}  // namespace

bool start_checker() {
    const auto reserve = [](std::size_t count) {
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void* memory = mmap(nullptr, count * sizeof(Cell), PROT_READ | PROT_WRITE, flags, -1, 0);
        return memory == MAP_FAILED ? nullptr : static_cast<Cell*>(memory);
    };
    words = reserve(Region::BYTES / WORD);
    bytes_of_words = reserve(Region::BYTES);
    return words != nullptr && bytes_of_words != nullptr;
}

void check_launch() { launch_start = block->interval; }

void check_read(std::uintptr_t address, std::size_t bytes, Code code) {
    check_range(address, bytes, false, code);
    const Access mine = now(code);
    each_cell(address, bytes, false, [&](Cell& cell) { read_cell(cell, address, mine, false); });
}

void check_copy_issued(std::uintptr_t address, std::size_t bytes, Code code) { check_write(address, bytes, code, Made::InFlight); }

void check_copy_landed(std::uintptr_t address, std::size_t bytes, Code code) {
    const Access mine = now(code);
    each_cell(address, bytes, true, [&](Cell& cell) {
        cell.write = mine;
        cell.made = Made::Plainly;
    });
}

}  // namespace simt

// --- what the compiler calls -------------------------------------------------------------------------------------------------------------

using namespace simt;

#define CALLER code_of(__builtin_return_address(0))

static inline __attribute__((always_inline)) void read_hook(void* pointer, std::size_t bytes, Code code) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (concerns_us(address, code)) check_read(address, bytes, code);
}
static inline __attribute__((always_inline)) void write_hook(void* pointer, std::size_t bytes, Code code) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (concerns_us(address, code)) check_write(address, bytes, code, Made::Plainly);
}

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}

#define HOOKS(bytes)                                                                    \
    void __tsan_read##bytes(void* pointer) { read_hook(pointer, bytes, CALLER); }       \
    void __tsan_write##bytes(void* pointer) { write_hook(pointer, bytes, CALLER); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

// Accesses that the compiler itself knows to be less aligned than wide: several side by side, seen one by one.
#define PIECES(bytes)                                                                                                             \
    void __tsan_unaligned_read##bytes(void* pointer) {                                                                            \
        for (int i = 0; i < bytes; i++) read_hook(static_cast<char*>(pointer) + i, 1, CALLER);                                    \
    }                                                                                                                             \
    void __tsan_unaligned_write##bytes(void* pointer) {                                                                           \
        for (int i = 0; i < bytes; i++) write_hook(static_cast<char*>(pointer) + i, 1, CALLER);                                   \
    }
PIECES(2)
PIECES(4)
PIECES(8)
PIECES(16)
void __tsan_read_range(void* pointer, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i++) read_hook(static_cast<char*>(pointer) + i, 1, CALLER);
}
void __tsan_write_range(void* pointer, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i++) write_hook(static_cast<char*>(pointer) + i, 1, CALLER);
}

#define ATOMIC_HOOKS(bits, type)                                                                                                  \
    type __tsan_atomic##bits##_load(const volatile type* p, int) {                                                                \
        check_atomic(p, sizeof *p, CALLER, false);                                                                                \
        return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                                              \
    }                                                                                                                             \
    type __tsan_atomic##bits##_exchange(volatile type* p, type value, int) {                                                      \
        check_atomic(p, sizeof *p, CALLER, true);                                                                                 \
        return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);                                                                   \
    }                                                                                                                             \
    type __tsan_atomic##bits##_fetch_add(volatile type* p, type value, int) {                                                     \
        check_atomic(p, sizeof *p, CALLER, true);                                                                                 \
        return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);                                                                    \
    }                                                                                                                             \
    type __tsan_atomic##bits##_fetch_or(volatile type* p, type value, int) {                                                      \
        check_atomic(p, sizeof *p, CALLER, true);                                                                                 \
        return __atomic_fetch_or(p, value, __ATOMIC_SEQ_CST);                                                                     \
    }                                                                                                                             \
    type __tsan_atomic##bits##_fetch_and(volatile type* p, type value, int) {                                                     \
        check_atomic(p, sizeof *p, CALLER, true);                                                                                 \
        return __atomic_fetch_and(p, value, __ATOMIC_SEQ_CST);                                                                    \
    }                                                                                                                             \
    bool __tsan_atomic##bits##_compare_exchange_strong(volatile type* p, type* expected, type value, int, int) {                  \
        check_atomic(p, sizeof *p, CALLER, true);                                                                                 \
        return __atomic_compare_exchange_n(p, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                        \
    }                                                                                                                             \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type* p, type expected, type value, int, int) {                      \
        check_atomic(p, sizeof *p, CALLER, true);                                                                                 \
        __atomic_compare_exchange_n(p, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                              \
        return expected;                                                                                                          \
    }
ATOMIC_HOOKS(32, std::uint32_t)
ATOMIC_HOOKS(64, std::uint64_t)

// From -fsanitize=alignment: a pointer was used whose type wants more alignment than it has. This is asked before the compiler takes
// vectors apart, so a misaligned float4 is seen even where only one of its numbers is used.
struct TypeMismatch {
    Place place;
    const void* type;
    unsigned char log_alignment, kind;
};
void __ubsan_handle_type_mismatch_v1(TypeMismatch* data, const void* pointer) {
    fail(Fault::MisalignedAddress, data->place, "misaligned: %p is no multiple of %d bytes", pointer, 1 << data->log_alignment);
}

}  // extern "C"

#endif
