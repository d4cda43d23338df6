"""NumPy's eigh beside `scalefree bench run labels` and `benches/eigensolvers.rs`: the same lattices, medians of 10.

Without an argument: one matrix of 64, 256 and 1024 sites on one thread, then samples a second, one matrix a thread on all cores.
"""
import concurrent.futures, os, statistics, time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one matrix a thread, as ours
import numpy as np

T0, ALPHA, COUNT = 3.14e-2, 1.1454, 64


def hamiltonian(displacement, L):
    nx, ny = np.divmod(np.arange(L * L), L)
    x, y = nx + displacement[0], ny + displacement[1]
    h = T0 * np.exp(-ALPHA * np.hypot(x[:, None] - x, y[:, None] - y))
    np.fill_diagonal(h, 0.0)
    return h


def displacements(count, L):
    return (0.4 * np.sin(1.7 * np.arange(count * 2 * L * L))).reshape(count, 2, L * L)


def median_seconds(work):
    work()
    times = []
    for _ in range(10):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def label(displacement):
    energy, psi = np.linalg.eigh(hamiltonian(displacement, 16))
    return energy, np.sort(1.0 / (256 * (psi**4).sum(0)))


print(f"NumPy {np.__version__}")
for L in (8, 16, 32):
    h = hamiltonian(displacements(1, L)[0], L)
    print(f"n = {L * L:4}: {1e3 * median_seconds(lambda: np.linalg.eigh(h)):.3f} ms")
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    d = displacements(COUNT, 16)
    print(f"labels: {COUNT / median_seconds(lambda: list(pool.map(label, d))):.1f} samples/s")
