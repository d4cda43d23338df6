// The one file that is compiled once a profile: SIMT_PROFILE is 75 (Turing), 89 (Ada) or 90 (Hopper).
#include "profile.h"

namespace simt {

#if SIMT_PROFILE == 75
const Profile profile = {7, 5, 40, 64 << 10, 64 << 10, 1024, 16, 4 << 20};
#elif SIMT_PROFILE == 89
const Profile profile = {8, 9, 128, 99 << 10, 100 << 10, 1536, 24, 72 << 20};
#elif SIMT_PROFILE == 90
const Profile profile = {9, 0, 132, 227 << 10, 228 << 10, 2048, 32, 50 << 20};
#else
#error "no such profile"
#endif

}  // namespace simt
