#!/usr/bin/env python3
"""What a warp issues in one step of k of every product, from the machine code: the second table of docs/kernels.md.

    scripts/sass-report.py CUOBJDUMP FATBIN...

CUOBJDUMP and nvdisasm lie in one folder (PyPI: nvidia-cuda-cuobjdump, nvidia-cuda-nvdisasm). Counted is the longest way through the loop
over k that makes no 4-byte copy; the loop of the FP32 cores inside it runs BK / 4 = 4 times. Of dense_dx_dw it is the loop over two rows of
weights, without the calls for roots and quotients out of the ordinary.
"""
import collections
import os
import re
import subprocess
import sys

ARCHITECTURES = ("sm_75", "sm_89", "sm_90")
SHOWN = {"FFMA": "FFMA", "HMMA": "HMMA", "LDS": "LDS", "LDS.128": "LDS.128", "LDG.128": "copies", "LDGSTS.128": "copies"}


def functions(tool, fatbin, architecture):
    """{kernel: [(address, instruction)]}"""
    environment = {**os.environ, "PATH": os.path.dirname(tool) + os.pathsep + os.environ["PATH"]}
    command = [tool, "-sass", "-arch", architecture, fatbin]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    found, name = {}, ""
    for line in text.splitlines():
        if match := re.search(r"Function : (\w+)", line):
            name = match[1]
            found[name] = []
        elif match := re.match(r"\s*/\*([0-9a-f]{4,5})\*/\s+(.*?);", line):
            found[name].append((int(match[1], 16), match[2]))
    return found


def opcode(instruction):
    """The first word behind a predicate, with its width where that is 16 bytes."""
    word = re.sub(r"^@!?U?P\w+\s+", "", instruction).split()[0]
    return word.split(".")[0] + (".128" if ".128" in word else "")


def target(instruction):
    # A loop's far exit may be written as a call that never returns.
    found = re.search(r"\b(?:BRA|CALL\.REL\.NOINC)\b.*?(0x[0-9a-f]+)", instruction)
    return int(found[1], 16) if found else None


def loops(code):
    return [(target(i), at) for at, i in code if target(i) is not None and target(i) <= at]


def issued(kernel, code, architecture):
    """{opcode: times} of the longest way through the loop over k, or over rows."""
    kinds = lambda low, high: {opcode(i) for at, i in code if low <= at <= high}
    if kernel == "dense_dx_dw":
        outer = [loop for loop in loops(code) if "BAR" not in kinds(*loop) and kinds(*loop) >= {"FFMA", "LDG.128"}]
    else:
        outer = [loop for loop in loops(code) if "BAR" in kinds(*loop) and kinds(*loop) & {"FFMA", "HMMA"}]
    if not outer:
        return None
    low, high = outer[0]
    inner = [loop for loop in loops(code) if low < loop[0] and loop[1] < high and "FFMA" in kinds(*loop)]
    narrow = {"LDGSTS"} if architecture != "sm_75" else {"LDG", "STS"}
    body = [(at, i) for at, i in code if low <= at <= high]
    index = {at: number for number, (at, _) in enumerate(body)}
    ways = [None] * len(body)
    for number in range(len(body) - 1, -1, -1):
        at, instruction = body[number]
        if opcode(instruction) in narrow or instruction.startswith("CALL"):
            continue
        here = collections.Counter({opcode(instruction): 4 if any(a <= at <= b for a, b in inner) else 1})
        to = target(instruction)
        if number == len(body) - 1:
            ways[number] = here
            continue
        may_fall = to is None or instruction.startswith("@") or re.search(r"BRA(\.\w+)* !?U?P\d", instruction)
        follow = [number + 1] if may_fall else []
        follow += [index[to]] if to in index and to > at else []
        after = [ways[f] for f in follow if ways[f] is not None]
        if after:
            ways[number] = here + max(after, key=lambda way: way.total())
    return ways[0]


def main():
    tool, fatbins = sys.argv[1], sys.argv[2:]
    print("| kernel | architecture | instructions | FFMA | HMMA | LDS | LDS.128 | copies | others |")
    print("|---|---|---|---|---|---|---|---|---|")
    for fatbin in fatbins:
        for architecture in ARCHITECTURES:
            for kernel, code in functions(tool, fatbin, architecture).items():
                way = issued(kernel, code, architecture)
                if way is None:
                    continue
                counts = collections.Counter()
                for name, times in way.items():
                    counts[SHOWN.get(name, "others")] += times
                cells = [counts[name] for name in ("FFMA", "HMMA", "LDS", "LDS.128", "copies", "others")]
                print(f"| `{kernel}` | {architecture} | {way.total()} | " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
