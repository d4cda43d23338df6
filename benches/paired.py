"""A processor's training steps, predictions and labels beside TensorFlow's, JAX's and NumPy's: all programs in turns, so that what slows the machine slows all.

    python benches/paired.py target/release/scalefree --out benches/results/cpu.json

Needs numpy, safetensors, tensorflow and jax. Every turn holds our reports (`bench run --json`, of steps and labels, of the preset `quick`'s step, and of
predictions), a line of each peer and batch (milliseconds a step or a prediction, the cost curve from the common start, and the most bytes that its process held), what
`eigh.py` prints, and the most bytes of ours in four steps of `train d2l`. The table of medians goes to the terminal.
"""
import argparse, json, pathlib, statistics, subprocess, sys, tempfile

from growth import most_bytes, settings

PEERS = pathlib.Path(__file__).parent / "peers"
RIVALS = ("tensorflow_step.py", "jax_step.py")
BATCHES = (10, 50)
# The network of the preset `quick`: so many times narrower, and its batch.
NARROW, NARROW_BATCH = 8, 20
# Samples of a prediction, and calls of a timed run. Ours of many are passes of 100.
PREDICTIONS = ((1, 40), (100, 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    ours = [options.program, "--quiet", "--device", "cpu"]

    def text(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        start = folder / "start.safetensors"
        text(sys.executable, PEERS / "problem.py", start)
        data = {batch: folder / f"set{batch}.npz" for batch in BATCHES}
        narrow = folder / "narrow.safetensors"
        text(sys.executable, PEERS / "problem.py", narrow, str(NARROW))
        for batch in BATCHES:
            text(*ours, "generate", "--count", str(4 * batch), "--out", data[batch])

        def turn(number):
            print(f"turn {number + 1} of {options.turns}", file=sys.stderr)
            shapes = [word for shape in (*(f"d2l:{batch}" for batch in BATCHES), "l2d:10", "labels:64x16") for word in ("--shape", shape)]
            report = json.loads(text(*ours, "bench", "run", "--json", *shapes))
            peers, memory = [], {}
            for batch in BATCHES:
                train = ["train", "d2l", "--data", data[batch], "--set", "d2l.epochs=1", "--out", folder / f"run{batch}-{number}"]
                memory[batch] = most_bytes([*ours, *train, *settings(batch=batch)])
                for peer in RIVALS:
                    line = folder / "line.json"
                    command = [sys.executable, PEERS / peer, data[batch], start, "--batch", str(batch), "--steps", "10", "--runs", "3"]
                    bytes_held = most_bytes(command, line)
                    peers.append({**json.loads(line.read_text()), "bytes": bytes_held})
            keys = settings(batch=NARROW_BATCH, part=NARROW)
            narrow_report = json.loads(text(*ours, "bench", "run", "--json", "--shape", f"d2l:{NARROW_BATCH}", *keys))
            steps = ["--batch", str(NARROW_BATCH), "--steps", "100", "--runs", "3"]
            narrow_peers = [json.loads(text(sys.executable, PEERS / peer, data[50], narrow, *steps)) for peer in RIVALS]
            predict = ["--predict", "--runs", "3"]
            predictions = [
                json.loads(text(sys.executable, PEERS / peer, data[50], start, *predict, "--batch", str(batch), "--steps", str(calls)))
                for batch, calls in PREDICTIONS
                for peer in RIVALS
            ]
            return {
                "ours": report,
                "bytes": memory,
                "peers": peers,
                "our narrow step": narrow_report,
                "narrow peers": narrow_peers,
                "our predictions": json.loads(text(*ours, "bench", "run", "predict", "d2l", "--json")),
                "predictions": predictions,
                "numpy eigh": text(sys.executable, PEERS / "eigh.py").splitlines(),
            }

        turns = []
        for number in range(options.turns):
            turns.append(turn(number))
            # After each, so that a run that is cut has told something.
            pathlib.Path(options.out).write_text(json.dumps(turns, indent=1) + "\n")

    def show(name, values):
        print(f"{name:32} {statistics.median(values):9.1f} ({min(values):.1f} to {max(values):.1f})")

    for report in ("ours", "our narrow step", "our predictions"):
        for row, _ in enumerate(turns[0][report]["rows"]):
            rows = [turn[report]["rows"][row] for turn in turns]
            show(f"scalefree {rows[0]['name']}, ms", [1e3 * r["warm"]["median"] for r in rows])
    for peer, line in enumerate(turns[0]["narrow peers"]):
        show(f"{line['peer']}, narrow, ms", [turn["narrow peers"][peer]["ms"] for turn in turns])
    for peer, line in enumerate(turns[0]["predictions"]):
        show(f"{line['peer']}, predict {line['batch']}, ms", [turn["predictions"][peer]["ms"] for turn in turns])
    for peer, line in enumerate(turns[0]["peers"]):
        show(f"{line['peer']}, batch {line['batch']}, ms", [turn["peers"][peer]["ms"] for turn in turns])
        show("  MB", [1e-6 * turn["peers"][peer]["bytes"] for turn in turns])
    for batch in BATCHES:
        show(f"scalefree train, batch {batch}, MB", [1e-6 * turn["bytes"][batch] for turn in turns])
    show("NumPy, labels a second", [float(turn["numpy eigh"][-1].split()[1]) for turn in turns])


if __name__ == "__main__":
    main()
