// Fibers: one stack a CUDA thread, switched by hand.
#pragma once

#include <cstddef>
#include <vector>

namespace simt {

// Stacks of 64 KiB, each above a page that may not be touched, so that an overflow is a fault and not a riddle.
class Stacks {
public:
    static constexpr std::size_t BYTES = 64 * 1024;

    // A stack pointer that, once switched to, runs `entry` on stack `index`. `entry` must not return.
    void* prepare(std::size_t index, void (*entry)());
    bool contains(std::size_t index, std::size_t address) const;

private:
    void* top(std::size_t index);
    std::vector<char*> stacks;
};

}  // namespace simt

// Saves the running fiber's stack pointer through `from` and carries on where `to` was saved.
extern "C" void simt_switch(void** from, void* to);
// The second half of simt_switch: with the stack pointer set to a saved one, jumping here carries on there. For the signal handler.
extern "C" void simt_resume();
