// The card that is emulated.
#pragma once

#include <cstddef>

namespace simt {

struct Profile {
    int major, minor;
    int multiprocessors;
    std::size_t shared_per_block;           // with opt-in
    std::size_t shared_per_multiprocessor;
    int threads_per_multiprocessor;
    int blocks_per_multiprocessor;
    int l2_bytes;
};

// What any card gives a block without opt-in, and the most that static arrays may have.
constexpr std::size_t SHARED_WITHOUT_OPT_IN = 48 * 1024;

extern const Profile profile;

}  // namespace simt
