// Eigenpairs of symmetric tridiagonal matrices by divide and conquer (Cuppen), a block a matrix; src/ops/eigh/own.rs has the whole way.
//
// Cut at a link b between two halves, T = diag(T1, T2) + |b| u u', with u 1 and +-1 beside the cut, if |b| is taken from both diagonal
// elements there. Every link is cut at once, down to single numbers; then halves of 1, 2, 4 ... rows are joined. With
// T1 = Q1 D1 Q1' and T2 = Q2 D2 Q2' a joint is
//
//   T = Q (D + rho z z') Q',   z = Q' u / sqrt 2,   rho = 2 |b|,   Q = diag(Q1, Q2),   D = diag(D1, D2)
//
// 1. Deflation: where rho |z_i| is nothing, (d_i, q_i) stays an eigenpair; where two d are all but equal, a rotation of their two
//    columns makes one z 0, and the pair stays too. What stays joined has d apart and z not small.
// 2. Its eigenvalues are the roots, one between each two neighbouring d, of the secular equation 1/rho + sum_i z_i^2 / (d_i - x) = 0.
//    A root is kept as its distance mu from the nearer d: then d_i - x = (d_i - d_nearer) - mu has a small relative error for every i.
// 3. Gu's and Eisenstat's z^, of which the computed roots are the exact eigenvalues (Loewner's formula), gives eigenvectors
//    z^_i / (d_i - x) that are orthogonal to rounding however near the roots are. So no cluster needs special care.
// 4. Q times these: a half's rows need only the columns that are not 0 there.
//
// Columns change places between `vectors` and `scratch` with each joint, and end in `vectors`, column by column, values ascending.
//
// Launch: a block a matrix, CONQUER_THREADS threads; n is at most MOST, and so is a thread's number.
#include "eigen.cuh"

constexpr unsigned CONQUER_THREADS = 256;
constexpr unsigned WARPS = CONQUER_THREADS / 32;
constexpr unsigned GROUP = 8;   // columns of a warp's product
constexpr unsigned STRIPE = 4;  // rows of a lane's
constexpr unsigned SEARCH = 200;

// Where a column is not 0: in the upper half's rows, in both, in the lower half's.
constexpr unsigned char UPPER = 0;
constexpr unsigned char BOTH = 1;
constexpr unsigned char LOWER = 2;

// Of one joint: its rows are first .. last, cut before `cut`; `joined` columns are left after deflation, `upper` of them UPPER and
// `upper` + `both` not LOWER; `turned` rotations.
struct Joint {
    unsigned first, cut, last, joined, upper, both, turned;
};

// The secular equation's two sums at d[nearer] + mu, over the poles up to `index` and over those behind, with their slopes.
template <class R>
struct Secular {
    R below, above, below_slope, above_slope;

    __device__ __forceinline__ Secular(const R* d, const R* z, unsigned count, unsigned index, R nearer, R mu)
        : below(0), above(0), below_slope(0), above_slope(0) {
        for (unsigned i = 0; i < count; ++i) {
            const R ratio = z[i] / ((d[i] - nearer) - mu);
            if (i <= index) {
                below = multiply_add(z[i], ratio, below);
                below_slope = multiply_add(ratio, ratio, below_slope);
            } else {
                above = multiply_add(z[i], ratio, above);
                above_slope = multiply_add(ratio, ratio, above_slope);
            }
        }
    }
};

// The root behind pole `index` of `count`: answers whether it was found, as its nearer pole and its distance from there.
//
// Each step replaces both sums by a constant and one pole next to the root, of the same value and slope (Bunch, Nielsen, Sorensen), and
// solves for that; a step that leaves what is known to hold the root, or every second one of a long search, is a bisection.
template <class R>
__device__ __forceinline__ bool secular_root(const R* d, const R* z, unsigned count, unsigned index, R rho, unsigned& nearer, R& mu) {
    const bool last = index + 1 == count;
    R width;
    if (last) {
        R square = R(0);
        for (unsigned i = 0; i < count; ++i) {
            square = multiply_add(z[i], z[i], square);
        }
        width = rho * square;
    } else {
        width = d[index + 1] - d[index];
    }
    const R inverse = R(1) / rho;
    nearer = index;
    mu = R(0.5) * width;
    R low = R(0), high = width;
    Secular<R> sums(d, z, count, index, d[nearer], mu);
    R value = inverse + sums.below + sums.above;
    if (value < R(0) && !last) {
        nearer = index + 1;
        mu = -mu;
        low = mu;
        high = R(0);
    }
    for (unsigned step = 0; step < SEARCH; ++step) {
        const R slope = sums.below_slope + sums.above_slope;
        const R size = inverse + size_of(sums.below) + size_of(sums.above);
        if (size_of(value) <= Limits<R>::EPSILON * (R(2) * size + size_of(mu) * slope)) {
            return true;
        }
        (value < R(0) ? low : high) = mu;
        const R here = (d[index] - d[nearer]) - mu;
        R change;
        if (last) {
            change = here * value / (value - here * sums.below_slope);
        } else {
            const R there = (d[index + 1] - d[nearer]) - mu;
            const R a = (here + there) * value - here * there * slope;
            const R b = here * there * value;
            const R c = value - here * sums.below_slope - there * sums.above_slope;
            const R under = max(a * a - R(4) * b * c, R(0));
            change = a <= R(0) ? (a - root(under)) / (R(2) * c) : R(2) * b / (a + root(under));
        }
        R moved = mu + change;
        if (!(moved > low && moved < high) || (step > 8 && step % 2 == 0)) {
            moved = low + R(0.5) * (high - low);
        }
        // No number lies between: the root is found as well as this precision has it.
        if (moved == low || moved == high) {
            return mu != R(0);
        }
        mu = moved;
        sums = Secular<R>(d, z, count, index, d[nearer], mu);
        value = inverse + sums.below + sums.above;
    }
    return false;
}

