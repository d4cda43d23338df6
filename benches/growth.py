"""How time and memory grow: a training step of D2L against batch, width and the lattice, labels against their number and the lattice.

    python benches/growth.py target/release/scalefree --device cpu --out benches/results/growth.json

One size at a time, the others those of the paper (batch 10, 256/512/1024 filters and 2048 hidden units, L = 16; labels 64 of them, by the fastest solver in
f64). Seconds are `bench run`'s warm median and quartiles; bytes are the most that the whole process held while it trained for four steps or made the labels
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


def most_bytes(command, output=os.devnull):
    """Runs `command`, its standard output to a file: the most memory that it held."""
    with open(output, "wb") as file:
        child = subprocess.Popen(command, stdout=file)
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
    common = ["--quiet", "--device", options.device]
    points, device = [], None

    def timed(folder, arguments):
        nonlocal device
        report = folder / "report.json"
        command = [options.program, "bench", "run", *common, "--out", report, *arguments]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        report = json.loads(report.read_text())
        device = report["device"]
        times = min((row["warm"] for row in report["rows"] if " f32 " not in row["name"]), key=lambda times: times["median"])
        return {"seconds": times["median"], "low": times["low"], "high": times["high"]}

    def generate(data, count, lattice):
        return [options.program, "generate", *common, "--count", str(count), "--out", data, "--set", f"lattice.size={lattice}"]

    def add(axis, size, memory, times):
        points.append({"axis": axis, "size": size, "bytes": memory, **times})
        print(points[-1], flush=True)

    for axis, size, changes in STEPS:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            keys, batch = settings(**changes), changes.get("batch", 10)
            data = folder / "set.npz"
            subprocess.run(generate(data, 4 * batch, changes.get("size", 16)), stdout=subprocess.DEVNULL, check=True)
            train = [options.program, "train", "d2l", *common, "--data", data, "--out", folder / "run", "--set", "d2l.epochs=1", *keys]
            add(axis, size, most_bytes(train), timed(folder, ["--shape", f"d2l:{batch}", *keys]))
    for axis, size, (count, lattice) in LABELS:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            memory = most_bytes(generate(folder / "set.npz", count, lattice))
            add(axis, size, memory, timed(folder, ["--shape", f"labels:{count}x{lattice}"]))
    text = json.dumps({"device": device, "points": points}, indent=1)
    pathlib.Path(options.out).write_text(text + "\n")


if __name__ == "__main__":
    main()
