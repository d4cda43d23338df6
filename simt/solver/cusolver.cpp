// A stand-in for the cuSOLVER calls that the device makes: batched eigenvalues and eigenvectors of real symmetric matrices, by the cyclic
// Jacobi method, one matrix after another. Names, numbers and rules: https://docs.nvidia.com/cuda/cusolver.
//
// "Device" memory is the emulated driver's and can be read here. Work that is queued on the handle's stream is waited for first.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <numeric>
#include <vector>

#define SOLVER_API extern "C" __attribute__((visibility("default")))

namespace {

enum Status { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 3, INTERNAL_ERROR = 7, NOT_SUPPORTED = 9 };
enum DataType { REAL_32 = 0, REAL_64 = 1 };

struct Handle { void* stream; };
struct Parameters {};
struct JacobiInfo {
    double tolerance = 0;
    int most_sweeps = 100;
    bool sort = true;
};

Status wait_for(const Handle& handle) {
    static void* driver = dlopen("libcuda.so", RTLD_NOW | RTLD_NOLOAD);
    if (driver == nullptr) return NOT_INITIALIZED;
    // As the real one was seen to do: where another thread records work, the record is spoiled.
    const auto synchronize_all = reinterpret_cast<int (*)()>(dlsym(driver, "cuCtxSynchronize"));
    if (synchronize_all != nullptr) synchronize_all();
    const auto synchronize = reinterpret_cast<int (*)(void*)>(dlsym(driver, "cuStreamSynchronize"));
    return synchronize != nullptr && synchronize(handle.stream) == 0 ? SUCCESS : INTERNAL_ERROR;
}

// Rotations in the planes (p, q) make one element after the other zero: with t = tan(angle) the smaller root of
// t^2 + 2 t (a_qq - a_pp) / (2 a_pq) - 1 = 0. Sweeps over all planes converge quadratically. `a` is full and symmetric, row by row;
// the rows of `v` become its eigenvectors, the diagonal of `a` their values. False if that takes more than `sweeps`.
template <typename T>
bool jacobi(std::vector<T>& a, std::vector<T>& v, std::size_t n, int sweeps) {
    for (std::size_t i = 0; i < n; i++) {
        for (std::size_t j = 0; j < n; j++) v[i * n + j] = i == j;
    }
    T size = 0;
    for (const T x : a) size += x * x;
    const T negligible = std::sqrt(size) * std::numeric_limits<T>::epsilon() / static_cast<T>(n);
    for (int sweep = 0; sweep < sweeps; sweep++) {
        bool changed = false;
        for (std::size_t p = 0; p + 1 < n; p++) {
            for (std::size_t q = p + 1; q < n; q++) {
                const T apq = a[p * n + q];
                if (!(std::abs(apq) > negligible)) continue;
                changed = true;
                const T ratio = (a[q * n + q] - a[p * n + p]) / (2 * apq);
                const T t = (ratio < 0 ? -1 : 1) / (std::abs(ratio) + std::sqrt(1 + ratio * ratio));
                const T c = 1 / std::sqrt(1 + t * t), s = t * c;
                const T app = a[p * n + p] - t * apq, aqq = a[q * n + q] + t * apq;
                T *row_p = &a[p * n], *row_q = &a[q * n], *vector_p = &v[p * n], *vector_q = &v[q * n];
                for (std::size_t k = 0; k < n; k++) {
                    const T x = row_p[k], y = row_q[k], vx = vector_p[k], vy = vector_q[k];
                    row_p[k] = c * x - s * y;
                    row_q[k] = s * x + c * y;
                    vector_p[k] = c * vx - s * vy;
                    vector_q[k] = s * vx + c * vy;
                }
                a[p * n + p] = app;
                a[q * n + q] = aqq;
                a[p * n + q] = a[q * n + p] = 0;
                for (std::size_t k = 0; k < n; k++) {
                    a[k * n + p] = row_p[k];
                    a[k * n + q] = row_q[k];
                }
            }
        }
        if (!changed) return true;
    }
    return false;
}

// One matrix, column by column in `a`, of which one triangle counts; eigenvectors replace its columns, values ascend in `w`.
template <typename T>
int solve(T* a, std::size_t lda, T* w, std::size_t n, bool vectors, bool upper, const JacobiInfo& info) {
    std::vector<T> full(n * n), rows(n * n);
    for (std::size_t column = 0; column < n; column++) {
        for (std::size_t row = 0; row < n; row++) {
            const bool given = upper ? row <= column : row >= column;
            full[row * n + column] = given ? a[column * lda + row] : a[row * lda + column];
        }
    }
    const bool converged = jacobi(full, rows, n, info.most_sweeps);
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    if (info.sort) {
        std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return full[i * n + i] < full[j * n + j]; });
    }
    for (std::size_t i = 0; i < n; i++) {
        w[i] = full[order[i] * n + order[i]];
        if (vectors) std::copy_n(&rows[order[i] * n], n, a + i * lda);
    }
    return converged ? 0 : static_cast<int>(n) + 1;
}

