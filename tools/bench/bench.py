#!/usr/bin/env python3
"""Measures pgc and pgrt beside PyTorch, and beside what the machine can do. See tools/bench.sh."""
import argparse
import json
import os
import sys
import tempfile
import time

import growth
import sections
from sides import NUMERICS, Bench, Failed, run
from table import Table

ORDER = {"check": sections.check, "train": sections.train, "evaluate": sections.evaluate, "gptq": sections.gptq,
         "start": sections.start, "step": sections.step, "compile": sections.compile_time, "scaling": growth.scaling}


def limits(bench):
    """What the machine can do; nothing where that cannot be measured."""
    try:
        return json.loads(run(bench.tool("pg-peak"))[0].stdout)
    except Failed as error:
        bench.fail(f"limits of the machine: {error}")
        return {}


def measure(bench, table, chosen):
    """Runs the sections. One that fails is said to, and the next begins; what was measured stays."""
    begin = time.time()
    before = table.limits = limits(bench)
    for name in [name for name in ORDER if name in chosen]:
        started = time.time()
        try:
            ORDER[name](bench, table)
        except Failed as error:
            bench.fail(f"section {name}: {error}")
        bench.say(f"section {name} took {time.time() - started:.0f} s, all up to here {time.time() - begin:.0f} s")
    after = limits(bench)
    table.limits = {name: (before[name] + after[name]) / 2 for name in before if name in after}
    table.note(f"\nmeasured in {(time.time() - begin) / 60:.0f} minutes; medians of {bench.options.repetitions} after {bench.options.warm_up} that warm up")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("models")
    parser.add_argument("--python", help="of the virtual environment that has PyTorch; none: ours alone is measured")
    parser.add_argument("--section", action="append", choices=ORDER, help=f"(repeatable; all of {', '.join(ORDER)} but scaling)")
    parser.add_argument("--scaling", action="store_true", help="also cost against tokens, width, depth, visits and threads")
    parser.add_argument("--seq", type=int, action="append", help="training's T (repeatable; 1024, and 2048 after the switch)")
    parser.add_argument("--phase", action="append", choices=("plain", "looped"), help="before or after the switch (both)")
    parser.add_argument("--numerics", action="append", choices=NUMERICS, help="(both)")
    parser.add_argument("--mode", action="append", choices=("eager", "compile"), help="the peer's (both)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each piece after the warm-up, of which the median counts")
    parser.add_argument("--warm-up", type=int, default=2, help="first runs of each piece, which do not count")
    parser.add_argument("--micro-tokens", type=int, default=2048, help="tokens of a micro-batch, on both sides")
    parser.add_argument("--batch-tokens", type=int, default=32768, help="tokens of a training step")
    parser.add_argument("--steps", type=int, default=1, help="whole steps of pgrt in section step, after a first one")
    parser.add_argument("--out", help="the results, as FILE.json and FILE.txt (BUILD/bench)")
    options = parser.parse_args()
    # The costlier phase alone where T is longer, unless asked for.
    options.cases = [(seq, phase) for seq in options.seq or [1024, 2048] for phase in options.phase or ["plain", "looped"]
                     if options.seq or options.phase or seq == 1024 or phase == "looped"]
    options.seq = options.seq or [1024, 2048]
    options.phase = options.phase or ["plain", "looped"]
    options.numerics = options.numerics or list(NUMERICS)
    options.mode = (options.mode or ["eager", "compile"]) if options.python else []
    chosen = options.section or ([] if options.scaling else [name for name in ORDER if name != "scaling"])
    if options.scaling and "scaling" not in chosen:
        chosen.append("scaling")

    table = Table(options.out or os.path.join(options.build, "bench"))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder, table)
        try:
            measure(bench, table, chosen)
        except KeyboardInterrupt:
            bench.fail("interrupted")
    table.save()
    print(f"\n{table.text()}\nsaved in {table.path}.json and {table.path}.txt")
    sys.exit(bench.failed)


if __name__ == "__main__":
    main()
