#!/usr/bin/env bash
# From a fresh Debian 12 to a trained model: installs what is needed, builds, makes data from English texts of Debian's
# packages, compiles models/quickstart.pgm, trains it for two minutes and compares it with gzip and xz.
#
# usage: tools/quickstart.sh [--build DIR] [--work DIR] [--smoke]
#   --build DIR   build folder                                  (default: build)
#   --work DIR    where data, plan and run go                   (default: .)
#   --smoke       a tiny run of everything, for tests: no installation, no building, little text, a few steps
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build work=$root smoke=0
while [[ $# -gt 0 ]]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --work) work=$2; shift 2 ;;
    --smoke) smoke=1; shift ;;
    --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
done

say() { printf '\n== %s\n' "$*"; }

text_limit=1000000000 validation_bytes=1100000 define=() run=()
if [[ $smoke -eq 1 ]]; then
  text_limit=300000 validation_bytes=30000
  define=(-D vocab=400 -D dim=48 -D batch_tokens=1024 -D seq=64 -D rope_train_len=64)
  run=(--steps 6)
else
  say "Installing what is missing"
  "$root/tools/packages.sh" --with-texts
  say "Building"
  (cd "$root" && cmake --preset release -B "$build" && cmake --build "$build" --target pgc pgrt pgdata)
fi
pgc=$build/bin/pgc pgrt=$build/bin/pgrt pgdata=$build/bin/pgdata
vocab=$([[ $smoke -eq 1 ]] && echo 400 || echo 1024)
data=$work/data/sp$vocab plan=$work/build/quickstart.plan out=$work/runs/quickstart-seed314

say "Making data from English texts"
if [[ ! -f $data/manifest.json ]]; then
  python3 "$root/tools/quickstart/texts.py" "$work/build/texts" "$text_limit"
  "$pgdata" build "$work"/build/texts/*.txt --vocab "$vocab" --documents paragraphs --val-bytes "$validation_bytes" --out "$data"
else
  echo "$data is there already"
fi

say "Compiling models/quickstart.pgm"
mkdir -p "$(dirname "$plan")"
"$pgc" "$root/models/quickstart.pgm" "${define[@]}" -o "$plan"

say "Training and evaluating"
"$pgrt" "$plan" --seed 314 --data "$data" --out "$out" "${run[@]}"

say "What it made, beside general-purpose compressors on exactly the bytes that were scored"
# The score is of the targets: tokens 1 to `tokens` of the validation shards.
read -r tokens bytes bpb < <(python3 - "$out/log.jsonl" <<'PY'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
last = [event for event in events if event["event"] == "eval"][-1]
print(last["tokens"], last["bytes"], f'{last["bpb"]:.4f}')
PY
)
scored=$work/build/scored.txt
"$pgdata" decode "$data" --first 1 --count "$tokens" > "$scored"
size=$(stat -c %s "$scored")
if [[ $size -ne $bytes ]]; then
  echo "quickstart.sh: the byte table counts $bytes bytes, the scored text has $size" >&2
  exit 1
fi
bits() { awk -v compressed="$1" -v size="$size" 'BEGIN { printf "%.4f", 8 * compressed / size }'; }
printf '%-28s %8s bits per byte\n' "gzip -9" "$(bits "$(gzip -9 -c "$scored" | wc -c)")" \
  "xz -9e" "$(bits "$(xz -9e -c "$scored" | wc -c)")" "quickstart.pgm" "$bpb"
cat <<TEXT

$size bytes of text that training never saw. Made:
  $data        tokenizer, shards, manifest
  $plan        the whole experiment, compiled
  $out         weights, artifact, log

Try next:
  $pgrt $plan --seed 314 --data $data --wallclock 600          the same plan, ten minutes
  $pgc $root/models/quickstart.pgm -D layers=8 -o wider.plan    any constant of the file
  $pgc $root/models/quickstart.pgm --emit=sched                 the schedule, readable
  $pgrt verify $out/artifact.pgz --data $data        is it a legal entry?
  $pgrt inspect $plan                                           parameters, memory, programs, kernels
TEXT
