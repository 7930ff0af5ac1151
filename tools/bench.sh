#!/usr/bin/env bash
# Speed as ratios within one run: whole training steps of the full model, after the recurrence switch, beside the product rate
# that oneDNN reaches on the same machine in the same run; and windows of a sliding evaluation at T = 2048, scored whole and at
# their ends of 64 alone. Prints a table, and time by kernel. A first step warms up, and does not count.
#
# usage: tools/bench.sh [--build DIR] [--steps N] [--batch-tokens N] [--seq T]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build steps=1 batch_tokens=32768 seq=1024
while [[ $# -gt 0 ]]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --steps) steps=$2; shift 2 ;;
    --batch-tokens) batch_tokens=$2; shift 2 ;;
    --seq) seq=$2; shift 2 ;;
    --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "bench.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
done
"$root/tools/packages.sh"
[[ -f $build/build.ninja ]] || (cd "$root" && cmake --preset release -B "$build")
cmake --build "$build" --target pgc pgrt pg-peak pg-windows
exec python3 "$root/tools/bench/bench.py" "$build" "$root/models" --steps "$steps" --batch-tokens "$batch_tokens" \
  --seq "$seq"
