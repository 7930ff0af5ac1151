"""What is measured: the sections of bench.py. Each takes the sides and the table that it fills."""
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import time

from sides import HERE, VOCAB, definitions, run

DIM, KV, HIDDEN = 512, 256, 2048
VISITS = {"plain": 11, "looped": 17}
WHEN = {"plain": "before the switch", "looped": "after the switch"}
LOSS_WITHIN = {"f32": 1e-4, "bf16": 5e-3} # of ours, relative
# Of the norm: in float32 of each tensor. In bf16, where the two sides round at different places and some sums nearly cancel, of all
# together: at this size ours in bf16 is 0.03 from ours in float32.
GRADIENT_WITHIN = {"f32": ("worst_error", 1e-4), "bf16": ("error", 0.1)}


def flops_per_token(seq, phase, passes=3):
    """2 × passes × matrix parameters visited, head included, + 7 (forward 2) × (T + 1) × dim × visits. Training is three passes;
    optimizer and recomputation do not count."""
    layer = 2 * DIM * DIM + 2 * KV * DIM + 2 * HIDDEN * DIM
    attention = 7 if passes == 3 else 2
    return 2 * passes * (VISITS[phase] * layer + VOCAB * DIM) + attention * (seq + 1) * DIM * VISITS[phase]


def all_sides(bench, stack, numerics, seq, plan, modes=None):
    """Ours first, then the peer in each of its modes."""
    workers = [bench.ours(*plan)]
    workers += [bench.theirs(mode, numerics, seq) for mode in (bench.options.mode if modes is None else modes)]
    return [stack.enter_context(worker) for worker in workers]


def seconds(results):
    return {label: result["seconds"] for label, result in results.items()}


def check(bench, table):
    """The peer computes the same model: loss and gradients of a small one, and the golden case's codes."""
    if not bench.options.mode:
        return
    constants, seq, sequences = {"dim": 64, "heads": 4, "kv_heads": 2, "vocab": 256}, 96, 2
    weights, shard = bench.file("small.safetensors"), bench.file("small.bin")
    run(*bench.peer("draw", weights, *definitions(constants)))
    bench.write_shard(shard, seq * sequences + 1, constants["vocab"])
    for numerics in bench.options.numerics:
        plan, _ = bench.plan(*definitions(constants), f"--numerics={numerics}", f"--probe={sequences}x{seq}", f"-Dseq={seq}",
                             f"-Dbatch_tokens={8 * seq * sequences}", "-Dstride=32")
        for phase in bench.options.phase:
            ours = bench.file(f"probe-{numerics}-{phase}.safetensors")
            run(bench.tool("pgrt"), "probe", plan, "--weights", weights, "--tokens", shard, "--batch", sequences, "--seq", seq,
                "--phase", phase, "-o", ours)
            for mode in bench.options.mode:
                out, _ = run(*bench.peer("check", weights, shard, ours, "--mode", mode, "--numerics", numerics, "--seq", seq,
                                         "--sequences", sequences, "--phase", phase, *definitions(constants)))
                found = json.loads(out.stdout)
                measure, within = GRADIENT_WITHIN[numerics]
                text = (f"check: {mode}, {numerics}, {phase}: gradients of {found['compared']} tensors differ by {found['error']:.1e}, "
                        f"the worst ({found['worst']}) by {found['worst_error']:.1e}, the loss by {found['loss']:.1e}")
                if not (found[measure] <= within and found["loss"] <= LOSS_WITHIN[numerics]):
                    sys.exit(text + ": not the same model")
                table.note(text)
    golden = os.path.join(HERE, "..", "..", "tests", "golden", "gptq", "expected.safetensors")
    found = json.loads(run(*bench.peer("gptq", golden))[0].stdout)
    text = f"check: the peer's GPTQ: {found['wrong']} of {found['compared']} codes differ from the golden case"
    if found["wrong"]:
        sys.exit(text)
    table.note(text)


