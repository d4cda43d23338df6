// The switch saves what the calling convention says a function must keep; everything else the compiler has saved at the call.
#include "fiber.h"

#include <cstdint>
#include <new>
#include <sys/mman.h>

#if !defined(__x86_64__)
#error "the emulator's fiber switch is written for x86-64"
#endif

asm(R"(
.text
.globl simt_switch
.hidden simt_switch
.type simt_switch, @function
simt_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
.globl simt_resume
.hidden simt_resume
.type simt_resume, @function
simt_resume:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

namespace simt {

namespace {
constexpr std::size_t PAGE = 4096;
}

void* Stacks::top(std::size_t index) {
    while (stacks.size() <= index) {
        void* memory = mmap(nullptr, BYTES + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory, PAGE, PROT_NONE) != 0) throw std::bad_alloc();
        stacks.push_back(static_cast<char*>(memory));
    }
    return stacks[index] + PAGE + BYTES;
}

void* Stacks::prepare(std::size_t index, void (*entry)()) {
    // From the top: a word that keeps the stack aligned as after a call, the address to "return" to, six saved registers.
    auto* word = static_cast<std::uint64_t*>(top(index));
    *--word = 0;
    *--word = reinterpret_cast<std::uint64_t>(entry);
    for (int i = 0; i < 6; i++) *--word = 0;
    return word;
}

bool Stacks::contains(std::size_t index, std::size_t address) const {
    return address - reinterpret_cast<std::size_t>(stacks[index]) < PAGE + BYTES;
}

}  // namespace simt
