"""What is measured: the sections of bench.py. Each takes the sides and the table that it fills."""
import contextlib
import json
import os
import re
import statistics
import subprocess
import time

from sides import HERE, OWN, VOCAB, Failed, definitions, peak_of, run

DIM, KV, HIDDEN = 512, 256, 2048
VISITS = {"plain": 11, "looped": 17}
WHEN = {"plain": "before the switch", "looped": "after the switch"}
LOSS_WITHIN = {"f32": 1e-4, "bf16": 5e-3}  # of ours, relative
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
    """Ours first, then ours in other numerics that compare with the same of the peer's, then the peer in each of its modes."""
    workers = [bench.ours(*plan, f"--numerics={own}", label="ours" if own == OWN[numerics][0] else own) for own in OWN[numerics]]
    workers += [bench.theirs(mode, numerics, seq) for mode in (bench.options.mode if modes is None else modes)]
    return [stack.enter_context(worker) for worker in workers]


def own_numerics(bench):
    """Pairs of the peer's numerics and ours."""
    return [(numerics, own) for numerics in bench.options.numerics for own in OWN[numerics]]


def seconds(results):
    return {label: result["seconds"] for label, result in results.items()}


def check(bench, table):
    """The peer computes the same model: loss and gradients of a small one, and the golden case's codes. Compiled, which takes long, in
    one phase; its losses are compared where it is timed, too."""
    if not bench.options.mode:
        return
    constants, seq, sequences = {"dim": 64, "heads": 4, "kv_heads": 2, "vocab": 256}, 96, 2
    weights, shard = bench.file("small.safetensors"), bench.file("small.bin")
    run(*bench.peer("draw", weights, *definitions(constants)))
    bench.write_shard(shard, seq * sequences + 1, constants["vocab"])
    for numerics, own in own_numerics(bench):
        plan, _ = bench.plan(*definitions(constants), f"--numerics={own}", f"--probe={sequences}x{seq}", f"-Dseq={seq}",
                             f"-Dbatch_tokens={8 * seq * sequences}", "-Dstride=32")
        for phase in bench.options.phase:
            ours = bench.file(f"probe-{own}-{phase}.safetensors")
            run(bench.tool("pgrt"), "probe", plan, "--weights", weights, "--tokens", shard, "--batch", sequences, "--seq", seq,
                "--phase", phase, "-o", ours)
            for mode in bench.options.mode:
                if mode == "compile" and (phase != bench.options.phase[-1] or own != OWN[numerics][0]):
                    continue
                out, _ = run(*bench.peer("check", weights, shard, ours, "--mode", mode, "--numerics", numerics, "--seq", seq,
                                         "--sequences", sequences, "--phase", phase, *definitions(constants)))
                found = json.loads(out.stdout)
                measure, within = GRADIENT_WITHIN[numerics]
                text = (f"check: {mode}, {own}, {phase}: gradients of {found['compared']} tensors differ by {found['error']:.1e}, "
                        f"the worst ({found['worst']}) by {found['worst_error']:.1e}, the loss by {found['loss']:.1e}")
                if not (found[measure] <= within and found["loss"] <= LOSS_WITHIN[numerics]):
                    raise Failed(text + ": not the same model")
                table.note(text)
    golden = os.path.join(HERE, "..", "..", "tests", "golden", "gptq", "expected.safetensors")
    found = json.loads(run(*bench.peer("gptq", golden))[0].stdout)
    text = f"check: the peer's GPTQ: {found['wrong']} of {found['compared']} codes differ from the golden case"
    if found["wrong"]:
        raise Failed(text)
    table.note(text)


def train(bench, table):
    """Micro-batches, updates, and the memory of both. A case that fails is said to, and the next begins."""
    bench.draw(bench.options.batch_tokens + 1)
    for seq, phase in bench.options.cases:
        for numerics in bench.options.numerics:
            try:
                train_case(bench, table, seq, phase, numerics)
            except Failed as error:
                bench.fail(f"training, T = {seq}, {WHEN[phase]}, {numerics}: {error}")


