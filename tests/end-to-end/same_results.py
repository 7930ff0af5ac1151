"""Compares folders of runs: weights and artifact byte by byte, and what the logs say but for times."""
import json
import pathlib
import sys

FILES = ["final.safetensors", "weights.safetensors", "artifact.pgz"]
TIMES = {"elapsed_s", "tokens_per_s", "seconds"}


def events(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


first, *others = map(pathlib.Path, sys.argv[1:])
assert others and events(first), "nothing to compare"
for other in others:
    for name in FILES:
        if (first / name).read_bytes() != (other / name).read_bytes():
            sys.exit(f"{other / name} differs from {first / name}")
    for a, b in zip(events(first), events(other), strict=True):
        if a != b:
            sys.exit(f"the logs of {first} and {other} differ:\n{a}\n{b}")
