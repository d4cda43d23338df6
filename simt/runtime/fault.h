// What went wrong in a kernel: one line on stderr, and the error a driver would return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "simt_runtime.h"

namespace simt {

enum class Fault {
    None = 0,
    IllegalAddress = 700,
    MisalignedAddress = 716,
    LaunchFailed = 719,
};

// A place in the library's machine code, as an offset from where it is loaded; 0 means none.
using Code = std::uint32_t;
Code code_of(const void* return_address);

// Stops the running kernel at once. The text is a printf format.
[[noreturn]] void fail(Fault fault, Place place, const char* format, ...) __attribute__((format(printf, 3, 4)));
// The same for faults that know only the machine code: "{1}" and "{2}" in the text become the source lines of the two places.
[[noreturn]] void fail_at(Fault fault, Code first, Code second, const char* format, ...) __attribute__((format(printf, 4, 5)));

// "thread (3,0,0)" for an index into the running block.
std::string name_thread(unsigned index);

// "conv3x3.cu:120" for a place in the machine code. Asks addr2line, so slow.
std::string source_line(Code code);

}  // namespace simt