template <typename T>
Status solve_batch(Handle* handle, int vectors, int upper, std::int64_t n, void* a, std::int64_t lda, void* w, int* info,
                   std::int64_t batch, const JacobiInfo& how) {
    if (handle == nullptr) return NOT_INITIALIZED;
    if (n < 0 || lda < n || batch < 0 || vectors < 0 || vectors > 1 || upper < 0 || upper > 1) return INVALID_VALUE;
    if (const Status status = wait_for(*handle)) return status;
    const auto size = static_cast<std::size_t>(n), step = static_cast<std::size_t>(lda);
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch); i++) {
        info[i] = solve(static_cast<T*>(a) + i * step * size, step, static_cast<T*>(w) + i * size, size, vectors == 1, upper == 1, how);
    }
    return SUCCESS;
}

// Something that grows with the problem, so that a workspace that was not asked for is seen to be too small.
std::size_t workspace(std::int64_t n, std::int64_t batch) { return static_cast<std::size_t>(n * batch + 32); }

// An unzeroed workspace spoils the answer, as it did in cuSOLVER 11.7.1; every call leaves its own dirty.
template <typename T>
void use(void* work, std::size_t bytes, T* a, bool spoil = false) {
    auto* const byte = static_cast<unsigned char*>(work);
    const bool dirty = std::any_of(byte, byte + bytes, [](unsigned char b) { return b != 0; });
    if (dirty || spoil) a[0] += 1;
    std::fill(byte, byte + bytes, 0xff);
}

template <typename T>
Status create(T** object) {
    *object = new T();
    return SUCCESS;
}

template <typename T>
Status destroy(T* object) {
    delete object;
    return SUCCESS;
}

template <typename T>
Status jacobi_batch(Handle* handle, int vectors, int upper, int n, T* a, int lda, T* w, T* work, int length, int* info,
                    JacobiInfo* how, int batch) {
    if (how == nullptr || work == nullptr || static_cast<std::size_t>(length) < workspace(n, batch)) return INVALID_VALUE;
    const Status status = solve_batch<T>(handle, vectors, upper, n, a, lda, w, info, batch, *how);
    if (status == SUCCESS) use(work, static_cast<std::size_t>(length) * sizeof(T), a);
    return status;
}

}  // namespace

