#!/usr/bin/env python3
"""Runs one golden case through pgc and pgrt:
golden.py BIN_DIR MODELS_DIR CASE_DIR gradients|regularised|training|iteration|evaluation [pgc options …]"""
import array
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import safetensors

RELATIVE, FLOOR = 1e-4, 1e-6
MODEL_CONSTANTS = """vocab dim layers heads kv_heads mlp_mult rope_base rope_dims rope_train_len qk_gain softcap xsa_last_n
  parallel_from loop_start loop_end num_loops ln_scale skip_gates embed_std leaky""".split()
REGULARISER_WEIGHTS = {"simctg": "simctg_weight", "qahsp": "qahsp_weight"}
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

    def __init__(self, relative=RELATIVE):
        self.relative = relative
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
        allowed = self.relative * scale + FLOOR * largest
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


def model_constants(config):
    """The constants of a model file that make it the case's."""
    values = {name: config[name] for name in MODEL_CONSTANTS}
    if config["lanes"]:
        values |= {"ve_dim": config["ve_dim"], "ve_last_n": len(config["ve_layers"])}
    return values


def model_of(models, case):
    return os.path.join(models, "sp4096_recur.pgm" if case["config"]["lanes"] else "sp8192_recur.pgm")


def compare_probes(pgc, pgrt, model, case_dir, case, options, folder, phases):
    """`phases`: what a case calls a set of numbers, and the phase that gives them."""
    batch, seq = case["batch"], case["seq"]
    plan = os.path.join(folder, "probe.plan")
    run(pgc, model, "-o", plan, "--numerics=f32", f"--probe={batch}x{seq}", *definitions(model_constants(case["config"])),
        f"-Dseq={seq}", f"-Dbatch_tokens={8 * batch * seq}", "-Dstride=1", *options)
    expected = safetensors.load(os.path.join(case_dir, "expected.safetensors"))
    for tag, phase in phases.items():
        if not any(name.startswith(tag + ".") for name in expected):
            continue
        out = os.path.join(folder, tag + ".safetensors")
        run(pgrt, "probe", plan, "--weights", os.path.join(case_dir, "weights.safetensors"), "--tokens",
            os.path.join(case_dir, "tokens.bin"), "--batch", batch, "--seq", seq, "--phase", phase, "-o", out)
        actual, comparison = safetensors.load(out), Comparison()
        prefix = tag + ".grad."
        largest = max(max(map(abs, numbers)) for name, (_, numbers) in expected.items() if name.startswith(prefix))
        for name, value in expected.items():
            if name.startswith(tag + "."):
                comparison.check(name, value, actual.get(name[len(tag) + 1:]), largest)
        loss, want = actual["loss"][1][0], case["scalars"][tag]["loss"]
        if not abs(loss - want) <= RELATIVE * abs(want):
            comparison.failures.append(f"{tag}: loss {loss}, expected {want}")
        comparison.finish(f"{os.path.basename(case_dir)} {tag}")


def gradients(pgc, pgrt, models, case_dir, case, options, folder):
    compare_probes(pgc, pgrt, model_of(models, case), case_dir, case, options, folder,
                   {"plain": "plain", "looped": "looped"})


def regularised(pgc, pgrt, models, case_dir, case, options, folder):
    """Cross-entropy with both regularisers, in the model that has them."""
    weights = definitions({constant: case["scalars"]["regularised"][name] for name, constant in REGULARISER_WEIGHTS.items()})
    compare_probes(pgc, pgrt, os.path.join(models, "sp10240_qahsp_ttt.pgm"), case_dir, case, [*weights, *options], folder,
                   {"regularised": "looped"})


def training(pgc, pgrt, models, case_dir, case, options, folder):
    batch, seq, steps = case["batch"], case["seq"], case["train"]["steps"]
    model = model_of(models, case)
    values = model_constants(case["config"])
    values |= {ours: case["train"][theirs] for theirs, ours in TRAIN_CONSTANTS.items()}
    values |= {"row_normalize": case["train"]["row_normalize"], "seq": seq, "batch_tokens": batch * seq, "stride": 16,
               "ns_list": case["train"]["ns_coeffs"]}
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


