"""The training problem that every peer solves, so that their numbers compare: D2L at the paper's width, MAPE, dropout on the hidden
layer, Adam in TensorFlow 1's form with a decaying rate, the data on the device.

`python problem.py START.safetensors` writes start values (Glorot uniform, zero biases) that `scalefree train d2l --init` reads too; with a number behind
it those of a network so many times narrower, for the peers that take their shapes from the file (TensorFlow, JAX).
"""
import argparse, json, statistics, sys, time

import numpy as np

LAYERS = {"conv1": (256, 2, 3, 3), "conv2": (512, 256, 3, 3), "conv3": (1024, 512, 3, 3), "fc1": (2048, 4096), "fc2": (256, 2048)}
LR, DECAY_RATE, DECAY_STEPS, BETA1, BETA2, EPSILON = 1e-4, 0.1, 10_000, 0.9, 0.999, 1e-8


def rate(step):
    """What multiplies m / (sqrt(v) + epsilon) at `step` (from 1)."""
    return LR * DECAY_RATE ** ((step - 1) / DECAY_STEPS) * (1 - BETA2**step) ** 0.5 / (1 - BETA1**step)


def narrower(name, shape, part):
    """The shape of a layer where filters and hidden units are `part` times fewer: inputs and outputs of the network stay."""
    outputs = shape[0] if name == "fc2" else shape[0] // part
    inputs = shape[1] if name == "conv1" else shape[1] // part
    return (outputs, inputs, *shape[2:])


def start_values(part=1, seed=1):
    random, values = np.random.default_rng(seed), {}
    for name, shape in LAYERS.items():
        shape = narrower(name, shape, part)
        receptive = int(np.prod(shape[2:]))
        limit = (6 / ((shape[0] + shape[1]) * receptive)) ** 0.5
        values[f"{name}.weight"] = random.uniform(-limit, limit, shape).astype(np.float32)
        values[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    return values


def channels_last(values):
    """PyTorch's tensors for a network on NHWC images: convolutions HWIO, dense layers (input, output), fc1's input in HWC order."""
    out = {}
    for name, value in values.items():
        if name == "fc1.weight":
            value = value.reshape(value.shape[0], -1, 2, 2).transpose(0, 2, 3, 1).reshape(value.shape)
        if name.startswith("conv") and value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        elif value.ndim == 2:
            value = value.T
        out[name] = np.ascontiguousarray(value)
    return out


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data", help="data set of `scalefree generate`, 16 x 16; {batch} in its name stands for each batch size")
    parser.add_argument("start", help="start values (see problem.py)")
    parser.add_argument("--batch", type=int, nargs="+", default=[10])
    parser.add_argument("--steps", type=int, default=20, help="steps of the cost curve (no dropout), and of each timed run")
    parser.add_argument("--runs", type=int, default=5, help="timed runs")
    parser.add_argument("--predict", action="store_true", help="predictions (no dropout) instead of steps; the costs are theirs")
    parser.add_argument("--precision", nargs="+", default=["f32"], choices=["f32", "tf32", "bf16"])
    return parser.parse_args()


def each(args, solve):
    """Solves the problem at every batch size in every precision, and prints a JSON line of each: milliseconds a step (median over runs), and
    the cost curve to hold beside ours. `solve` takes batch, precision, displacement (n, 2, 16, 16), mode_area (n, 256) and start values by
    name, and returns the peer's name, the curve and seconds a step.
    """
    from safetensors.numpy import load_file

    start = load_file(args.start)
    for batch in args.batch:
        data = np.load(args.data.format(batch=batch))
        for precision in args.precision:
            peer, curve, seconds = solve(batch, precision, data["displacement"], data["mode_area"], start)
            line = {"peer": peer, "batch": batch, "precision": precision, "ms": 1e3 * statistics.median(seconds),
                    "runs_ms": [1e3 * s for s in seconds], "curve": [float(c) for c in curve]}
            print(json.dumps(line), flush=True)


def timed(run, runs, steps):
    """Seconds a step of each of `runs` calls, after one to warm up; `run` returns when the work is done."""
    run()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        seconds.append((time.perf_counter() - start) / steps)
    return seconds


if __name__ == "__main__":
    from safetensors.numpy import save_file

    save_file(start_values(*map(int, sys.argv[2:3])), sys.argv[1])
