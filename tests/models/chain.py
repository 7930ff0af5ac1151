#!/usr/bin/env python3
"""The whole chain of one of the five target systems, small: chain.py BIN_DIR MODELS_DIR TEXTS.py MODEL
Its layers, recurrence, lanes, optimizer, quantiser and evaluations are the file's own; widths, lengths and the batch are
small. Text of the quick start becomes a tokenizer and shards; the model trains across its switch, is averaged, quantised,
packed and scored; 'pgrt verify' must find the artifact legal. What the log and the artifact then say is held
against the system's description."""
import glob
import json
import math
import os
import subprocess
import sys
import tempfile

TEXT_BYTES, VALIDATION_BYTES = 50_000, 12_000
VOCAB, SEQ, STRIDE, BATCH_TOKENS, STEPS, BATCHES = 400, 64, 16, 1024, 16, 4
SMALL = dict(vocab=VOCAB, dim=64, heads=4, kv_heads=2, rope_dims=8, seq=SEQ, rope_train_len=SEQ, stride=STRIDE,
             small_size=1024, batch_tokens=BATCH_TOKENS, calibration_batches=BATCHES, momentum=0.95, momentum_warmup=8, ema=0.8)
CHUNKS = dict(ttt_chunk=1024, ttt_sequences=8, ttt_epochs=2)
SWITCHED = 4                     # #1334 counts steps: it switches from this one. The others do at 35 % of the budget, step 6.

WITHOUT_TTT = [("trained", "chunked"), ("quantized", "chunked"), ("quantized", "sliding")]
WITH_TTT = WITHOUT_TTT + [("quantized", "ttt")]
ONE_LANE = dict(define=CHUNKS, switch=6, lr=0.022, warmdown=0.72, min_lr=0, terms=["cross_entropy"], scores=WITH_TTT,
                matrix="gptq_sdclip(bits = 6, k = 12.85)", embed="gptq_sdclip(bits = 8, k = 20.0)", top=127, fit="solved")
SIMCTG = dict(ONE_LANE, define={}, terms=["cross_entropy", "simctg"], scores=WITHOUT_TTT,
              embed="gptq_sdclip(bits = 7, k = 20.0)", top=63)
# What each system's log must show. `fit`: what makes an artifact fit that is over the cap.
SYSTEMS = {
    "sp4096_recur": dict(define=dict(loop_at_step=SWITCHED, ve_dim=32, matrix_lr=0.08), switch=SWITCHED, lr=0.08, warmdown=0.667, min_lr=0,
                         terms=["cross_entropy"], scores=WITHOUT_TTT, matrix="gptq_percentile(bits = 6, pct = 0.999)",
                         embed="rounded(bits = 8, pct = 0.9999984)", top=127, fit="zeroed"),
    "sp8192_recur": ONE_LANE,
    "sp8192_gram": dict(ONE_LANE, min_lr=0.1),
    "sp10240_simctg": SIMCTG,
    "sp10240_qahsp_ttt": dict(SIMCTG, define=CHUNKS, terms=["cross_entropy", "simctg", "qahsp"], scores=WITH_TTT),
}
HALF_ERROR = 2.0 ** -11          # the most that rounding to float16 can be off by, relatively


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def expect(condition, *what):
    if not condition:
        sys.exit(" ".join(map(str, what)))


def in_order(text, *marks):
    """Every mark stands in the text, behind the one before it."""
    at = 0
    for mark in marks:
        found = text.find(mark, at)
        expect(found >= 0, f"'{mark}' is not in what pgrt said, or not at its place:\n{text}")
        at = found + len(mark)


def make_data(bin_dir, texts, folder):
    run(sys.executable, texts, os.path.join(folder, "texts"), TEXT_BYTES)
    data = os.path.join(folder, "data")
    run(os.path.join(bin_dir, "pgdata"), "build", *sorted(glob.glob(os.path.join(folder, "texts", "*.txt"))), "--vocab", VOCAB,
        "--documents", "paragraphs", "--val-bytes", VALIDATION_BYTES, "--out", data)
    return data


def check_training(system, steps):
    expect(len(steps) == STEPS, f"{len(steps)} steps in the log, not {STEPS}")
    for step in steps:
        at = step["step"]
        expect(list(step["terms"]) == system["terms"], f"step {at} has the terms {list(step['terms'])}")
        expect(step["phase"] == ("looped" if at >= system["switch"] else "plain"), f"step {at} is in phase {step['phase']}")
        left = min((1 - at / STEPS) / system["warmdown"], 1)
        rate = system["lr"] * max(left, system["min_lr"])
        expect(math.isclose(step["lr"], rate, rel_tol=1e-9), f"the rate is {step['lr']} at step {at}, not {rate}")
    first, last = steps[0]["terms"]["cross_entropy"], steps[-1]["terms"]["cross_entropy"]
    expect(abs(first - math.log(VOCAB)) < 0.02, f"cross-entropy {first} at the start, ln V is {math.log(VOCAB)}")
    expect(last < first - 1, f"cross-entropy only went from {first} to {last}")


