#!/usr/bin/env python3
"""Compares the compiler with the interpreter; see README.md."""
import array
import concurrent.futures
import json
import math
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "golden"), os.path.join(HERE, "..", "gallery")]
try:
    import torch
except ImportError:
    sys.exit("the interpreter runs on PyTorch: install python3-torch (tools/packages.sh does)")
import expressions
import gallery
import generator
import safetensors
from interpreter import Program
from syntax import LanguageError

# Of a tensor's largest magnitude, and of the largest of all gradients: results are float32, as are constants of the compiler.
RELATIVE, FLOOR = 2e-5, 1e-7
torch.set_default_dtype(torch.float64)


class Disagreement(Exception):
    pass


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        raise Disagreement(f"{' '.join(map(str, command))}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def random_weights(parameters, numbers):
    """{name: (shape, floats)}: matrices that keep magnitudes, all else around 0.5."""
    weights = {}
    for parameter in parameters:
        shape = parameter["shape"]
        std, mean = (1 / math.sqrt(shape[-1]), 0) if len(shape) > 1 and min(shape) > 2 else (0.3, 0.5)
        weights[parameter["name"]] = shape, array.array("f", [numbers.gauss(mean, std) for _ in range(math.prod(shape))])
    return weights


def as_tensor(shape, numbers):
    return torch.tensor(numbers, dtype=torch.float64).reshape(shape)


def compare(name, expected, actual, largest):
    allowed = RELATIVE * float(expected.abs().max()) + FLOOR * largest
    error = float((expected - actual).abs().max())
    if not error <= allowed:
        raise Disagreement(f"{name}: differs by {error:.3g}, {allowed:.3g} is allowed; the largest value is "
                           f"{float(expected.abs().max()):.3g}")


def compare_phase(program, phase, batch, seq, tokens, weights, meta, actual):
    tensors = {name: as_tensor(*value).requires_grad_() for name, value in weights.items()}
    ids, targets = (torch.tensor(tokens[i:i + batch * seq]).reshape(batch, seq) for i in (0, 1))
    loss, logits = program.run(tensors, ids, targets, [] if phase == "plain" else phase.split("+"))
    if not math.isfinite(float(loss)):
        raise Disagreement(f"the interpreter's loss is {float(loss)}")
    for name, (shape, group) in program.declared.items():
        if (shape, group) != (meta[name]["shape"], meta[name]["group"]):
            raise Disagreement(f"'{name}' is {shape} in {group}; the compiler has {meta[name]['shape']} in {meta[name]['group']}")
    gradients = torch.autograd.grad(loss, list(tensors.values()), allow_unused=True)
    gradients = {name: torch.zeros_like(tensors[name]) if g is None else g for name, g in zip(tensors, gradients)}
    compare("loss", loss.detach().reshape(1), as_tensor(*actual["loss"]), 0.0)
    compare("logits", logits.detach(), as_tensor(*actual["logits"]), 0.0)
    largest = max(float(g.abs().max()) for g in gradients.values())
    for name, gradient in gradients.items():
        compare("grad." + name, gradient, as_tensor(*actual["grad." + name]), largest)
    return program.declared


def compare_plan(plan, pgrt, program, batch, seq, seed, folder):
    """What was compared, in words."""
    numbers = random.Random(seed)
    inspected = json.loads(run(pgrt, "inspect", plan, "--json"))
    meta = {parameter["name"]: parameter for parameter in inspected["parameters"]}
    weights = random_weights(inspected["parameters"], numbers)
    tokens = [numbers.randrange(inspected["vocab"]) for _ in range(batch * seq + 1)]
    weight_file, shard, out = (os.path.join(folder, name) for name in ("w.safetensors", "t.bin", "out.safetensors"))
    safetensors.save(weight_file, weights)
    safetensors.save_shard(shard, tokens)
    phases, declared = [], set()
    for entry in inspected["programs"]:
        if entry["role"] == "probe":
            phases += entry["phases"].split(", ")
    for phase in phases:
        run(pgrt, "probe", plan, "--weights", weight_file, "--tokens", shard, "--batch", batch, "--seq", seq, "--phase", phase,
            "--threads", 1, "-o", out)
        try:
            declared |= set(compare_phase(program, phase, batch, seq, tokens, weights, meta, safetensors.load(out)))
        except Disagreement as error:
            raise Disagreement(f"phase {phase}: {error}") from None
    if not phases or declared != set(meta):
        raise Disagreement(f"only one of both knows {sorted(declared ^ set(meta))}")
    return f"{len(meta)} parameters, phases {', '.join(phases)}"


def check_model(name, bin_dir, models, plans):
    path, values = gallery.path_of(name, models), gallery.values_of(name)
    batch, seq = gallery.probe_of(name)
    with tempfile.TemporaryDirectory() as folder:
        return compare_plan(gallery.plan_of(name, plans), os.path.join(bin_dir, "pgrt"), Program(path, values), batch, seq, 7, folder)


def check_text(text, batch, seq, seed, bin_dir):
    with tempfile.TemporaryDirectory() as folder:
        path, plan = os.path.join(folder, "random.pgm"), os.path.join(folder, "random.plan")
        with open(path, "w") as file:
            file.write(text)
        try:
            run(os.path.join(bin_dir, "pgc"), path, "-o", plan, "--numerics=f64", f"--probe={batch}x{seq}", "--threads=1")
            return compare_plan(plan, os.path.join(bin_dir, "pgrt"), Program(path), batch, seq, seed, folder)
        except (Disagreement, LanguageError) as error:
            raise Disagreement(f"{error}\n{text}") from None


def check_random(seed, bin_dir):
    return check_text(generator.make_program(seed), generator.B, generator.T, seed, bin_dir)


def check_words(group, bin_dir):
    return check_text(expressions.make_program(group), expressions.B, expressions.T, 5, bin_dir)


def main():
    kind, bin_dir, models, *rest = sys.argv[1:]
    if kind == "models":
        plans, *names = rest
        cases = {name: lambda name=name: check_model(name, bin_dir, models, plans) for name in names or gallery.all_models(models)}
    elif kind == "words":
        cases = {f"{group[0]} …": lambda group=group: check_words(group, bin_dir) for group in expressions.groups()}
    else:
        first, count = map(int, rest)
        cases = {f"seed {seed}": lambda seed=seed: check_random(seed, bin_dir) for seed in range(first, first + count)}
    failed = []

    def attempt(name):
        try:
            return True, cases[name]()
        except (Disagreement, LanguageError) as error:
            return False, str(error)

    torch.set_num_threads(1)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, (good, text) in zip(cases, pool.map(attempt, cases)):
            print(f"{'agree   ' if good else 'DISAGREE'} {name}: " + text.rstrip().replace("\n", "\n  "))
            failed += [] if good else [name]
    if failed or not cases:
        sys.exit(f"{len(failed)} of {len(cases)} disagree: {', '.join(failed)}")


if __name__ == "__main__":
    main()
