"""NumPy's eigh on the Hamiltonians of `benches/step.rs` ("labels"), with mode areas, on all cores: samples a second, median of 10."""
import concurrent.futures, os, statistics, time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one matrix a thread, as ours
import numpy as np

COUNT, L, T0, ALPHA = 64, 16, 3.14e-2, 1.1454
d = (0.4 * np.sin(1.7 * np.arange(COUNT * 2 * L * L))).reshape(COUNT, 2, L * L)
nx, ny = np.divmod(np.arange(L * L), L)


def label(k):
    x, y = nx + d[k, 0], ny + d[k, 1]
    h = T0 * np.exp(-ALPHA * np.hypot(x[:, None] - x, y[:, None] - y))
    np.fill_diagonal(h, 0.0)
    energy, psi = np.linalg.eigh(h)
    return energy, np.sort(1.0 / (L * L * (psi**4).sum(0)))


with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    times = []
    for _ in range(10):
        start = time.perf_counter()
        list(pool.map(label, range(COUNT)))
        times.append(time.perf_counter() - start)
print(f"NumPy {np.__version__}: {COUNT / statistics.median(times):.1f} samples/s")