def check_scores(system, scores):
    expect([(s["stage"], s["kind"]) for s in scores] == system["scores"], "evaluations:", scores)
    expect(len({(s["tokens"], s["bytes"]) for s in scores}) == 1, "evaluations of different texts:", scores)
    bits = {(s["stage"], s["kind"]): s["bpb"] for s in scores}
    uniform = scores[0]["tokens"] * math.log2(VOCAB) / scores[0]["bytes"]
    trained, quantized, sliding = bits["trained", "chunked"], bits["quantized", "chunked"], bits["quantized", "sliding"]
    expect(trained < uniform - 1, f"{trained} bits a byte after training, {uniform} without")
    expect(trained != quantized and abs(trained - quantized) < 0.1, f"quantising moved {trained} bits a byte to {quantized}")
    expect(sliding != quantized and abs(sliding - quantized) < 0.1, f"sliding gives {sliding} bits a byte, chunked {quantized}")
    if ("quantized", "ttt") in bits:
        expect(bits["quantized", "ttt"] < sliding, f"test-time training gives {bits['quantized', 'ttt']}, without {sliding}")


def check_quantisers(system, parameters, quantized, leaves):
    """Every matrix and embedding over `small_size` went through its own quantiser, all else is float16."""
    groups = {p["name"]: p["group"] for p in parameters}
    rules = {"matrix": (system["matrix"], 31), "embed": (system["embed"], system["top"])}
    stored = {}
    for leaf in leaves:
        stored.setdefault(leaf["parameter"], []).append((leaf["stored"], leaf["shape"]))
    expect(sorted(groups) == sorted(stored) == sorted(q["parameter"] for q in quantized), "not all parameters were stored")
    coded = {"matrix": 0, "embed": 0}
    for event in quantized:
        name, group, kinds = event["parameter"], groups[event["parameter"]], [kind for kind, _ in stored[event["parameter"]]]
        if group == "scalar" or event["elements"] <= SMALL["small_size"]:
            expect(event["rule"] == "half()" and kinds == ["f16"], f"{name}: {event['rule']} {kinds}")
            expect(event["error"] <= HALF_ERROR, f"{name} lost {event['error']} in float16")
            continue
        rule, top = rules[group]
        expect(event["rule"] == rule, f"{name}: '{event['rule']}', not '{rule}'")
        expect(kinds == ["f16", f"codes -{top} … {top}"], f"{name} is stored as {kinds}")
        shape = stored[name][1][1]
        expect(shape[0] * shape[1] == event["elements"], f"{name}: codes {shape} for {event['elements']} elements")
        expect(HALF_ERROR < event["error"] < 1, f"{name} lost {event['error']}")
        coded[group] += 1
    expect(coded["matrix"] == 6 * 11 and coded["embed"] >= 1, f"quantised: {coded}")


def check_pruning(events, size, cap):
    zeroed = [event["codes"] for event in events if event["event"] == "zeroed"]
    expect(len(zeroed) == 1 and zeroed[0] > 0, f"codes zeroed: {zeroed}")
    expect(size <= cap, f"{size} bytes with a cap of {cap}")


def main():
    bin_dir, models, texts, name = sys.argv[1:]
    pgc, pgrt = os.path.join(bin_dir, "pgc"), os.path.join(bin_dir, "pgrt")
    system = SYSTEMS[name]
    with tempfile.TemporaryDirectory() as folder:
        data = make_data(bin_dir, texts, folder)

        def chain(out, cap):
            plan, report, out = (os.path.join(folder, out + end) for end in (".plan", ".json", ""))
            constants = dict(SMALL, **system["define"], artifact_cap=cap)
            run(pgc, os.path.join(models, name + ".pgm"), "-o", plan, f"--report={report}",
                *(f"-D{constant}={value}" for constant, value in constants.items()))
            said = run(pgrt, plan, "--seed", 7, "--steps", STEPS, "--data", data, "--out", out)
            with open(os.path.join(out, "log.jsonl")) as log, open(report) as text:
                return said, [json.loads(line) for line in log], json.load(text), os.path.join(out, "artifact.pgz")

        said, events, report, artifact = chain("roomy", 16_000_000)
        in_order(said, f"switch looped is on from step {system['switch'] + 1} ", "evaluated trained, chunked",
                 f"captured  Hessians over {BATCHES} batches", "packed ",
                 *(f"evaluated {stage}, {kind}" for stage, kind in system["scores"][1:]))
        check_training(system, [e for e in events if e["event"] == "step"])
        check_scores(system, [e for e in events if e["event"] == "eval"])
        inspected = json.loads(run(pgrt, "inspect", artifact, "--json"))
        check_quantisers(system, report["parameters"], [e for e in events if e["event"] == "quantized"], inspected["leaves"])
        solved = [e["constant"] for e in events if e["event"] == "solved"]
        expect(solved == (["matrix_k"] if system["fit"] == "solved" else []), f"the log says that {solved} was solved for")
        in_order(run(pgrt, "verify", artifact, "--data", data), "the entry is legal")
        print(f"{name}: {inspected['bytes_total']:,} bytes;",
              ", ".join(f"{e['stage']} {e['kind']} {e['bpb']:.4f}" for e in events if e["event"] == "eval"))

        if system["fit"] == "zeroed":
            cap = inspected["bytes_total"] * 97 // 100
            _, events, _, artifact = chain("tight", cap)
            check_pruning(events, json.loads(run(pgrt, "inspect", artifact, "--json"))["bytes_total"], cap)
            in_order(run(pgrt, "verify", artifact, "--data", data), "the entry is legal")


if __name__ == "__main__":
    main()
