// What the environment chooses when the driver is initialised.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simt {

enum class Schedule { Ascending, Descending, Random };

struct Settings {
    Schedule schedule = Schedule::Ascending;  // SIMT_SCHEDULE=ascending|descending|SEED: which ready thread runs next
    std::uint64_t seed = 0;
    bool early_copies = false;                // SIMT_CP_ASYNC=late|early: cp.async lands at the wait, or at once
    bool truncate = false;                    // SIMT_MMA=once|truncate: a product's sum is rounded once, or cut after every term
    std::size_t memory = std::size_t(8) << 30;  // SIMT_MEMORY=BYTES: what the device has
};

extern Settings settings;

// False, with a line on stderr, for a value that means nothing.
bool read_settings();

}  // namespace simt
