"""compare_runs.py A B TOLERANCE: two runs have the same losses, terms and weights, but for TOLERANCE (relative to the largest)."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import safetensors


def steps(folder):
    with open(os.path.join(folder, "log.jsonl")) as log:
        events = [event for event in map(json.loads, log) if event["event"] == "step"]
    return {f"{name} of step {event['step']}": [value] for event in events
            for name, value in [("loss", event["loss"]), *event["terms"].items()]}


def weights(folder):
    return {name: numbers for name, (_, numbers) in safetensors.load(os.path.join(folder, "final.safetensors")).items()}


def main():
    first, second, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3])
    worst = 0
    for read in (steps, weights):
        a, b = read(first), read(second)
        if not a or a.keys() != b.keys():
            sys.exit(f"{sorted(a)} against {sorted(b)}")
        for name in a:
            largest = max(map(abs, a[name])) or 1
            error = max(abs(x - y) for x, y in zip(a[name], b[name])) / largest
            if len(a[name]) != len(b[name]) or not error <= tolerance:
                sys.exit(f"{name} differs by {error} of its largest: {a[name][:4]} against {b[name][:4]}")
            worst = max(worst, error)
    print(f"within {worst:.2g}")


if __name__ == "__main__":
    main()
