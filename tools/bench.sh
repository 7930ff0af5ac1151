#!/usr/bin/env bash
# Speed and memory beside PyTorch, in the same run on the same machine: eager and torch.compile, bf16 autocast and float32, the same
# model from the same weights on the same tokens, in turn with ours; and beside what the machine can do (oneDNN's products on all
# cores, a copy in memory). PyTorch is checked to compute the same before it is timed. Prints a table, and saves it as
# build/bench.json and build/bench.txt whenever a line is added; what fails says so, and the rest goes on (exit status 1 then).
# All of it takes some twenty minutes on two cores, besides building and installing PyTorch; an interrupt leaves what there is.
#
# usage: tools/bench.sh [--build DIR] [--no-peer] [--section NAME]… [--seq T]… [--phase plain|looped]… [--numerics bf16|f32]…
#                       [--mode eager|compile]… [--repetitions N] [--warm-up N] [--scaling] [--micro-tokens N]
#                       [--batch-tokens N] [--steps N] [--out FILE]
#
#   --section      check: loss, gradients and codes of the peer; train: micro-batches, updates, memory, at T = 1024 before and after
#                  the switch, at T = 2048 after it; evaluate: forward and sliding; gptq; start: from the command to the first step;
#                  step: whole steps of pgrt, and its time by kernel; compile: pgc by pass, size of pgrt; scaling. All but scaling,
#                  if none is named
#   --scaling      cost against tokens, width, depth, visits and threads, with exponents
#   --no-peer      ours alone; nothing is installed
#   --repetitions  runs of a piece after the warm-up, of which the median counts (3)
#   --warm-up      first runs of a piece, which do not count (2)
#
# Memory is the peak that the system counts for the process of each side, with everything in it, when a step's optimizer states,
# averages and sums of gradients are there.
#
# PyTorch's newest release comes from PyPI, into a virtual environment in ${XDG_CACHE_HOME:-~/.cache}/pgc-bench, or in
# $PGC_BENCH_VENV, where it stays.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build peer=1 options=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --no-peer) peer=0; shift ;;
    --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) options+=("$1"); shift ;;
  esac
done
"$root/tools/packages.sh" $([[ $peer = 0 ]] || echo --with-peer)
[[ -f $build/build.ninja ]] || (cd "$root" && cmake --preset release -B "$build")
cmake --build "$build" --target pgc pgrt pg-peak pg-pieces pg-windows
if [[ $peer = 1 ]]; then
  venv=${PGC_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/pgc-bench}
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  if "$venv/bin/python" -c 'import torch, numpy, safetensors' 2>/dev/null || "$venv/bin/pip" install --quiet torch numpy safetensors; then
    options+=(--python "$venv/bin/python")
  else
    echo "bench.sh: PyTorch could not be installed: ours alone is measured" >&2
  fi
fi
exec python3 "$root/tools/bench/bench.py" "$build" "$root/models" "${options[@]}"
