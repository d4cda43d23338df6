// The checker's questions and answers, for the parts of the runtime that touch memory on a kernel's behalf. In the plain build all of
// them are empty.
#pragma once

#include "fault.h"

namespace simt {

#ifdef SIMT_CHECKING
constexpr bool CHECKING = true;
bool start_checker();
void check_launch();
void check_read(std::uintptr_t address, std::size_t bytes, Code code);
// A cp.async target is nobody's to touch from its issue until its thread has waited.
void check_copy_issued(std::uintptr_t address, std::size_t bytes, Code code);
void check_copy_landed(std::uintptr_t address, std::size_t bytes, Code code);
#else
constexpr bool CHECKING = false;
inline bool start_checker() { return true; }
inline void check_launch() {}
inline void check_read(std::uintptr_t, std::size_t, Code) {}
inline void check_copy_issued(std::uintptr_t, std::size_t, Code) {}
inline void check_copy_landed(std::uintptr_t, std::size_t, Code) {}
#endif

}  // namespace simt
