#!/usr/bin/env python3
"""Measures training steps of the full model against the machine's product rate. See tools/bench.sh."""
import argparse
import array
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time

DIM, VISITS, VOCAB, KV, HIDDEN = 512, 17, 8192, 256, 2048


def matrix_parameters():
    """Those that a token meets, as often as it meets them, head included."""
    return VISITS * (2 * DIM * DIM + 2 * KV * DIM + 2 * HIDDEN * DIM) + VOCAB * DIM


def training_flops(seq):
    """A token's, forward and backward: the optimizer and recomputation do not count."""
    return 6 * matrix_parameters() + 7 * (seq + 1) * DIM * VISITS


def forward_flops(seq):
    return 2 * matrix_parameters() + 2 * (seq + 1) * DIM * VISITS


def write_shard(path, tokens):
    generator = random.Random(1)
    with open(path, "wb") as file:
        file.write(struct.pack("<3i", 20240520, 1, tokens) + bytes(1024 - 12))
        array.array("H", (generator.randrange(VOCAB) for _ in range(tokens))).tofile(file)


def peak(build):
    return json.loads(subprocess.run([os.path.join(build, "bin", "pg-peak")], check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("models")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--seq", type=int, default=1024)
    parser.add_argument("--batch-tokens", type=int, default=32768)
    options = parser.parse_args()
    pgc, pgrt = (os.path.join(options.build, "bin", name) for name in ("pgc", "pgrt"))

    with tempfile.TemporaryDirectory() as folder:
        plan, data, out = (os.path.join(folder, name) for name in ("bench.plan", "train_000000.bin", "run"))
        write_shard(data, options.batch_tokens * (options.steps + 2) + 1)
        started = time.time()
        subprocess.run([pgc, os.path.join(options.models, "sp8192_recur.pgm"), "-o", plan, f"-Dseq={options.seq}",
                        f"-Dbatch_tokens={options.batch_tokens}", "-Dloop_at=0.0"], check=True)
        compile_seconds = time.time() - started
        before = peak(options.build)
        result = subprocess.run([pgrt, plan, "--seed", "314", "--steps", str(options.steps + 1), "--stages", "train", "--data", data,
                                 "--out", out, "--profile"], check=True, capture_output=True, text=True)
        after = peak(options.build)
        subprocess.run([pgc, os.path.join(options.models, "sp8192_recur.pgm"), "--only=evaluate", "-o", plan], check=True)
        windows = json.loads(subprocess.run([os.path.join(options.build, "bin", "pg-windows"), plan], check=True,
                                            capture_output=True, text=True).stdout)
        with open(os.path.join(out, "log.jsonl")) as log:
            steps = [event for event in map(json.loads, log) if event["event"] == "step"]

    # The first step is the one that first touches the arenas' memory.
    ends = [step["elapsed_s"] for step in steps]
    seconds = statistics.median(end - begin for begin, end in zip(ends, ends[1:]))
    rate = options.batch_tokens * training_flops(options.seq) / seconds / 1e9
    forward = windows["whole_windows_per_s"] * windows["seq"] * forward_flops(windows["seq"]) / 1e9
    limits = {name: (before[name] + after[name]) / 2 for name in before}
    kind = "bf16" if limits["product_bf16_gflops"] > limits["product_f32_gflops"] else "f32"
    limit = limits[f"product_{kind}_gflops"]
    print(result.stdout)
    print(result.stderr, file=sys.stderr)
    print(f"compile                        {compile_seconds:10.2f} s")
    print(f"FLOPs counted                  {training_flops(options.seq) / 1e6:10.1f} MFLOP a token")
    print(f"training, T = {options.seq}             {options.batch_tokens / seconds:10.1f} tokens/s   {rate:8.1f} GFLOP/s   "
          f"(median step {seconds:.2f} s; the first, not counted, {ends[0]:.2f} s)")
    print(f"forward, T = {windows['seq']}              {windows['whole_windows_per_s'] * windows['seq']:10.1f} tokens/s   "
          f"{forward:8.1f} GFLOP/s")
    print(f"oneDNN product, {kind:<4}           {limit:10.1f} GFLOP/s (before {before[f'product_{kind}_gflops']}, "
          f"after {after[f'product_{kind}_gflops']})")
    if kind == "f32":
        print("                               (this CPU has no fast bf16 products: the float32 rate is its limit)")
    print(f"copy bandwidth                 {limits['copy_gbytes']:10.1f} GB/s")
    print(f"windows of {windows['seq']}, whole        {windows['whole_windows_per_s']:10.3f} a second")
    print(f"their last {windows['stride']} positions       {windows['end_windows_per_s']:10.3f} a second   "
          f"{windows['ratio']:.3f} times as many")
    print(f"share of the product rate      {100 * rate / limit:10.1f} % in training, {100 * forward / limit:.1f} % forward")


if __name__ == "__main__":
    main()
