// Tensor cores: d += a b on fragments spread over a warp, and the matrix loads that fill fragments from shared memory. Which lane holds
// which element is written in simt.cuh and, for all shapes, in the PTX ISA.
#include <cmath>
#include <cstring>

#include "block.h"
#include "checker.h"
#include "region.h"
#include "settings.h"

namespace simt {

namespace {

constexpr unsigned ALL = ~0u;

void need_all_lanes(unsigned lanes, const char* what, Place place) {
    if (lanes != ALL) fail(Fault::LaunchFailed, place, "%s needs all 32 lanes; taking part are %08x", what, lanes);
}

float from_bits(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// The exponent and the fraction moved to a float's places are the number times 2^-112, subnormal or not.
float from_f16(unsigned bits) {
    const bool finite = (bits & 0x7c00u) != 0x7c00u;
    const float size = finite ? from_bits((bits & 0x7fffu) << 13) * 0x1p112f : from_bits(0x7f800000u | (bits & 1023u) << 13);
    return bits & 0x8000u ? -size : size;
}

double from_half(Product product, unsigned bits) { return product == Product::Bf16 ? from_bits(bits << 16) : from_f16(bits); }

// Toward zero, as the sums of some tensor cores are cut.
float cut(double value) {
    const float rounded = static_cast<float>(value);
    return std::fabs(rounded) > std::fabs(value) ? std::nextafterf(rounded, 0.0f) : rounded;
}

struct Operands {
    Product product;
    float* d;
    const unsigned *a, *b;
};

// Rows and columns are those of the fragment: a is 16 x depth, b is depth x 8.
template <int depth>
void multiply_all(Meeting& meeting) {
    need_all_lanes(meeting.arrived, meeting.what, meeting.place);
    double a[16][depth], b[depth][8];
    for (unsigned lane = 0; lane < LANES; lane++) {
        const auto& mine = *static_cast<Operands*>(meeting.given[lane]);
        const unsigned g = lane / 4, t = lane % 4;
        if (mine.product == Product::Tf32) {
            for (unsigned i = 0; i < 4; i++) a[g + i % 2 * 8][t + i / 2 * 4] = from_bits(mine.a[i] & ~0x1fffu);
            for (unsigned i = 0; i < 2; i++) b[t + i * 4][g] = from_bits(mine.b[i] & ~0x1fffu);
        } else {
            for (unsigned i = 0; i < depth / 4; i++) {
                double* pair = &a[g + i % 2 * 8][2 * t + i / 2 * 8];
                pair[0] = from_half(mine.product, mine.a[i] & 0xffff);
                pair[1] = from_half(mine.product, mine.a[i] >> 16);
            }
            for (unsigned i = 0; i < depth / 8; i++) {
                b[2 * t + i * 8][g] = from_half(mine.product, mine.b[i] & 0xffff);
                b[2 * t + i * 8 + 1][g] = from_half(mine.product, mine.b[i] >> 16);
            }
        }
    }
    double d[16][8];
    const auto element = [&](unsigned lane, unsigned i) -> double& { return d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2]; };
    for (unsigned lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < 4; i++) element(lane, i) = static_cast<Operands*>(meeting.given[lane])->d[i];
    }
    if (settings.truncate) {
        for (auto& row : d) {
            const double* factors = a[&row - d];
            for (int k = 0; k < depth; k++) {
                for (int j = 0; j < 8; j++) row[j] = cut(row[j] + factors[k] * b[k][j]);
            }
        }
    } else {
        for (auto& row : d) {
            const double* factors = a[&row - d];
            for (int k = 0; k < depth; k++) {
                for (int j = 0; j < 8; j++) row[j] += factors[k] * b[k][j];
            }
        }
    }
    for (unsigned lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < 4; i++) static_cast<Operands*>(meeting.given[lane])->d[i] = static_cast<float>(element(lane, i));
    }
}

struct Row {
    unsigned* r;
    const void* row;
    Code code;
};

// Row r of a matrix goes to lanes 4 r to 4 r + 3. Two of them stand for the four: whoever wrote the row, or writes it later, is another
// thread than one of them at least.
void check_rows(const Meeting& meeting) {
    Self* const last = self;
    for (unsigned giver = 0; giver < LANES; giver++) {
        for (unsigned taker = giver % 8 * 4; taker < giver % 8 * 4 + 2; taker++) {
            const Row& row = *static_cast<Row*>(meeting.given[giver]);
            self = &block->lane_of_warp(taker);
            check_read(reinterpret_cast<std::uintptr_t>(row.row), 16, row.code);
        }
    }
    self = last;
}

}  // namespace

void multiply(Product product, float* d, const unsigned* a, const unsigned* b, Place place) {
    need_all_lanes(block->warp().live, "mma", place);
    Operands mine = {product, d, a, b};
    if (product == Product::Bf16) {
        block->meet(ALL, "mma bf16", place, &mine, &multiply_all<16>);
    } else {
        block->meet(ALL, product == Product::Tf32 ? "mma tf32" : "mma f16", place, &mine, &multiply_all<8>);
    }
}

void load_matrices(unsigned* r, const void* shared_row, Place place) {
    need_all_lanes(block->warp().live, "ldmatrix", place);
    const auto address = reinterpret_cast<std::uintptr_t>(shared_row);
    if (!Region::is_shared(address)) fail(Fault::IllegalAddress, place, "ldmatrix from %p, which is not shared memory", shared_row);
    if (address % 16 != 0) fail(Fault::MisalignedAddress, place, "ldmatrix from %p: rows start at multiples of 16 bytes", shared_row);
    Row mine = {r, shared_row, code_of(__builtin_return_address(0))};
    block->meet(ALL, "ldmatrix", place, &mine, [](Meeting& meeting) {
        need_all_lanes(meeting.arrived, meeting.what, meeting.place);
        if (CHECKING) check_rows(meeting);
        for (unsigned lane = 0; lane < LANES; lane++) {
            for (unsigned matrix = 0; matrix < 4; matrix++) {
                const auto* row = static_cast<const unsigned*>(static_cast<Row*>(meeting.given[matrix * 8 + lane / 4])->row);
                static_cast<Row*>(meeting.given[lane])->r[matrix] = row[lane % 4];
            }
        }
    });
}

}  // namespace simt
