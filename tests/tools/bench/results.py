"""Ratios, shares and exponents of tools/bench: results.py BENCH_DIR"""
import contextlib
import io
import math
import sys

sys.path.insert(0, sys.argv[1])
import growth
import sections
from table import Table

assert math.isclose(growth.exponent([1, 2, 4, 8], [3, 12, 48, 192]), 2)
assert math.isclose(growth.exponent([1, 3], [5, 5]), 0)

table = Table()
table.limits = {"product_bf16_gflops": 100.0}
with contextlib.redirect_stdout(io.StringIO()):
    table.add("rate", "bf16", "tokens/s", {"ours": 30.0, "eager": 10.0, "compile": 15.0}, flops=2e9)
    table.add("time", "f32", "s", {"ours": 2.0, "eager": 10.0, "compile": 4.0}, higher=False)
    table.add("alone", "f32", "s", {"ours": 2.0}, higher=False)
rate, time, alone = table.rows
assert table.ratio(rate) == 2 and table.ratio(time) == 2 and table.ratio(alone) is None
assert table.shares(rate) == {"ours": 0.6, "eager": 0.2, "compile": 0.3} and table.shares(time) == {}

# The count of the model file's head: 11 visits, or 17 after the switch, and the head of 8192 tokens.
matrices = lambda visits: visits * (2 * 512 * 512 + 2 * 256 * 512 + 2 * 2048 * 512) + 8192 * 512
assert sections.flops_per_token(1024, "looped") == 6 * matrices(17) + 7 * 1025 * 512 * 17
assert sections.flops_per_token(2048, "plain", passes=1) == 2 * matrices(11) + 2 * 2049 * 512 * 11
