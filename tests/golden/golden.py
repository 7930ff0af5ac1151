#!/usr/bin/env python3
"""Runs one golden case through pgc and pgrt: golden.py BIN_DIR MODELS_DIR CASE_DIR gradients|training [pgc options …]"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import safetensors

RELATIVE, FLOOR = 1e-4, 1e-6
MODEL_CONSTANTS = """vocab dim layers heads kv_heads mlp_mult rope_base rope_dims rope_train_len qk_gain softcap xsa_last_n
  parallel_from loop_start loop_end num_loops ln_scale skip_gates embed_std leaky""".split()
TRAIN_CONSTANTS = {name: name for name in """embed_lr matrix_lr scalar_lr embed_wd matrix_wd scalar_wd beta1 beta2 momentum
  momentum_start momentum_warmup warmdown min_lr ema loop_at ns_steps clip""".split()} | {"eps": "adam_eps"}


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def definitions(values):
    return [f"-D{name}={int(value) if isinstance(value, bool) else value}" for name, value in values.items()]


class Comparison:
    """Compares tensors and remembers the worst place."""

    def __init__(self):
        self.failures, self.worst, self.compared = [], 0.0, 0

    def check(self, name, expected, actual, largest):
        if actual is None:
            self.failures.append(f"{name} is missing")
            return
        (shape, want), (have_shape, have) = expected, actual
        if shape != have_shape:
            self.failures.append(f"{name}: shape {have_shape}, expected {shape}")
            return
        scale = max((abs(value) for value in want), default=0.0)
        allowed = RELATIVE * scale + FLOOR * largest
        self.compared += 1
        for index, (a, b) in enumerate(zip(want, have)):
            error = abs(a - b)
            if not error <= allowed:  # also true for NaN
                self.failures.append(f"{name}[{index}]: {b}, expected {a}, allowed error {allowed:.3g}")
                return
            self.worst = max(self.worst, error / allowed if allowed else 0.0)

    def finish(self, what):
        if self.failures or not self.compared:
            sys.exit(f"{what}: {len(self.failures)} of {self.compared} tensors differ\n" + "\n".join(self.failures[:20]))
        print(f"{what}: {self.compared} tensors agree; the worst error is {self.worst:.3f} of what is allowed")


def gradients(pgc, pgrt, model, case_dir, case, options, folder):
    batch, seq = case["batch"], case["seq"]
    config = {name: case["config"][name] for name in MODEL_CONSTANTS}
    plan = os.path.join(folder, "probe.plan")
    run(pgc, model, "-o", plan, "--numerics=f32", f"--probe={batch}x{seq}", *definitions(config),
        f"-Dseq={seq}", f"-Dbatch_tokens={8 * batch * seq}", "-Dstride=1", *options)
    expected = safetensors.load(os.path.join(case_dir, "expected.safetensors"))
    for phase in ("plain", "looped"):
        if not any(name.startswith(phase + ".") for name in expected):
            continue
        out = os.path.join(folder, phase + ".safetensors")
        run(pgrt, "probe", plan, "--weights", os.path.join(case_dir, "weights.safetensors"), "--tokens",
            os.path.join(case_dir, "tokens.bin"), "--batch", batch, "--seq", seq, "--phase", phase, "-o", out)
        actual, comparison = safetensors.load(out), Comparison()
        prefix = phase + ".grad."
        largest = max(max(map(abs, numbers)) for name, (_, numbers) in expected.items() if name.startswith(prefix))
        for name, value in expected.items():
            if name.startswith(phase + "."):
                comparison.check(name, value, actual.get(name[len(phase) + 1:]), largest)
        loss, want = actual["loss"][1][0], case["scalars"][phase]["loss"]
        if not abs(loss - want) <= RELATIVE * abs(want):
            comparison.failures.append(f"{phase}: loss {loss}, expected {want}")
        comparison.finish(f"{os.path.basename(case_dir)} {phase}")


def training(pgc, pgrt, model, case_dir, case, options, folder):
    batch, seq, steps = case["batch"], case["seq"], case["train"]["steps"]
    values = {name: case["config"][name] for name in MODEL_CONSTANTS}
    values |= {ours: case["train"][theirs] for theirs, ours in TRAIN_CONSTANTS.items()}
    values |= {"row_normalize": case["train"]["row_normalize"], "seq": seq, "batch_tokens": batch * seq, "stride": 16}
    plan, out = os.path.join(folder, "train.plan"), os.path.join(folder, "run")
    run(pgc, model, "-o", plan, "--numerics=f32", *definitions(values), *options)
    run(pgrt, plan, "--seed", 1, "--steps", steps, "--order", "sequential", "--stages", "train", "--init",
        os.path.join(case_dir, "weights.safetensors"), "--data", os.path.join(case_dir, "tokens.bin"), "--out", out)
    comparison = Comparison()
    with open(os.path.join(out, "log.jsonl")) as log:
        losses = [event["loss"] for event in map(json.loads, log) if event["event"] == "step"]
    comparison.check("losses", ([steps], case["losses"]), ([len(losses)], losses), 0.0)
    expected = safetensors.load(os.path.join(case_dir, "expected.safetensors"))
    largest = max(max(map(abs, numbers)) for _, numbers in expected.values())
    for prefix, file in (("end.", "final.safetensors"), ("ema.", "weights.safetensors")):
        actual = safetensors.load(os.path.join(out, file))
        for name, value in expected.items():
            if name.startswith(prefix):
                comparison.check(name, value, actual.get(name[len(prefix):]), largest)
    comparison.finish(os.path.basename(case_dir))


def main():
    bin_dir, models, case_dir, kind, *options = sys.argv[1:]
    with open(os.path.join(case_dir, "case.json")) as file:
        case = json.load(file)
    model = os.path.join(models, "sp4096_recur.pgm" if case["config"]["lanes"] else "sp8192_recur.pgm")
    check = {"gradients": gradients, "training": training}[kind]
    with tempfile.TemporaryDirectory() as folder:
        check(os.path.join(bin_dir, "pgc"), os.path.join(bin_dir, "pgrt"), model, case_dir, case, options, folder)


if __name__ == "__main__":
    main()
