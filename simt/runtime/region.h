// The reserved address range that holds all device and shared memory, so that one comparison tells what an address is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace simt {

class Region {
public:
    static constexpr std::uintptr_t BASE = std::uintptr_t(0x2000) << 32;  // far from where Linux maps anything by itself
    static constexpr std::size_t DEVICE_BYTES = std::size_t(16) << 30;
    static constexpr std::size_t ARENA_BYTES = std::size_t(1) << 20;      // shared memory of one worker
    static constexpr std::size_t ARENAS = 256;
    static constexpr std::size_t BYTES = DEVICE_BYTES + ARENA_BYTES * ARENAS;
    // Everything starts at a multiple of this and is followed by a guard zone of as much: a driver aligns to 256 or 512 too.
    static constexpr std::size_t GRAIN = 512;

    static bool contains(std::uintptr_t address) { return address - BASE < BYTES; }
    static bool is_shared(std::uintptr_t address) { return address - (BASE + DEVICE_BYTES) < ARENA_BYTES * ARENAS; }
    static char* arena(std::size_t worker) { return reinterpret_cast<char*>(BASE + DEVICE_BYTES + worker * ARENA_BYTES); }

    // Reserves the range; false if something else lies there.
    bool reserve();

    // Device memory, all bytes 0xff; null if it does not fit. Bytes lost to guard zones are not counted.
    void* allocate(std::size_t bytes);
    // False if `address` is no allocation.
    bool release(std::uintptr_t address);
    std::size_t used() const { return used_bytes; }
    // The allocation that holds all of the range, or null.
    const std::pair<const std::uintptr_t, std::size_t>* find(std::uintptr_t address, std::size_t bytes) const;
    // The first allocation whose guard zone has been written to, or null.
    const std::pair<const std::uintptr_t, std::size_t>* broken() const;

    // Says that `bytes` from `start` may be used (0: none any more). Only the checker asks.
    void set_valid(std::uintptr_t start, std::size_t bytes, bool valid);
    // Whether a range may be used: grains count their valid bytes from their start.
    static bool is_valid(std::uintptr_t address, std::size_t bytes) {
        const std::uintptr_t offset = address - BASE;
        return (offset & (GRAIN - 1)) + bytes <= valid[offset / GRAIN];
    }

private:
    static std::uint16_t* valid;
    std::map<std::uintptr_t, std::size_t> allocations;
    std::map<std::uintptr_t, std::size_t> holes;  // free ranges
    std::size_t used_bytes = 0;
};

extern Region region;

// Guard zones hold this.
constexpr unsigned char GUARD = 0xfd;
bool guard_intact(const char* start, std::size_t bytes);
// What a thing of `bytes` takes with its guard zone.
constexpr std::size_t with_guard(std::size_t bytes) { return (bytes + Region::GRAIN - 1) / Region::GRAIN * Region::GRAIN + Region::GRAIN; }

}  // namespace simt