def train(bench, table):
    """Micro-batches, updates, and the memory of both."""
    options = bench.options
    parts = 8
    bench.draw(options.batch_tokens + 1)
    for seq in options.seq:
        rows = max(1, options.micro_tokens // seq)
        micros = options.batch_tokens // (rows * seq)
        for numerics in options.numerics:
            plan = (f"-Dseq={seq}", f"-Dbatch_tokens={options.batch_tokens}", f"--micro-batch={rows}", f"--numerics={numerics}")
            for phase in options.phase:
                name = f"T = {seq}, {WHEN[phase]}"
                with contextlib.ExitStack() as stack:
                    workers = all_sides(bench, stack, numerics, seq, plan)
                    micro = bench.in_turn(workers, "train", phase, rows, LOSS_WITHIN[numerics])
                    update = bench.in_turn(workers, "update", phase)
                    combine = bench.in_turn(workers[:1], "combine")["ours"]["seconds"]
                    memory = {worker.label: worker.ask("memory")["peak_mib"] for worker in workers}
                step = {label: micros * micro[label]["seconds"] + update[label]["seconds"] for label in micro}
                step["ours"] += (parts - 1) * combine
                table.add(f"training, {name}", numerics, "tokens/s", {label: options.batch_tokens / s for label, s in step.items()},
                          flops=flops_per_token(seq, phase))
                table.add(f"micro-batch, {name}", numerics, "s", seconds(micro), higher=False)
                table.add("optimizer step", numerics, "s", seconds(update), higher=False)
                table.add(f"peak memory, {name}", numerics, "MiB", memory, higher=False)
                table.add("compiling, and the first micro-batch", numerics, "s",
                          {label: micro[label]["first"] + (bench.plan(*plan)[1] if label == "ours" else 0) for label in micro},
                          higher=False)


def evaluate(bench, table):
    """Windows of 2048: whole, and their last 64 positions as sliding evaluation scores them."""
    seq = 2048
    bench.draw(16 * seq + 1)
    for numerics in bench.options.numerics:
        plan = ("--only=evaluate", f"-Dseq={seq}", f"--numerics={numerics}")
        with contextlib.ExitStack() as stack:
            workers = all_sides(bench, stack, numerics, seq, plan)
            whole = bench.in_turn(workers, "score", "looped", loss_within=LOSS_WITHIN[numerics])
            end = bench.in_turn(workers, "end", "looped", loss_within=LOSS_WITHIN[numerics])
            memory = {worker.label: worker.ask("memory")["peak_mib"] for worker in workers}
        table.add(f"forward, T = {seq}", numerics, "tokens/s",
                  {label: seq * result["sequences"] / result["seconds"] for label, result in whole.items()},
                  flops=flops_per_token(seq, "looped", passes=1))
        table.add("sliding evaluation, stride 64", numerics, "windows/s",
                  {label: result["sequences"] / result["seconds"] for label, result in end.items()})
        table.add("peak memory, evaluation", numerics, "MiB", memory, higher=False)
        windows = json.loads(run(bench.tool("pg-windows"), bench.plan(*plan)[0], bench.options.medians)[0].stdout)
        table.note(f"{windows['ratio']:.3f} times as many windows a second at their last {windows['stride']} positions alone as whole; "
                   f"their scores differ by {windows['largest_difference']:.1e} at most")


def gptq(bench, table):
    """All matrices and the embedding, full size. Float32 on both sides, whatever the numerics."""
    bench.draw(bench.options.batch_tokens + 1)
    with contextlib.ExitStack() as stack:
        workers = all_sides(bench, stack, "f32", 2048, ("--numerics=f32", f"-Dbatch_tokens={bench.options.batch_tokens}"),
                            modes=bench.options.mode and ["eager"])
        workers[0].ask("capture")  # Hessians
        table.add("GPTQ of 67 tensors", "f32", "s", seconds(bench.in_turn(workers, "quantize")), higher=False)


def first_step(bench, command, log):
    """Seconds from the command to the end of the first step, and to its beginning."""
    begin = time.time()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    event = None
    while event is None:
        time.sleep(0.002)
        if os.path.exists(log):
            with open(log) as file:
                event = next((json.loads(line) for line in file if line.endswith("\n") and '"step"' in line.split(",")[0]), None)
        if event is None and process.poll() not in (None, 0):
            sys.exit(f"{' '.join(map(str, command))}\n{process.stderr.read()}")
    end = time.time() - begin
    process.communicate()
    return end, end - event["elapsed_s"]


def start(bench, table):
    """From a command to the end of the first step, of one sequence of 1024 tokens: compiling included, and without."""
    seq = 1024
    bench.draw(4 * seq + 1)
    for numerics in bench.options.numerics:
        plan = (f"-Dseq={seq}", f"-Dbatch_tokens={seq}", "-Dparts=1", "-Dloop_at=0.0", f"--numerics={numerics}")
        path, compiling = bench.plan(*plan)
        run_out = bench.file(f"start-{numerics}")
        command = [bench.tool("pgrt"), path, "--seed", 314, "--steps", 1, "--stages", "train", *bench.initial(), "--data", bench.shard]
        end, begin = first_step(bench, [*command, "--out", run_out], os.path.join(run_out, "log.jsonl"))
        cold, warm = {"ours": compiling + end}, {"ours": end}
        for mode in bench.options.mode:
            for values in (cold, warm):  # the second time from the cache that the first has left
                began = time.time()
                with bench.theirs(mode, numerics, seq) as worker:
                    worker.ask("train", "looped", 1)
                    worker.ask("update")
                    values[mode] = time.time() - began
                bench.say(f"start: {mode} {values[mode]:.1f} s")
        table.add("command to first step, compiling", numerics, "s", cold, higher=False)
        table.add("command to first step, compiled", numerics, "s", warm, higher=False)
        table.add("plan's command to the step's begin", numerics, "s", {"ours": begin}, higher=False)


def step(bench, table):
    """Whole steps of pgrt, and its time by kernel. A first step warms up, and does not count."""
    options = bench.options
    bench.draw(options.batch_tokens * (options.steps + 2) + 1)
    for seq in options.seq:
        for numerics in options.numerics:
            plan, _ = bench.plan(f"-Dseq={seq}", f"-Dbatch_tokens={options.batch_tokens}", "-Dloop_at=0.0", f"--numerics={numerics}")
            out = bench.file(f"step-{seq}-{numerics}")
            result, _ = run(bench.tool("pgrt"), plan, "--seed", 314, "--steps", options.steps + 1, "--stages", "train",
                            *bench.initial(), "--data", bench.shard, "--out", out, "--profile")
            print(result.stdout)
            with open(os.path.join(out, "log.jsonl")) as log:
                ends = [event["elapsed_s"] for event in map(json.loads, log) if event["event"] == "step"]
            median = statistics.median(end - begin for begin, end in zip(ends, ends[1:]))
            table.add(f"whole steps of pgrt, T = {seq}", numerics, "tokens/s", {"ours": options.batch_tokens / median},
                      flops=flops_per_token(seq, "looped"))


def compile_time(bench, table):
    """pgc at full size by pass, and the size of pgrt."""
    model = os.path.join(bench.options.models, "sp8192_recur.pgm")
    times = sorted(run(bench.tool("pgc"), model, "-o", bench.file("timed.plan"))[1] for _ in range(bench.options.medians))
    table.add("pgc at full size", "", "s", {"ours": times[len(times) // 2]}, higher=False)
    result, _ = run(bench.tool("pgc"), model, "-o", bench.file("timed.plan"), "--mlir-timing")
    table.note("\npgc by pass (--mlir-timing)\n" + "\n".join(slowest_passes(result.stderr, 20)))
    stripped = bench.file("pgrt-stripped")
    run("strip", "-o", stripped, bench.tool("pgrt"))
    table.add("pgrt, stripped", "", "MB", {"ours": os.path.getsize(stripped) / 1e6}, higher=False)


def slowest_passes(report, most):
    """The lines of MLIR's report that took longest, at least 1 % of the whole."""
    lines = [line for line in report.splitlines() if re.search(r"\d\.\d+ +\( *\d+\.\d+%\)", line)]
    timed = [(float(re.findall(r"(\d+\.\d+) +\(", line)[-1]), line) for line in lines]
    total = max((seconds for seconds, _ in timed), default=0)
    return [line for seconds, line in sorted(timed, key=lambda item: -item[0])[:most] if seconds >= 0.01 * total]
