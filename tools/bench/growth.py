"""How cost grows: time of a micro-batch and peak memory against tokens, T, width, depth, visits and threads, with exponents.

Small models, so that it takes a minute or two. An exponent is the slope of a straight line through logarithms: 1 where cost grows
in proportion. With T the products grow in proportion and attention with T²; with the width, products with its square.
"""
import math
import statistics

from sides import Worker

BASE = {"dim": 256, "layers": 6, "num_loops": 0, "seq": 512, "rows": 2, "threads": 2}
SERIES = {
    "tokens (sequences of 512)": [{"rows": rows} for rows in (1, 2, 4, 8)],
    "T, of 4096 tokens": [{"seq": seq, "rows": 4096 // seq} for seq in (256, 512, 1024, 2048, 4096)],
    "width": [{"dim": dim} for dim in (128, 256, 512, 1024)],
    "depth": [{"layers": layers} for layers in (4, 8, 16, 32)],
    "visits, of the same 6 layers": [{"num_loops": loops} for loops in (0, 3, 9)],
    "threads": [{"threads": threads} for threads in (1, 2)],
}
# What a series varies, as a number.
SIZE = {"tokens (sequences of 512)": lambda c: c["rows"] * c["seq"], "T, of 4096 tokens": lambda c: c["seq"], "width": lambda c: c["dim"],
        "depth": lambda c: c["layers"], "visits, of the same 6 layers": lambda c: c["layers"] + 2 * c["num_loops"],
        "threads": lambda c: c["threads"]}


def exponent(sizes, costs):
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)


def measure(bench, case, numerics):
    """Median seconds of a micro-batch, and the process's peak in MiB."""
    heads, tokens = max(2, case["dim"] // 64), case["seq"] * case["rows"]
    plan, _ = bench.plan(f"-Ddim={case['dim']}", f"-Dheads={heads}", f"-Dkv_heads={heads // 2}", "-Dvocab=1024",
                         f"-Dlayers={case['layers']}", "-Dloop_start=1", "-Dloop_end=2", f"-Dnum_loops={case['num_loops']}",
                         "-Dparallel_from=-1", f"-Dseq={case['seq']}", "-Dparts=1", f"-Dbatch_tokens={tokens}", "-Dstride=64",
                         f"--micro-batch={case['rows']}", f"--numerics={numerics}")
    with Worker("ours", [bench.tool("pg-pieces"), plan, "-", bench.small_shard, case["threads"]]) as worker:
        phase = "looped" if case["num_loops"] else "plain"
        times = [worker.ask("train", phase)["seconds"] for _ in range(bench.options.repetitions + 1)][1:]
        return statistics.median(times), worker.ask("memory")["peak_mib"]


def scaling(bench, table):
    bench.small_shard = bench.file("small_000000.bin")
    bench.write_shard(bench.small_shard, 8193, 1024)
    for numerics in bench.options.numerics[:1]:
        for name, changes in SERIES.items():
            cases = [BASE | change for change in changes]
            sizes = [SIZE[name](case) for case in cases]
            found = [measure(bench, case, numerics) for case in cases]
            lines = [f"\ncost against {name} ({numerics}): exponent of time {exponent(sizes, [t for t, _ in found]):.2f}, "
                     f"of peak memory {exponent(sizes, [m for _, m in found]):.2f}"]
            lines += [f"  {size:>8}  {1e3 * t:10.1f} ms  {m:8.0f} MiB" for size, (t, m) in zip(sizes, found)]
            table.note("\n".join(lines))
