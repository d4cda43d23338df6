"""How time and memory grow: a training step of D2L against batch, width and the lattice, labels against their number and the lattice.

    python benches/growth.py target/release/scalefree --device cpu --out benches/results/growth.json

One size at a time, the others those of the paper (batch 10, 256/512/1024 filters and 2048 hidden units, L = 16; labels 64 of them). Seconds are
`bench run`'s warm median and quartiles; bytes are the most that the whole process held while it trained for four steps or made the labels
(on a card: on the processor's side). `cargo run --release --example growth` draws the file.
"""
import argparse, json, os, pathlib, subprocess, tempfile

FILTERS, HIDDEN = (256, 512, 1024), 2048
STEPS = [
    *(("batch", batch, {"batch": batch}) for batch in (1, 2, 5, 10, 20, 50, 100)),
    *(("width", FILTERS[0] // part, {"part": part}) for part in (16, 8, 4, 2, 1)),
    *(("lattice", size, {"size": size}) for size in (8, 16, 32)),
]
LABELS = [*(("labels", count, (count, 16)) for count in (1, 4, 16, 64, 256)), *(("labelled lattice", size, (64, size)) for size in (8, 12, 16, 24, 32))]


def settings(batch=10, part=1, size=16):
    values = {
        "d2l.filters": "[" + ",".join(str(filters // part) for filters in FILTERS) + "]",
        "d2l.hidden": HIDDEN // part,
        "d2l.batch": batch,
        "lattice.size": size,
    }
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def most_bytes(command):
    """Runs `command`: the most memory that it held."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return 1024 * usage.ru_maxrss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    points, device = [], None

    def timed(folder, arguments):
        nonlocal device
        report = folder / "report.json"
        subprocess.run(
            [options.program, "bench", "run", "--quiet", "--device", options.device, "--out", report, *arguments],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        report = json.loads(report.read_text())
        device = report["device"]
        times = report["rows"][0]["warm"]
        return {"seconds": times["median"], "low": times["low"], "high": times["high"]}

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for axis, size, changes in STEPS:
            keys, batch = settings(**changes), changes.get("batch", 10)
            data, run = folder / "set.npz", folder / "run"
            lattice = ["--set", f"lattice.size={changes.get('size', 16)}"]
            device_key = ["--quiet", "--device", options.device]
            subprocess.run(
                [options.program, "generate", *device_key, "--count", str(4 * batch), "--out", data, *lattice], stdout=subprocess.DEVNULL, check=True
            )
            memory = most_bytes([options.program, "train", "d2l", *device_key, "--data", data, "--out", run, "--set", "d2l.epochs=1", *keys])
            subprocess.run(["rm", "-r", data, run], check=True)
            points.append({"axis": axis, "size": size, "bytes": memory, **timed(folder, ["--shape", f"d2l:{batch}", *keys])})
            print(points[-1], flush=True)
        for axis, size, (count, lattice) in LABELS:
            data = folder / "set.npz"
            command = [options.program, "generate", "--quiet", "--device", options.device, "--count", str(count), "--out", data]
            memory = most_bytes([*command, "--set", f"lattice.size={lattice}"])
            subprocess.run(["rm", data], check=True)
            points.append({"axis": axis, "size": size, "bytes": memory, **timed(folder, ["--shape", f"labels:{count}x{lattice}"])})
            print(points[-1], flush=True)
    text = json.dumps({"device": device, "points": points}, indent=1)
    pathlib.Path(options.out).write_text(text + "\n")


if __name__ == "__main__":
    main()
