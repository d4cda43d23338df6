#include "region.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <sys/mman.h>

#include "settings.h"

namespace simt {

Region region;
std::uint16_t* Region::valid = nullptr;

bool guard_intact(const char* start, std::size_t bytes) {
    return std::all_of(start, start + bytes, [](char byte) { return static_cast<unsigned char>(byte) == GUARD; });
}

bool Region::reserve() {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* memory = mmap(reinterpret_cast<void*>(BASE), BYTES, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, -1, 0);
    if (memory != reinterpret_cast<void*>(BASE)) return false;
    void* table = mmap(nullptr, BYTES / GRAIN * sizeof *valid, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (table == MAP_FAILED) return false;
    valid = static_cast<std::uint16_t*>(table);
    // The first grain guards the first allocation from below.
    std::memset(memory, GUARD, GRAIN);
    holes[BASE + GRAIN] = DEVICE_BYTES - GRAIN;
    return true;
}

void* Region::allocate(std::size_t bytes) {
    if (bytes == 0 || bytes > settings.memory || used_bytes > settings.memory - bytes) return nullptr;
    const std::size_t needed = with_guard(bytes);
    const auto hole = std::find_if(holes.begin(), holes.end(), [&](const auto& hole) { return hole.second >= needed; });
    if (hole == holes.end()) return nullptr;
    const auto [start, size] = *hole;
    holes.erase(hole);
    if (size > needed) holes[start + needed] = size - needed;
    allocations[start] = bytes;
    used_bytes += bytes;
    auto* memory = reinterpret_cast<char*>(start);
    std::memset(memory, 0xff, bytes);
    std::memset(memory + bytes, GUARD, needed - bytes);
    set_valid(start, bytes, true);
    return memory;
}

bool Region::release(std::uintptr_t address) {
    const auto found = allocations.find(address);
    if (found == allocations.end()) return false;
    std::size_t bytes = found->second;
    used_bytes -= bytes;
    set_valid(address, bytes, false);
    allocations.erase(found);
    std::size_t size = with_guard(bytes);
    // Give the pages back; what is left over at both ends is overwritten.
    auto* memory = reinterpret_cast<char*>(address);
    if (size >= std::size_t(1) << 20) {
        const std::uintptr_t first = (address + 4095) & ~std::uintptr_t(4095), last = (address + size) & ~std::uintptr_t(4095);
        madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
    } else {
        std::memset(memory, 0xff, bytes);
    }
    const auto after = holes.lower_bound(address);
    if (after != holes.end() && after->first == address + size) {
        size += after->second;
        holes.erase(after);
    }
    const auto next = holes.lower_bound(address);
    if (next != holes.begin() && std::prev(next)->first + std::prev(next)->second == address) {
        std::prev(next)->second += size;
    } else {
        holes[address] = size;
    }
    return true;
}

const std::pair<const std::uintptr_t, std::size_t>* Region::find(std::uintptr_t address, std::size_t bytes) const {
    const auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return nullptr;
    const auto& candidate = *std::prev(after);
    const std::size_t offset = address - candidate.first;
    return offset <= candidate.second && bytes <= candidate.second - offset ? &candidate : nullptr;
}

const std::pair<const std::uintptr_t, std::size_t>* Region::broken() const {
    for (const auto& allocation : allocations) {
        const auto* end = reinterpret_cast<const char*>(allocation.first + allocation.second);
        if (!guard_intact(end, with_guard(allocation.second) - allocation.second)) return &allocation;
    }
    return nullptr;
}

void Region::set_valid(std::uintptr_t start, std::size_t bytes, bool valid_now) {
    std::uint16_t* grain = valid + (start - BASE) / GRAIN;
    for (std::size_t left = bytes; left > 0; left -= std::min(left, GRAIN)) {
        *grain++ = valid_now ? static_cast<std::uint16_t>(std::min(left, GRAIN)) : 0;
    }
}

}  // namespace simt
