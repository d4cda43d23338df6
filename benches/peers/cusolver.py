"""cuSOLVER by itself: batches of the lattices' Hamiltonians through XsyevBatched and syevjBatched, in f64 and f32, warm medians.

`python cusolver.py [--size 16] [--batches 256,2048]` on a machine with CUDA 13's runtime and cuSOLVER; needs NumPy and nothing else.
Residual and orthogonality of the first and last matrix stand next to each time, in units of n eps: max|HV - VE| / (|H| n eps) and
max|V'V - 1| / (n eps). Workspaces are zeroed.
"""
import argparse, ctypes, statistics, time
from ctypes import byref, c_int, c_int64, c_size_t, c_void_p

import numpy as np

T0, ALPHA = 3.14e-2, 1.1454
VECTORS, LOWER = 1, 0
TYPES = {"f32": (np.float32, 0, "S"), "f64": (np.float64, 1, "D")}


def library(*names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    raise SystemExit(f"none of {', '.join(names)} can be loaded; CUDA 13's libraries belong on LD_LIBRARY_PATH")


def check(code, call):
    if code != 0:
        raise SystemExit(f"{call} answers {code}")


class Memory:
    def __init__(self, size):
        self.at, self.size = c_void_p(), max(size, 1)
        check(runtime.cudaMalloc(byref(self.at), c_size_t(self.size)), "cudaMalloc")
        check(runtime.cudaMemset(self.at, 0, c_size_t(self.size)), "cudaMemset")

    def fill(self, host):
        check(runtime.cudaMemcpy(self.at, c_void_p(host.ctypes.data), c_size_t(host.nbytes), 1), "cudaMemcpy")

    def read(self, host):
        check(runtime.cudaMemcpy(c_void_p(host.ctypes.data), self.at, c_size_t(host.nbytes), 2), "cudaMemcpy")
        return host

    def free(self):
        runtime.cudaFree(self.at)


def hamiltonians(count, size, dtype):
    random, n = np.random.default_rng(1), size * size
    nx, ny = np.divmod(np.arange(n), size)
    out = np.empty((count, n, n), dtype)
    for h in out:
        x, y = nx + random.uniform(-0.6, 0.6, n), ny + random.uniform(-0.6, 0.6, n)
        h[:] = T0 * np.exp(-ALPHA * np.hypot(x[:, None] - x, y[:, None] - y))
        np.fill_diagonal(h, 0.0)
    return out


def xsyev(kind, n, batch, matrices, energies, info):
    """What runs once over the batch, and its workspaces."""
    number, on_card, on_host = TYPES[kind][1], c_size_t(), c_size_t()
    parameters = c_void_p()
    check(solver.cusolverDnCreateParams(byref(parameters)), "cusolverDnCreateParams")
    shape = (handle, parameters, VECTORS, LOWER, c_int64(n), number, matrices.at, c_int64(n), number, energies.at, number)
    call = solver.cusolverDnXsyevBatched_bufferSize
    check(call(*shape, byref(on_card), byref(on_host), c_int64(batch)), "cusolverDnXsyevBatched_bufferSize")
    workspace, host = Memory(on_card.value), ctypes.create_string_buffer(max(on_host.value, 1))

    def run():
        sizes = (workspace.at, on_card, host, on_host)
        check(solver.cusolverDnXsyevBatched(*shape, *sizes, info.at, c_int64(batch)), "cusolverDnXsyevBatched")

    return run, workspace


def syevj(kind, n, batch, matrices, energies, info):
    prefix, parameters, length = TYPES[kind][2], c_void_p(), c_int()
    check(solver.cusolverDnCreateSyevjInfo(byref(parameters)), "cusolverDnCreateSyevjInfo")
    size, call = (getattr(solver, f"cusolverDn{prefix}syevjBatched{end}") for end in ("_bufferSize", ""))
    shape = (handle, VECTORS, LOWER, n, matrices.at, n, energies.at)
    check(size(*shape, byref(length), parameters, batch), "syevjBatched_bufferSize")
    workspace = Memory(length.value * np.dtype(TYPES[kind][0]).itemsize)

    def run():
        check(call(*shape, workspace.at, length, info.at, parameters, batch), "syevjBatched")

    return run, workspace


def faults(h, energies, vectors):
    """Of one matrix; cuSOLVER's columns are NumPy's rows."""
    h, v, n = h.astype(np.float64), vectors.astype(np.float64).T, len(h)
    unit = n * np.finfo(vectors.dtype).eps
    residual = np.abs(h @ v - v * energies.astype(np.float64)).max() / (np.abs(h).sum(0).max() * unit)
    return residual, np.abs(v.T @ v - np.eye(n)).max() / unit


def measure(name, prepare, kind, size, batch, runs):
    n, dtype = size * size, TYPES[kind][0]
    host = hamiltonians(batch, size, dtype)
    source, matrices = Memory(host.nbytes), Memory(host.nbytes)
    energies, info = Memory(batch * n * host.itemsize), Memory(4 * batch)
    source.fill(host)
    run, workspace = prepare(kind, n, batch, matrices, energies, info)
    times = []
    for _ in range(runs + 1):
        # The solver overwrites its input.
        check(runtime.cudaMemcpy(matrices.at, source.at, c_size_t(host.nbytes), 3), "cudaMemcpy")
        check(runtime.cudaDeviceSynchronize(), "cudaDeviceSynchronize")
        start = time.perf_counter()
        run()
        check(runtime.cudaDeviceSynchronize(), "cudaDeviceSynchronize")
        times.append(time.perf_counter() - start)
    failed = np.count_nonzero(info.read(np.empty(batch, np.int32)))
    vectors, values = matrices.read(np.empty_like(host)), energies.read(np.empty((batch, n), dtype))
    worst = [max(pair) for pair in zip(faults(host[0], values[0], vectors[0]), faults(host[-1], values[-1], vectors[-1]))]
    for memory in (source, matrices, energies, info, workspace):
        memory.free()
    median = statistics.median(times[1:])
    print(f"{name:13} {kind} n = {n:4} batch {batch:6}: {1e3 * median:9.3f} ms {batch / median:11.1f} matrices/s  "
          f"residual {worst[0]:.2g} orthogonality {worst[1]:.2g} failed {failed}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=16, help="sites along one side of the lattice")
    parser.add_argument("--batches", default="256,2048,8192", help="matrices at once")
    parser.add_argument("--runs", type=int, default=5, help="timed runs")
    args = parser.parse_args()
    runtime = library("libcudart.so.13", "libcudart.so")
    solver = library("libcusolver.so.12", "libcusolver.so")
    handle = c_void_p()
    check(solver.cusolverDnCreate(byref(handle)), "cusolverDnCreate")
    for batch in map(int, args.batches.split(",")):
        for kind in TYPES:
            for name, prepare in (("XsyevBatched", xsyev), ("syevjBatched", syevj)):
                measure(name, prepare, kind, args.size, batch, args.runs)
