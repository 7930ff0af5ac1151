"""near_results.py A B TOLERANCE: in the logs of two runs' folders, losses of steps and scores a token differ by at most TOLERANCE."""
import json
import sys


def results(folder):
    with open(folder + "/log.jsonl") as log:
        events = [json.loads(line) for line in log]
    values = [(f"loss of step {e['step'] + 1}, {e['phase']}", e["loss"]) for e in events if e["event"] == "step"]
    return values + [(f"{e['stage']} {e['kind']}", e["nll"] / e["tokens"]) for e in events if e["event"] == "eval"]


first, second, tolerance = results(sys.argv[1]), results(sys.argv[2]), float(sys.argv[3])
if [name for name, _ in first] != [name for name, _ in second] or not first:
    sys.exit(f"other results: {first} against {second}")
for (name, a), (_, b) in zip(first, second):
    print(f"{name}: {a:.6f}, {b:.6f}")
    if not abs(a - b) <= tolerance:
        sys.exit(f"{name}: {a} against {b}")