def train_case(bench, table, seq, phase, numerics):
    batch, parts = bench.options.batch_tokens, 8
    rows = max(1, bench.options.micro_tokens // seq)
    plan = (f"-Dseq={seq}", f"-Dbatch_tokens={batch}", f"--micro-batch={rows}")
    with contextlib.ExitStack() as stack:
        workers = all_sides(bench, stack, numerics, seq, plan)
        micro = bench.in_turn(workers, "train", phase, rows, LOSS_WITHIN[numerics])
        update = bench.in_turn(workers, "update", phase)
        own = [worker for worker in workers if worker.label not in bench.options.mode]
        combine = bench.in_turn(own, "combine")
        memory = {}
        for worker in workers:
            try:
                worker.ask("train", phase, rows)  # once more, now that optimizer states and averages are there
                memory[worker.label] = worker.ask("memory")["peak_mib"]
            except Failed as error:
                bench.fail(f"peak memory: {error}")
    micros, name = batch // (rows * seq), f"T = {seq}, {WHEN[phase]}"
    step = {label: micros * micro[label]["seconds"] + update[label]["seconds"] for label in update}
    for label, result in combine.items():
        step[label] += (parts - 1) * result["seconds"]
    table.add(f"training, {name}", numerics, "tokens/s", {label: batch / s for label, s in step.items()},
              flops=flops_per_token(seq, phase))
    table.add(f"micro-batch of {rows}, {name}", numerics, "s", seconds(micro), higher=False)
    table.add("optimizer step", numerics, "s", seconds(update), higher=False)
    table.add(f"peak memory, {name}", numerics, "MiB", memory, higher=False)
    # What the first call takes beyond the others; of eager, that is warming up.
    compiling = {"ours": bench.plan(*plan, f"--numerics={numerics}")[1]}
    if "compile" in micro:
        compiling["compile"] = micro["compile"]["first"] - micro["compile"]["seconds"]
    table.add("compiling", numerics, "s", compiling, higher=False)


def evaluate(bench, table):
    """Windows of 2048: whole, and their last 64 positions as sliding evaluation scores them."""
    bench.draw(16 * 2048 + 1)
    for numerics in bench.options.numerics:
        try:
            evaluate_case(bench, table, numerics)
        except Failed as error:
            bench.fail(f"evaluation, {numerics}: {error}")


def evaluate_case(bench, table, numerics):
    seq = 2048
    plan = ("--only=evaluate", f"-Dseq={seq}")
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
    windows = json.loads(run(bench.tool("pg-windows"), bench.plan(*plan, f"--numerics={numerics}")[0], bench.options.repetitions)[0].stdout)
    table.note(f"{windows['ratio']:.3f} times as many windows a second at their last {windows['stride']} positions alone as whole; "
               f"their scores differ by {windows['largest_difference']:.1e} at most")


def gptq(bench, table):
    """All matrices and the embedding, full size. Float32 on both sides, whatever the numerics."""
    bench.draw(bench.options.batch_tokens + 1)
    with contextlib.ExitStack() as stack:
        workers = all_sides(bench, stack, "f32", 2048, (f"-Dbatch_tokens={bench.options.batch_tokens}",),
                            modes=bench.options.mode and ["eager"])
        workers[0].ask("capture")  # Hessians
        table.add("GPTQ of 67 tensors", "f32", "s", seconds(bench.in_turn(workers, "quantize")), higher=False)


def first_step(command, log):
    """Seconds from the command to the end of the first step, and to its beginning."""
    begin = time.time()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        event = None
        while event is None:
            time.sleep(0.002)
            ended = process.poll()
            if os.path.exists(log):
                with open(log) as file:
                    event = next((json.loads(line) for line in file if line.endswith("\n") and '"step"' in line.split(",")[0]), None)
            if event is None and ended is not None:
                raise Failed(f"{' '.join(map(str, command))}\nwithout a step\n{process.stderr.read()}")
        end = time.time() - begin
        process.communicate()
    return end, end - event["elapsed_s"]


def start(bench, table):
    """From a command to the end of the first step, of one sequence of 1024 tokens: compiling included, and without. In the first of
    the numerics alone."""
    seq, numerics = 1024, bench.options.numerics[0]
    bench.draw(4 * seq + 1)
    plan = (f"-Dseq={seq}", f"-Dbatch_tokens={seq}", "-Dparts=1", "-Dloop_at=0.0", f"--numerics={numerics}")
    path, compiling = bench.plan(*plan)
    runs = []
    for i in range(bench.options.repetitions):
        out = bench.file(f"start-{i}")
        command = [bench.tool("pgrt"), path, "--seed", 314, "--steps", 1, "--stages", "train", "--data", bench.shard, "--out", out]
        runs.append(first_step([*command, *bench.initial()], os.path.join(out, "log.jsonl")))
    end, begin = (statistics.median(values) for values in zip(*runs))
    table.add("plan's command to the step's begin", numerics, "s", {"ours": begin}, higher=False)
    cold, warm = {"ours": compiling + end}, {"ours": end}
    for mode in bench.options.mode:
        for values in (cold, warm):  # the second time from the cache that the first has left
            try:
                began = time.time()
                with bench.theirs(mode, numerics, seq, "start") as worker:
                    worker.ask("train", "looped", 1)
                    worker.ask("update")
                    values[mode] = time.time() - began
                bench.say(f"start: {mode} {values[mode]:.1f} s")
            except Failed as error:
                bench.fail(f"start: {error}")
    table.add("command to first step, compiling", numerics, "s", cold, higher=False)
    table.add("command to first step, compiled", numerics, "s", warm, higher=False)


def step(bench, table):
    """Whole steps of pgrt, its peak memory, and its time by kernel. A first step warms up, and does not count."""
    options = bench.options
    bench.draw(options.batch_tokens * (options.steps + 2) + 1)
    for seq, numerics in [(seq, own) for seq in options.seq for _, own in own_numerics(bench)]:
        if numerics == "f32" and seq != options.seq[0]:
            continue  # takes longest, and says little more
        plan, _ = bench.plan(f"-Dseq={seq}", f"-Dbatch_tokens={options.batch_tokens}", "-Dloop_at=0.0", f"--numerics={numerics}")
        out = bench.file(f"step-{seq}-{numerics}")
        output, peak = peak_of(bench.tool("pgrt"), plan, "--seed", 314, "--steps", options.steps + 1, "--stages", "train",
                               *bench.initial(), "--data", bench.shard, "--out", out, "--profile")
        bench.say(output)
        with open(os.path.join(out, "log.jsonl")) as log:
            ends = [event["elapsed_s"] for event in map(json.loads, log) if event["event"] == "step"]
        median = statistics.median(end - begin for begin, end in zip(ends, ends[1:]))
        table.add(f"whole steps of pgrt, T = {seq}", numerics, "tokens/s", {"ours": options.batch_tokens / median},
                  flops=flops_per_token(seq, "looped"))
        table.add(f"peak memory of pgrt, T = {seq}", numerics, "MiB", {"ours": peak}, higher=False)


def compile_time(bench, table):
    """pgc at full size by pass, and the size of pgrt."""
    model = os.path.join(bench.options.models, "sp8192_recur.pgm")
    times = sorted(run(bench.tool("pgc"), model, "-o", bench.file("timed.plan"))[1] for _ in range(bench.options.repetitions))
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
