// Operations of the lanes of one warp on registers. The last lane to arrive does the work for all.
#include "block.h"

namespace simt {

void warp_barrier(unsigned mask, Place place) {
    block->meet(mask, "__syncwarp", place, nullptr, [](Meeting& meeting) {
        Warp& warp = block->warp();
        // Part of a warp orders its own lanes only; the checker's clock has no word for that, and treats it as no order.
        if ((meeting.mask & warp.live) == warp.live) warp.epoch++;
    });
}

namespace {

struct Shuffle {
    std::uint64_t bits, result;
    int source;
    Place place;
};

struct Ballot {
    bool predicate;
    unsigned result;
};

}  // namespace

std::uint64_t shuffle(unsigned mask, std::uint64_t bits, int source, Place place) {
    Shuffle mine = {bits, 0, source, place};
    block->meet(mask, "a shuffle", place, &mine, [](Meeting& meeting) {
        for (unsigned lane = 0; lane < LANES; lane++) {
            if ((meeting.arrived >> lane & 1) == 0) continue;
            auto& taker = *static_cast<Shuffle*>(meeting.given[lane]);
            if ((meeting.arrived >> taker.source & 1) == 0) {
                fail(Fault::LaunchFailed, taker.place, "shuffle: lane %u reads lane %d, which takes no part", lane, taker.source);
            }
            taker.result = static_cast<Shuffle*>(meeting.given[taker.source])->bits;
        }
    });
    return mine.result;
}

unsigned ballot(unsigned mask, bool predicate, Place place) {
    Ballot mine = {predicate, 0};
    block->meet(mask, "a vote", place, &mine, [](Meeting& meeting) {
        unsigned votes = 0;
        for (unsigned lane = 0; lane < LANES; lane++) {
            if (meeting.arrived >> lane & 1) votes |= unsigned(static_cast<Ballot*>(meeting.given[lane])->predicate) << lane;
        }
        for (unsigned lane = 0; lane < LANES; lane++) {
            if (meeting.arrived >> lane & 1) static_cast<Ballot*>(meeting.given[lane])->result = votes;
        }
    });
    return mine.result;
}

}  // namespace simt