SOLVER_API Status cusolverDnCreate(Handle** handle) { return create(handle); }
SOLVER_API Status cusolverDnDestroy(Handle* handle) { return destroy(handle); }
SOLVER_API Status cusolverDnSetStream(Handle* handle, void* stream) {
    if (handle == nullptr) return NOT_INITIALIZED;
    handle->stream = stream;
    return SUCCESS;
}
SOLVER_API Status cusolverDnCreateParams(Parameters** parameters) { return create(parameters); }
SOLVER_API Status cusolverDnDestroyParams(Parameters* parameters) { return destroy(parameters); }
SOLVER_API Status cusolverDnCreateSyevjInfo(JacobiInfo** info) { return create(info); }
SOLVER_API Status cusolverDnDestroySyevjInfo(JacobiInfo* info) { return destroy(info); }
SOLVER_API Status cusolverDnXsyevjSetTolerance(JacobiInfo* info, double tolerance) { return info->tolerance = tolerance, SUCCESS; }
SOLVER_API Status cusolverDnXsyevjSetMaxSweeps(JacobiInfo* info, int sweeps) { return info->most_sweeps = sweeps, SUCCESS; }
SOLVER_API Status cusolverDnXsyevjSetSortEig(JacobiInfo* info, int sort) { return info->sort = sort != 0, SUCCESS; }

SOLVER_API Status cusolverDnSsyevjBatched_bufferSize(Handle*, int, int, int n, const float*, int, const float*, int* length, JacobiInfo*,
                                                     int batch) {
    return *length = static_cast<int>(workspace(n, batch)), SUCCESS;
}
SOLVER_API Status cusolverDnDsyevjBatched_bufferSize(Handle*, int, int, int n, const double*, int, const double*, int* length, JacobiInfo*,
                                                     int batch) {
    return *length = static_cast<int>(workspace(n, batch)), SUCCESS;
}
SOLVER_API Status cusolverDnSsyevjBatched(Handle* handle, int vectors, int upper, int n, float* a, int lda, float* w, float* work,
                                          int length, int* info, JacobiInfo* how, int batch) {
    return jacobi_batch(handle, vectors, upper, n, a, lda, w, work, length, info, how, batch);
}
SOLVER_API Status cusolverDnDsyevjBatched(Handle* handle, int vectors, int upper, int n, double* a, int lda, double* w, double* work,
                                          int length, int* info, JacobiInfo* how, int batch) {
    return jacobi_batch(handle, vectors, upper, n, a, lda, w, work, length, info, how, batch);
}

SOLVER_API Status cusolverDnXsyevBatched_bufferSize(Handle*, Parameters*, int, int, std::int64_t n, int type_a, const void*, std::int64_t,
                                                    int type_w, const void*, int type, std::size_t* device_bytes, std::size_t* host_bytes,
                                                    std::int64_t batch) {
    if (type_a != type || type_w != type || (type != REAL_32 && type != REAL_64)) return NOT_SUPPORTED;
    *device_bytes = workspace(n, batch) * 8;
    *host_bytes = 0;
    return SUCCESS;
}

SOLVER_API Status cusolverDnXsyevBatched(Handle* handle, Parameters* parameters, int vectors, int upper, std::int64_t n, int type_a,
                                         void* a, std::int64_t lda, int type_w, void* w, int type, void* work, std::size_t device_bytes,
                                         void*, std::size_t, int* info, std::int64_t batch) {
    if (type_a != type || type_w != type || (type != REAL_32 && type != REAL_64)) return NOT_SUPPORTED;
    if (parameters == nullptr || work == nullptr || device_bytes < workspace(n, batch) * 8) return INVALID_VALUE;
    // SIMT_XSYEV=wrong: an answer without a word that only a check finds out; =stuck: a matrix that does not converge.
    const char* const setting = std::getenv("SIMT_XSYEV");
    const auto is = [&](const char* word) { return setting != nullptr && std::strcmp(setting, word) == 0; };
    const Status status = type == REAL_32 ? solve_batch<float>(handle, vectors, upper, n, a, lda, w, info, batch, JacobiInfo())
                                          : solve_batch<double>(handle, vectors, upper, n, a, lda, w, info, batch, JacobiInfo());
    if (status == SUCCESS && type == REAL_32) use(work, device_bytes, static_cast<float*>(a), is("wrong"));
    if (status == SUCCESS && type == REAL_64) use(work, device_bytes, static_cast<double*>(a), is("wrong"));
    if (status == SUCCESS && is("stuck")) info[batch / 2] = static_cast<int>(n);
    return status;
}
