#!/usr/bin/env python3
"""The table of docs/kernels.md, from what ptxas said of the kernels.

    scripts/kernel-report.py $(ls -t target/*/build/scalefree-*/out/ptxas.log | head -1)

prints it; cargo leaves that log beside the fatbins. Occupancy is the theoretical one: the share of a multiprocessor's warps that
registers, shared memory and block slots let stand, by the limits of the CUDA programming guide.
"""
import re
import sys

# Threads of a block, by kernel file; 256 where it is not told.
THREADS = {"conv3x3": 128, "dense": 128, "dense_dx_dw": 128, "finish": 128, "eigh_reduce": 512}
# Warps, blocks, KiB of shared memory of a multiprocessor, bytes that a block takes on top.
LIMITS = {
    "sm_75": (32, 16, 64, 0),
    "sm_80": (64, 32, 164, 1024),
    "sm_86": (48, 16, 100, 1024),
    "sm_89": (48, 24, 100, 1024),
    "sm_90": (64, 32, 228, 1024),
    "sm_100": (64, 32, 228, 1024),
    "sm_120": (48, 24, 100, 1024),
}
REGISTERS = 65536


def occupancy(architecture, threads, registers, shared):
    """The share of the warps, in percent."""
    most_warps, most_blocks, kib, reserved = LIMITS[architecture]
    warps = threads // 32
    by_warps = most_warps // warps
    # A warp's registers come in units of 256.
    by_registers = REGISTERS // (-(-registers * 32 // 256) * 256) // warps
    by_shared = kib * 1024 // max(shared + reserved, 1)
    return 100 * min(most_blocks, by_warps, by_registers, by_shared) * warps // most_warps


def read(path):
    """[(file, kernel, {architecture: (registers, shared, spilled)})], in the order of the log."""
    kernels, source, kernel, architecture, spilled = {}, "", "", "", 0
    with open(path) as log:
        for line in log:
            if found := re.match(r"# kernels/(\w+)\.cu", line):
                source = found[1]
            elif found := re.search(r"entry function '(\w+)' for '(\w+)'", line):
                kernel, architecture = found[1], found[2]
            elif found := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
                spilled = int(found[1]) + int(found[2])
            elif found := re.search(r"Used (\d+) registers", line):
                shared = re.search(r"(\d+) bytes smem", line)
                numbers = int(found[1]), int(shared[1]) if shared else 0, spilled
                kernels.setdefault((source, kernel), {})[architecture] = numbers
    return sorted(kernels.items())


def main():
    kernels = read(sys.argv[1])
    names = list(LIMITS)
    print("| kernel | shared, KiB | " + " | ".join(names) + " |")
    print("|---|---|" + "---|" * len(names))
    for (source, kernel), found in kernels:
        cells = []
        for name in names:
            registers, shared, spilled = found[name]
            # Empty kernels: products whose instructions the architecture lacks, and tiles that it does not take (src/ops/tiles.rs).
            if name == "sm_75" and re.search(r"_(tf32|bf16)$|_tall_|_large_", kernel):
                cells.append("-")
                continue
            share = occupancy(name, THREADS.get(source, 256), registers, shared)
            cells.append(f"{registers}, {share} %" + (f", spills {spilled} B" if spilled else ""))
        shared = max(shared for _, shared, _ in found.values())
        print(f"| `{kernel}` | {shared / 1024:.1f} | " + " | ".join(cells) + " |")
    spills = sum(spilled > 0 for _, found in kernels for _, _, spilled in found.values())
    print(f"\n{len(kernels)} kernels; {spills} of their compilations spill.")


if __name__ == "__main__":
    main()
