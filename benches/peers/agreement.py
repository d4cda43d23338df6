"""Do the peers of a `gpu-suite.sh run bench` solve our problem? Each one's cost curve beside ours, step by step, from the same start on
the same batch without dropout. `python agreement.py RESULTS` writes RESULTS/bench.json: our report, the peers' times, and how far apart
the curves are at most, relative to ours; `late` names the peers that ran out of time, with what they had solved until then. Exit code 1 where the curves are further apart than
the precision allows, or one of ours is missing.
"""
import json, pathlib, sys

# PyTorch adds epsilon after the bias correction, which shows in the fourth digit after some steps; lower precision adds its rounding.
TOLERANCE = {"f32": 1e-2, "tf32": 2e-2, "bf16": 5e-2}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


results, wrong = pathlib.Path(sys.argv[1]), []
peers = [{"form": f"{path.stem}-{row['batch']}-{row['precision']}", **row} for path in sorted(results.glob("*.log"))
         if path.stem.startswith(("jax", "torch-"))
         for row in lines(path) if "peer" in row]
for peer in peers:
    metrics = results / f"curve-{peer['batch']}-{peer['precision']}" / "metrics.jsonl"
    ours = [row["cost"] for row in lines(metrics)] if metrics.exists() else []
    if not ours or len(ours) != len(peer["curve"]):
        wrong.append(f"{peer['form']}: {len(peer['curve'])} costs, and {len(ours)} of ours in {metrics}")
        continue
    peer["ours"], peer["apart"] = ours, max(abs(a - b) / a for a, b in zip(ours, peer["curve"]))
    print(f"{peer['form']:24} {peer['ms']:9.3f} ms a step, costs {peer['apart']:.1e} apart in {len(ours)} steps")
    if not peer["apart"] <= TOLERANCE[peer["precision"]]:
        wrong.append(f"{peer['form']}: costs {peer['apart']:.1e} apart")
# Of a step that was tried again the last line holds; `timeout` says 124, or 137 where it had to kill.
last = {row["step"]: row.get("exit") for row in lines(results / "steps.jsonl")}
late = [name for name, code in last.items() if name.startswith(("jax", "torch-")) and code in (124, 137)]
for name in late:
    print(f"{name:24} ran out of time after {sum(peer['form'].startswith(name + '-') for peer in peers)} of its problems")
# The whole report in the card's own precision, then a step at each batch size in each precision.
ours = [json.loads(path.read_text()) for path in sorted(results.glob("ours*.json"))]
told = {"ours": ours, "peers": peers, "late": late, "wrong": wrong}
(results / "bench.json").write_text(json.dumps(told, indent=1) + "\n")
sys.exit("\n".join(wrong) or 0)