def iteration(pgc, pgrt, models, case_dir, case, options, folder):
    """Newton-Schulz alone: a model whose rules replace each matrix by the result of its iteration. One step, compared."""
    expected = safetensors.load(os.path.join(case_dir, "expected.safetensors"))
    kinds = {"ns5": (5 * case["ns5"], 0), "you5": (case["you5"], 0), "polar5": (case["polar5"], 0),
             "you4aol": (case["you5"][-4:], 1)}
    starts, params, weights, rules = {}, [], [], []
    for name, value in expected.items():
        index, tag = name.split(".")
        if tag == "g":
            continue
        starts[name] = expected[index + ".g"]
        params.append(f'fn matrix{index}_{tag}() {{ param w "m{index}.{tag}" : {starts[name][0]} = 0 in {tag}; return w; }}')
        weights.append(f"mean(matrix{index}_{tag}() ^ 2)")
    for tag, (coeffs, aol) in kinds.items():
        rules.append(f"{tag} => iterated(coeffs = {coeffs}, aol = {aol}, gram_aspect = {aol});")  # 1: the Gram form, always
    start = os.path.join(folder, "start.safetensors")
    safetensors.save(start, {"m" + name: value for name, value in starts.items()} | {"bias": ([4], array.array("d", [0] * 4))})
    shard = os.path.join(folder, "tokens.bin")
    safetensors.save_shard(shard, [1, 2, 3] * 8)
    model = os.path.join(folder, "iteration.pgm")
    with open(model, "w") as file:
        file.write("\n".join(params) + f"""
fn iterated(p, g, coeffs, aol, gram_aspect) {{ return newton_schulz(p + 0 * g, coeffs, aol = aol, gram_aspect = gram_aspect); }}
fn kept(p) {{ return p; }}
param bias : [4] = 0 in bias;
model {{ output logits = if reshape(tokens, [..., 1]) == 0 then bias else 2 * bias; }}
loss {{ return cross_entropy(logits, targets) + {" + ".join(weights)}; }}
train {{
  data("tokens", seq = 4, order = "sequential");
  batch(tokens = 8, parts = 1);
  budget(steps = 1);
  bias => kept();
  {" ".join(rules)}
}}
""")
    for numerics, relative in (("f64", 1e-9), ("f32", RELATIVE)):
        plan, out = os.path.join(folder, numerics + ".plan"), os.path.join(folder, numerics)
        run(pgc, model, "-o", plan, "--numerics=" + numerics, *options)
        run(pgrt, plan, "--seed", 1, "--steps", 1, "--stages", "train", "--init", start, "--data", shard, "--out", out)
        actual, comparison = safetensors.load(os.path.join(out, "final.safetensors")), Comparison(relative)
        for name in starts:
            comparison.check(name, expected[name], actual.get("m" + name), 0.0)
        comparison.finish(f"{os.path.basename(case_dir)} {numerics}")


def tokenizer(vocab):
    """A SentencePiece model of `vocab` pieces: <unk>, ▁ and names. What a piece is does not enter the nll."""
    def field(number, data):
        assert len(data) < 128
        return bytes([number << 3 | 2, len(data)]) + data
    pieces = ["<unk>", "\u2581"] + [f"piece{i}" for i in range(2, vocab)]
    return b"".join(field(1, field(1, piece.encode()) + bytes([3 << 3, 2 if piece == "<unk>" else 1])) for piece in pieces)


def evaluation(pgc, pgrt, models, case_dir, case, options, folder):
    """Sliding windows and test-time training of given weights: nll, summed, to 1e-5."""
    ttt = case["ttt"]
    values = model_constants(case["config"])
    values |= {"seq": case["seq"], "stride": case["stride"], "batch_tokens": 8 * case["seq"], "ttt_chunk": ttt["chunk"],
               "ttt_lr": ttt["lr"], "ttt_momentum": ttt["momentum"], "ttt_epochs": ttt["epochs"],
               "ttt_sequences": ttt["batch_seqs"], "ttt_clip": ttt["clip"]}
    plan, out, data = (os.path.join(folder, name) for name in ("evaluate.plan", "run", "data"))
    run(pgc, model_of(models, case), "-o", plan, "--numerics=f32", *definitions(values), *options)
    os.mkdir(data)
    shutil.copy(os.path.join(case_dir, "tokens.bin"), os.path.join(data, "val_000000.bin"))
    with open(os.path.join(data, "tokenizer.model"), "wb") as file:
        file.write(tokenizer(case["config"]["vocab"]))
    run(pgrt, plan, "--stages", "evaluate", "--init", os.path.join(case_dir, "weights.safetensors"), "--data", data,
        "--out", out)
    with open(os.path.join(out, "log.jsonl")) as log:
        scores = {event["kind"]: event for event in map(json.loads, log) if event["event"] == "eval"}
    for kind in ("sliding", "ttt"):
        want, have = case[kind], scores[kind]
        error = abs(have["nll"] - want["nll"]) / want["nll"]
        if have["tokens"] != want["tokens"] or not error <= 1e-5:
            sys.exit(f"{kind}: nll {have['nll']} of {have['tokens']} tokens, expected {want['nll']} of {want['tokens']}")
        print(f"{kind}: {have['tokens']} tokens, nll {have['nll']:.6f}, relative error {error:.1e}")


def main():
    bin_dir, models, case_dir, kind, *options = sys.argv[1:]
    with open(os.path.join(case_dir, "case.json")) as file:
        case = json.load(file)
    check = {"gradients": gradients, "regularised": regularised, "training": training, "iteration": iteration,
             "evaluation": evaluation}[kind]
    with tempfile.TemporaryDirectory() as folder:
        check(os.path.join(bin_dir, "pgc"), os.path.join(bin_dir, "pgrt"), models, case_dir, case, options, folder)


if __name__ == "__main__":
    main()
