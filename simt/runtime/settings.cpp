#include "settings.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "region.h"

namespace simt {

Settings settings;

namespace {

bool number(const char* text, std::uint64_t& value) {
    char* end = nullptr;
    value = std::strtoull(text, &end, 10);
    return end != text && *end == 0;
}

// The value of `name` is `yes` or `no`; unset leaves `flag` alone.
bool choice(const char* name, const char* yes, const char* no, bool& flag) {
    const char* text = std::getenv(name);
    if (text == nullptr) return true;
    flag = std::strcmp(text, yes) == 0;
    if (flag || std::strcmp(text, no) == 0) return true;
    std::fprintf(stderr, "simt: %s=%s: %s or %s expected\n", name, text, no, yes);
    return false;
}

// The value of `name` is a number up to `most`; unset leaves `value` alone.
bool amount(const char* name, std::uint64_t most, std::uint64_t& value) {
    const char* text = std::getenv(name);
    if (text == nullptr || (number(text, value) && value <= most)) return true;
    std::fprintf(stderr, "simt: %s=%s: a number up to %llu expected\n", name, text, static_cast<unsigned long long>(most));
    return false;
}

}  // namespace

bool read_settings() {
    settings = Settings();
    if (const char* text = std::getenv("SIMT_SCHEDULE")) {
        if (std::strcmp(text, "descending") == 0) {
            settings.schedule = Schedule::Descending;
        } else if (number(text, settings.seed)) {
            settings.schedule = Schedule::Random;
        } else if (std::strcmp(text, "ascending") != 0) {
            std::fprintf(stderr, "simt: SIMT_SCHEDULE=%s: ascending, descending or a seed expected\n", text);
            return false;
        }
    }
    return amount("SIMT_MEMORY", Region::DEVICE_BYTES / 2, settings.memory) && amount("SIMT_DEVICES", 1, settings.devices) &&
           amount("SIMT_CAPABILITY", 999, settings.capability) && amount("SIMT_PROCESSORS", 999, settings.processors) &&
           amount("SIMT_NODE", 99, settings.node) &&
           choice("SIMT_CP_ASYNC", "early", "late", settings.early_copies) && choice("SIMT_MMA", "truncate", "once", settings.truncate);
}

int driver_version() {
    std::uint64_t version = 13000;
    amount("SIMT_DRIVER_VERSION", 99999, version);
    return static_cast<int>(version);
}

}  // namespace simt
