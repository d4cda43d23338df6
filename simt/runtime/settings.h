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
    std::uint64_t memory = std::uint64_t(8) << 30;  // SIMT_MEMORY=BYTES: what the device has
    std::uint64_t devices = 1;                // SIMT_DEVICES=0: a driver without a device
    std::uint64_t capability = 0;             // SIMT_CAPABILITY=70: what the device says it is; 0: what it is
    std::uint64_t processors = 0;             // SIMT_PROCESSORS=12: multiprocessors of the device; 0: as many as its kind has
    std::uint64_t node = NO_NODE;             // SIMT_NODE=10: what every node of a graph says it is

    static constexpr std::uint64_t NO_NODE = ~std::uint64_t(0);
};

extern Settings settings;

// SIMT_DRIVER_VERSION=12040: an older driver. Asked for before initialisation.
int driver_version();

// False, with a line on stderr, for a value that means nothing.
bool read_settings();

}  // namespace simt
