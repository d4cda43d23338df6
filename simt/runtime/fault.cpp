#include "fault.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>

#include "block.h"

// Where this library begins in memory: the linker knows.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));

namespace simt {

namespace {

std::string text_of(const char* format, va_list arguments) {
    char text[512];
    std::vsnprintf(text, sizeof text, format, arguments);
    return text;
}

std::string name_place(Place place) { return std::string(place.file) + ":" + std::to_string(place.line); }

}  // namespace

Code code_of(const void* return_address) {
    // One byte back: inside the call, not after it.
    return static_cast<Code>(static_cast<const char*>(return_address) - __ehdr_start - 1);
}

std::string name_thread(unsigned index) {
    const dim3& size = block->launch->block;
    char text[64];
    std::snprintf(text, sizeof text, "thread (%u,%u,%u)", index % size.x, index / size.x % size.y, index / (size.x * size.y));
    return text;
}

std::string source_line(Code code) {
    if (code == 0) return "an unknown line";
    Dl_info library;
    if (dladdr(__ehdr_start, &library) == 0) return "an unknown line";
    char command[4096];
    std::snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%x 2>/dev/null", library.dli_fname, code);
    FILE* lines = popen(command, "r");
    if (lines == nullptr) return "an unknown line";
    // The innermost inlined call comes first; what is inlined from the emulator's own header is not the kernel's line.
    std::string found = "an unknown line";
    char line[1024];
    while (std::fgets(line, sizeof line, lines) != nullptr) {
        line[std::strcspn(line, " \n")] = 0;
        if (line[0] == '?' || std::strstr(line, "simt_host.h") != nullptr) continue;
        found = line;
        break;
    }
    pclose(lines);
    while (found.compare(0, 2, "./") == 0) found.erase(0, 2);
    return found;
}

void fail(Fault fault, Place place, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const std::string text = text_of(format, arguments);
    va_end(arguments);
    block->stop(fault, text + ", at " + name_place(place), 0, 0);
}

void fail_at(Fault fault, Code first, Code second, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const std::string text = text_of(format, arguments);
    va_end(arguments);
    block->stop(fault, text, first, second);
}

}  // namespace simt
