#!/usr/bin/env python3
"""One of the five target systems as it stands: targets.py BIN_DIR MODELS_DIR MODEL PARAMETERS TERM…
It compiles, has the published number of parameters, and starts at a cross-entropy of ln V with every
term of its loss in the log."""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import safetensors

NATS_FROM_UNIFORM = 0.02
SEQ, PARTS = 64, 8


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def main():
    bin_dir, models, name, parameters, *terms = sys.argv[1:]
    pgc, pgrt = os.path.join(bin_dir, "pgc"), os.path.join(bin_dir, "pgrt")
    model = os.path.join(models, name + ".pgm")
    with tempfile.TemporaryDirectory() as folder:
        plan, small = os.path.join(folder, "whole.plan"), os.path.join(folder, "small.plan")
        run(pgc, model, "-o", plan)
        inspected = run(pgrt, "inspect", plan)
        if f"{int(parameters):,}" not in inspected.replace("'", ","):
            sys.exit(f"{name}: 'pgrt inspect' does not say {int(parameters):,} parameters:\n{inspected[:600]}")
        counted = json.loads(run(pgrt, "inspect", plan, "--json"))
        if counted["parameter_count"] != int(parameters):
            sys.exit(f"{name}: {counted['parameter_count']} parameters, not {parameters}")

        # The published network and initialisation; only the batch is small.
        run(pgc, model, "-o", small, f"-Dseq={SEQ}", f"-Dbatch_tokens={SEQ * PARTS}", f"-Dstride={SEQ}")
        vocab = counted["vocab"]
        numbers = random.Random(1)
        shard = os.path.join(folder, "tokens.bin")
        safetensors.save_shard(shard, [numbers.randrange(vocab) for _ in range(2 * SEQ * PARTS + 1)])
        out = os.path.join(folder, "run")
        run(pgrt, small, "--seed", 1, "--steps", 1, "--stages", "train", "--data", shard, "--out", out, "--quiet")
        with open(os.path.join(out, "log.jsonl")) as log:
            step = next(event for event in map(json.loads, log) if event["event"] == "step")
        if sorted(step["terms"]) != sorted(terms):
            sys.exit(f"{name}: the log has the terms {sorted(step['terms'])}, not {sorted(terms)}")
        entropy = step["terms"]["cross_entropy"]
        if not abs(entropy - math.log(vocab)) <= NATS_FROM_UNIFORM:
            sys.exit(f"{name}: cross-entropy {entropy} at step 0; ln {vocab} is {math.log(vocab):.4f}")
        print(f"{name}: {int(parameters):,} parameters, cross-entropy {entropy:.4f} of {math.log(vocab):.4f}")


if __name__ == "__main__":
    main()