template <class R>
__device__ __forceinline__ void conquer(
    R* vectors, R* scratch, double* energies, int* outcomes, const R* diagonal, const R* beside, const int* exponents, unsigned n) {
    SIMT_SHARED(R, values, [MOST]);     // eigenvalues of the halves, ascending in each
    SIMT_SHARED(R, links, [MOST]);      // the elements beside the diagonal
    SIMT_SHARED(R, weights, [MOST]);    // z, by columns; in the end the new values, unsorted
    SIMT_SHARED(R, poles, [MOST]);      // d of the columns that are joined, ascending
    SIMT_SHARED(R, forces, [MOST]);     // their z; then z^
    SIMT_SHARED(R, distances, [MOST]);  // the roots' mu
    SIMT_SHARED(R, norms, [MOST]);      // 1 / their vectors' lengths; the rotations' cosines before
    SIMT_SHARED(R, sines, [MOST]);
    SIMT_SHARED(u16, places, [MOST]);   // the columns in the order of their values; in the end the places of the new columns
    SIMT_SHARED(u16, stays, [MOST]);    // columns that are not joined, from the joint's end on
    SIMT_SHARED(u16, columns, [MOST]);  // of the poles
    SIMT_SHARED(u16, nearest, [MOST]);  // the roots' poles
    SIMT_SHARED(u16, grouped, [MOST]);  // poles, those of UPPER columns first, of LOWER columns last
    SIMT_SHARED(u16, pairs, [MOST][2]);
    SIMT_SHARED(u8, kinds, [MOST]);
    SIMT_SHARED(u8, lost, [WARPS]);
    SIMT_SHARED(Joint, joints, [MOST / 2]);
    SIMT_SHARED(float4, factors, [WARPS][32 * GROUP * sizeof(R) / 16]);

    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, self = threadIdx.x;
    R* from = vectors + (u64)blockIdx.x * n * n;
    R* to = scratch + (u64)blockIdx.x * n * n;
    diagonal += (u64)blockIdx.x * n;
    beside += (u64)blockIdx.x * n;
    // The number of joints' sizes: an odd one ends where it did not begin.
    for (unsigned size = 1; size < n; size *= 2) {
        R* other = from;
        from = to;
        to = other;
    }

    if (self < n) {
        R value = diagonal[self];
        if (self > 0) {
            value -= size_of(beside[self - 1]);
        }
        if (self + 1 < n) {
            value -= size_of(beside[self]);
            links[self] = beside[self];
        }
        values[self] = value;
        from[(u64)self * n + self] = R(1);
    }
    __syncthreads();

    bool found = true;
    for (unsigned size = 1; size < n; size *= 2) {
        // This thread's row and column are of this joint.
        const unsigned first = self / (2 * size) * 2 * size, cut = min(first + size, n), last = min(first + 2 * size, n);
        Joint& joint = joints[first / (2 * size)];
        const bool alone = cut == last;
        const R rho = self < n && !alone ? R(2) * size_of(links[cut - 1]) : R(0);

        // A column of one half is 0 in the other's rows.
        for (unsigned column = warp; column < n; column += WARPS) {
            const unsigned begin = column / (2 * size) * 2 * size, middle = min(begin + size, n), end = min(begin + 2 * size, n);
            const unsigned low = column < middle ? middle : begin, high = column < middle ? end : middle;
            for (unsigned row = low + lane; row < high; row += 32) {
                from[(u64)column * n + row] = R(0);
            }
        }
        if (self < n) {
            const bool upper = self < cut;
            R z = R(0);
            unsigned place = self;
            if (!alone) {
                z = from[(u64)self * n + (upper ? cut - 1 : cut)] * R(0.70710678118654752440);
                if (!upper && links[cut - 1] < R(0)) {
                    z = -z;
                }
                // Behind those of the other half that are smaller; equal ones of the upper half come first.
                const R value = values[self];
                place = upper ? self : self - cut + first;
                for (unsigned other = upper ? cut : first; other < (upper ? last : cut); ++other) {
                    place += upper ? values[other] < value : values[other] <= value;
                }
            }
            weights[self] = z;
            kinds[self] = upper ? UPPER : LOWER;
            places[place] = (u16)self;
        }
        __syncthreads();

        // Deflation, in the order of the values; one thread a joint.
        if (self == first && self < n) {
            Joint mine = {first, cut, last, 0, 0, 0, 0};
            const R largest = max(max(size_of(values[places[first]]), size_of(values[places[last - 1]])), R(0.5));
            const R nothing = R(4) * Limits<R>::EPSILON * largest;
            unsigned end = last, held = MOST;
            const auto join = [&](unsigned column) {
                const unsigned at = first + mine.joined++;
                columns[at] = (u16)column;
                poles[at] = values[column];
                forces[at] = weights[column];
                mine.upper += kinds[column] == UPPER;
                mine.both += kinds[column] == BOTH;
            };
            for (unsigned at = first; at < last; ++at) {
                const unsigned column = places[at];
                const R z = weights[column];
                if (rho * size_of(z) <= nothing) {
                    stays[--end] = (u16)column;
                    continue;
                }
                if (held < MOST) {
                    // A rotation by the angle whose sine and cosine are as the two z leaves the product of both and the values' distance.
                    const R other = weights[held], apart = values[column] - values[held];
                    const R square = multiply_add(z, z, other * other);
                    if (size_of(apart * z * other) <= nothing * square) {
                        const R length = root(square), c = z / length, s = -other / length;
                        const unsigned turn = first + mine.turned++;
                        pairs[turn][0] = (u16)held;
                        pairs[turn][1] = (u16)column;
                        norms[turn] = c;
                        sines[turn] = s;
                        if (kinds[held] != kinds[column]) {
                            kinds[column] = BOTH;
                        }
                        const R a = values[held], b = values[column];
                        values[held] = a * c * c + b * s * s;
                        values[column] = a * s * s + b * c * c;
                        weights[column] = length;
                        stays[--end] = (u16)held;
                    } else {
                        join(held);
                    }
                }
                held = column;
            }
            if (held < MOST) {
                join(held);
            }
            joint = mine;
        }
        __syncthreads();

        const unsigned joined = self < n ? joint.joined : 0, mine = self - first;
        const R* d = poles + first;
        if (self < n) {
            for (unsigned turn = first; turn < first + joint.turned; ++turn) {
                R& x = from[(u64)pairs[turn][0] * n + self];
                R& y = from[(u64)pairs[turn][1] * n + self];
                const R c = norms[turn], s = sines[turn], old = x;
                x = multiply_add(c, old, s * y);
                y = multiply_add(c, y, -s * old);
            }
        }
        if (mine < joined) {
            unsigned nearer;
            R mu;
            found = secular_root(d, forces + first, joined, mine, rho, nearer, mu) && found;
            nearest[self] = (u16)nearer;
            distances[self] = mu;
            unsigned place = 0;
            const u8 kind = kinds[columns[self]];
            for (unsigned other = 0; other < joined; ++other) {
                const u8 its = kinds[columns[first + other]];
                place += its < kind || (its == kind && other < mine);
            }
            grouped[first + place] = (u16)mine;
        }
        __syncthreads();

        // d_i - x_j for this thread's i or j.
        const auto apart = [&](unsigned i, unsigned j) { return (d[i] - d[nearest[first + j]]) - distances[first + j]; };
        R force = R(0);
        if (mine < joined) {
            R square = R(1);
            for (unsigned j = 0; j < joined; ++j) {
                square *= j == mine ? apart(mine, j) : apart(mine, j) / (d[mine] - d[j]);
            }
            force = root(size_of(square));
            force = forces[self] < R(0) ? -force : force;
        }
        __syncthreads();
        if (mine < joined) {
            forces[self] = force;
        }
        __syncthreads();
        R joint_value = R(0);
        if (self < n) {
            if (mine < joined) {
                R square = R(0);
                for (unsigned i = 0; i < joined; ++i) {
                    const R part = forces[first + i] / apart(i, mine);
                    square = multiply_add(part, part, square);
                }
                norms[self] = R(1) / root(square);
                joint_value = d[nearest[self]] + distances[self];
            } else {
                joint_value = values[stays[self]];
            }
        }
        __syncthreads();
        if (self < n) {
            weights[self] = joint_value;
        }
        __syncthreads();
        if (self < n) {
            unsigned place = first;
            for (unsigned other = first; other < last; ++other) {
                place += weights[other] < joint_value || (weights[other] == joint_value && other < self);
            }
            places[self] = (u16)place;
            values[place] = joint_value;
        }
        __syncthreads();

        // The columns of a joint in groups, each half's rows by a warp.
        const unsigned groups = (2 * size + GROUP - 1) / GROUP, all = (n + 2 * size - 1) / (2 * size) * 2 * groups;
        R* const factor = (R*)factors[warp];
        for (unsigned job = warp; job < all; job += WARPS) {
            const Joint& its = joints[job / (2 * groups)];
            const unsigned root0 = job % groups * GROUP;
            const bool upper = job / groups % 2 == 0;
            const unsigned top = upper ? its.first : its.cut, bottom = upper ? its.cut : its.last, row = top + lane;
            if (root0 >= its.joined || top >= bottom) {
                continue;
            }
            R sum[GROUP][STRIPE];
#pragma unroll
            for (unsigned c = 0; c < GROUP; ++c) {
#pragma unroll
                for (unsigned r = 0; r < STRIPE; ++r) {
                    sum[c][r] = R(0);
                }
            }
            const unsigned begin = upper ? 0 : its.upper, end = upper ? its.upper + its.both : its.joined;
            for (unsigned i0 = begin; i0 < end; i0 += 32) {
                unsigned source = 0;
                __syncwarp();
                if (i0 + lane < end) {
                    const unsigned i = grouped[its.first + i0 + lane];
                    source = columns[its.first + i];
#pragma unroll
                    for (unsigned c = 0; c < GROUP; ++c) {
                        const unsigned j = its.first + root0 + c;
                        R part = R(0);
                        if (root0 + c < its.joined) {
                            part = forces[its.first + i] * norms[j]
                                / ((poles[its.first + i] - poles[its.first + nearest[j]]) - distances[j]);
                        }
                        factor[lane * GROUP + c] = part;
                    }
                }
                __syncwarp();
                const unsigned count = min(end - i0, 32u);
                for (unsigned i = 0; i < count; ++i) {
                    const R* column = from + (u64)__shfl_sync(0xffffffffu, source, (int)i) * n + row;
                    R part[GROUP];
#pragma unroll
                    for (unsigned c = 0; c < GROUP; ++c) {
                        part[c] = factor[i * GROUP + c];
                    }
#pragma unroll
                    for (unsigned r = 0; r < STRIPE; ++r) {
                        if (row + 32 * r < bottom) {
                            const R q = column[32 * r];
#pragma unroll
                            for (unsigned c = 0; c < GROUP; ++c) {
                                sum[c][r] = multiply_add(q, part[c], sum[c][r]);
                            }
                        }
                    }
                }
            }
#pragma unroll
            for (unsigned c = 0; c < GROUP; ++c) {
                if (root0 + c < its.joined) {
                    R* column = to + (u64)places[its.first + root0 + c] * n + row;
#pragma unroll
                    for (unsigned r = 0; r < STRIPE; ++r) {
                        if (row + 32 * r < bottom) {
                            column[32 * r] = sum[c][r];
                        }
                    }
                }
            }
        }
        // What stays is copied.
        for (unsigned at = warp; at < n; at += WARPS) {
            const Joint& its = joints[at / (2 * size)];
            if (at >= its.first + its.joined) {
                const R* column = from + (u64)stays[at] * n;
                R* copy = to + (u64)places[at] * n;
                for (unsigned row = its.first + lane; row < its.last; row += 32) {
                    copy[row] = column[row];
                }
            }
        }
        __syncthreads();
        R* other = from;
        from = to;
        to = other;
    }
    if (self < n) {
        energies[(u64)blockIdx.x * n + self] = ldexp((double)values[self], exponents[blockIdx.x]);
    }
    const bool some = __any_sync(0xffffffffu, !found);
    if (lane == 0) {
        lost[warp] = some;
    }
    __syncthreads();
    if (self == 0) {
        for (unsigned other = 0; other < WARPS; ++other) {
            if (lost[other]) {
                outcomes[blockIdx.x] = NOT_CONVERGED;
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(CONQUER_THREADS, 2) eigh_tridiagonal_f32(
    float* vectors, float* scratch, double* energies, int* outcomes, const float* diagonal, const float* beside, const int* exponents,
    unsigned n) {
    conquer<float>(vectors, scratch, energies, outcomes, diagonal, beside, exponents, n);
}
SIMT_EXPORT(eigh_tridiagonal_f32)

extern "C" __global__ void __launch_bounds__(CONQUER_THREADS, 1) eigh_tridiagonal_f64(
    double* vectors, double* scratch, double* energies, int* outcomes, const double* diagonal, const double* beside, const int* exponents,
    unsigned n) {
    conquer<double>(vectors, scratch, energies, outcomes, diagonal, beside, exponents, n);
}
SIMT_EXPORT(eigh_tridiagonal_f64)
