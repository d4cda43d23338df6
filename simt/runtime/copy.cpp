// cp.async: a thread's copies from global to shared memory, which land when it waits for them, or at once. A kernel must be right either
// way.
#include <cstring>

#include "block.h"
#include "checker.h"
#include "region.h"
#include "settings.h"

namespace simt {

namespace {

void land(const Copy& copy) {
    if (copy.valid) {
        std::memcpy(copy.shared, copy.global, copy.bytes);
    } else {
        std::memset(copy.shared, 0, copy.bytes);
    }
}

}  // namespace

void copy_async(void* shared, const void* global, std::size_t bytes, bool valid, Place place) {
    const auto to = reinterpret_cast<std::uintptr_t>(shared), from = reinterpret_cast<std::uintptr_t>(global);
    if (!Region::is_shared(to)) fail(Fault::IllegalAddress, place, "cp.async to %p, which is not shared memory", shared);
    if (valid && (!Region::contains(from) || Region::is_shared(from))) {
        fail(Fault::IllegalAddress, place, "cp.async from %p, which is not device memory", global);
    }
    if (to % bytes != 0 || (valid && from % bytes != 0)) {
        fail(Fault::MisalignedAddress, place, "cp.async of %zu bytes from %p to %p: both sides must be aligned to it", bytes, global,
             shared);
    }
    const Code code = code_of(__builtin_return_address(0));
    if (valid) check_read(from, bytes, code);
    check_copy_issued(to, bytes, code);
    Fiber& fiber = block->fiber();
    fiber.copies.push_back({static_cast<char*>(shared), static_cast<const char*>(global), bytes, valid, fiber.groups, code});
    if (settings.early_copies) land(fiber.copies.back());
}

void copy_async_commit() { block->fiber().groups++; }

void copy_async_wait(int pending) {
    Fiber& fiber = block->fiber();
    // Groups are numbered in order, and so are the copies.
    std::size_t landed = 0;
    while (landed < fiber.copies.size() && fiber.copies[landed].group + static_cast<unsigned>(pending) < fiber.groups) {
        const Copy& copy = fiber.copies[landed++];
        if (!settings.early_copies) land(copy);
        check_copy_landed(reinterpret_cast<std::uintptr_t>(copy.shared), copy.bytes, copy.code);
    }
    fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + static_cast<std::ptrdiff_t>(landed));
}

}  // namespace simt
