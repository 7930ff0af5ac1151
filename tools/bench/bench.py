#!/usr/bin/env python3
"""Measures pgc and pgrt beside PyTorch, and beside what the machine can do. See tools/bench.sh."""
import argparse
import json
import os
import tempfile
import time

import growth
import sections
from sides import NUMERICS, Bench, run
from table import Table

ORDER = {"check": sections.check, "train": sections.train, "evaluate": sections.evaluate, "gptq": sections.gptq,
         "start": sections.start, "step": sections.step, "compile": sections.compile_time, "scaling": growth.scaling}


def limits(bench):
    return json.loads(run(bench.tool("pg-peak"))[0].stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("models")
    parser.add_argument("--python", help="of the virtual environment that has PyTorch; none: ours alone is measured")
    parser.add_argument("--section", action="append", choices=ORDER, help=f"(repeatable; all of {', '.join(ORDER)} but scaling)")
    parser.add_argument("--scaling", action="store_true", help="also cost against tokens, width, depth, visits and threads")
    parser.add_argument("--seq", type=int, action="append", help="training's T (repeatable; 1024 and 2048)")
    parser.add_argument("--phase", action="append", choices=("plain", "looped"), help="before or after the switch (both)")
    parser.add_argument("--numerics", action="append", choices=NUMERICS, help="(both)")
    parser.add_argument("--mode", action="append", choices=("eager", "compile"), help="the peer's (both)")
    parser.add_argument("--medians", type=int, default=3, help="runs of each piece after the warm-up")
    parser.add_argument("--warm-up", type=int, default=2, help="first runs of each piece, which do not count")
    parser.add_argument("--micro-tokens", type=int, default=4096, help="tokens of a micro-batch, on both sides")
    parser.add_argument("--batch-tokens", type=int, default=32768, help="tokens of a training step")
    parser.add_argument("--steps", type=int, default=1, help="whole steps of pgrt in section step, after a first one")
    parser.add_argument("--out", help="the results, as FILE.json and FILE.txt (BUILD/bench)")
    options = parser.parse_args()
    options.seq = options.seq or [1024, 2048]
    options.phase = options.phase or ["plain", "looped"]
    options.numerics = options.numerics or list(NUMERICS)
    options.mode = (options.mode or ["eager", "compile"]) if options.python else []
    chosen = options.section or ([] if options.scaling else [name for name in ORDER if name != "scaling"])
    if options.scaling and "scaling" not in chosen:
        chosen.append("scaling")

    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        before = table.limits = limits(bench)
        for name in [name for name in ORDER if name in chosen]:
            begin = time.time()
            ORDER[name](bench, table)
            bench.say(f"section {name} took {time.time() - begin:.0f} s")
        after = limits(bench)
        table.limits = {name: (before[name] + after[name]) / 2 for name in before}
    path = options.out or os.path.join(options.build, "bench")
    table.save(path)
    print("\n" + table.text() + f"\nsaved in {path}.json and {path}.txt")


if __name__ == "__main__":
    main()
