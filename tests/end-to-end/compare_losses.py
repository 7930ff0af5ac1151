"""compare_losses.py A.jsonl B.jsonl TOLERANCE: the losses of two runs differ, but by no more than TOLERANCE a step."""
import json
import sys


def losses(path):
    with open(path) as log:
        return [event["loss"] for event in map(json.loads, log) if event["event"] == "step"]


first, second, tolerance = losses(sys.argv[1]), losses(sys.argv[2]), float(sys.argv[3])
if len(first) != len(second) or not first:
    sys.exit(f"{len(first)} steps against {len(second)}")
worst = max(abs(a - b) for a, b in zip(first, second))
if not worst <= tolerance:
    sys.exit(f"the losses differ by {worst}: {first} against {second}")
if worst == 0:
    sys.exit("the losses are equal: nothing was rounded")
print(f"{len(first)} losses within {worst:.2g}")
