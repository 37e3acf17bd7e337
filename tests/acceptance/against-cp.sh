#!/usr/bin/env bash
# Merges a BF16 pair as a whole process with durable output, in turn with what cannot be beaten: copies of the output, or of inputs that the page cache does not hold.
#   against-cp.sh [SIZE|RECIPE=2GB] [RUNS=5] [DIRECTORY=a temporary one]     for example: against-cp.sh internlm2-chat-1.8b
# COLD=1         inputs not in the page cache (as root: it is emptied before each run); in turn with "dd" that reads both directly while another writes the output directly
# PEER='COMMAND' measured in turn too; it finds BASE, ALIGNED, OUT (to be written) and ALPHA in its environment
# OPTIONS='…'    more of the merge's
set -euo pipefail
size=${1:-2GB} runs=${2:-5} place=${3:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$(dirname "$0")/disk.bash"
expo=${EXPO:-$root/artifacts/bin/ExpoCluster.Cli/release/expocluster}
shape=(--size "$size"); [[ $size == *-* ]] && shape=(--like "$size")
if [ -z "$place" ]; then place=$(mktemp -d); trap 'rm -rf "$place"' EXIT; fi
export BASE=$place/base ALIGNED=$place/aligned OUT=$place/peer ALPHA=0.3
[ -d "$BASE" ] || "$expo" sample "$place" "${shape[@]}" > /dev/null
inputs=("$BASE"/*.safetensors "$ALIGNED"/*.safetensors)
results=$(mktemp -d)

# Warm: whoever reads finds it in memory; this also holds for the copies' source. Cold: nobody does.
prepare() {
  rm -rf "$place/out" "$place/copy" "$OUT"; mkdir "$place/copy"; sync
  if [ -n "${COLD:-}" ]; then echo 3 > /proc/sys/vm/drop_caches; else cat "$@" > /dev/null; fi
}
measure() { # NAME COMMAND…
  local name=$1 begin end; shift
  begin=$(date +%s.%N); "$@" > /dev/null; end=$(date +%s.%N)
  printf ' %s %.2f s' "$name" "$(echo "$end - $begin" | bc -l)"
  echo "$end - $begin" | bc -l >> "$results/$name"
}
merge() { "$expo" merge --base "$BASE" --aligned "$ALIGNED" --alpha $ALPHA --out "$place/out" --quiet ${OPTIONS:-}; }
copy() { cp "$place/keep/"*.safetensors "$place/copy/" && sync; }
direct() { local file; for file in "$place"/keep/*.safetensors; do dd if="$file" of="$place/copy/$(basename "$file")" bs=4M oflag=direct conv=fsync status=none; done; }
both() { read_and_write "$place/copy/x" "$(bytes_of "$place"/keep/*.safetensors)" "${inputs[@]}"; }
median() { sort -n "$results/$1" | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }

if [ ! -d "$place/keep" ]; then merge > /dev/null; mv "$place/out" "$place/keep"; fi
for run in $(seq "$runs"); do
  printf 'run %s:' "$run"
  prepare "${inputs[@]}"; measure merge merge
  if [ -n "${COLD:-}" ]; then
    prepare; measure dd-both both
    prepare; measure cat cat "${inputs[@]}"
  else
    prepare "$place"/keep/*.safetensors; measure cp+sync copy
    prepare "$place"/keep/*.safetensors; measure dd-direct direct
    prepare "${inputs[@]}"; measure cat cat "${inputs[@]}"
  fi
  if [ -n "${PEER:-}" ]; then prepare "${inputs[@]}"; measure peer bash -c "$PEER"; fi
  echo
done
printf 'median: merge %.2f s' "$(median merge)"
for other in "$results"/*; do
  name=$(basename "$other")
  [ "$name" = merge ] || printf ', %s %.2f s (ratio %.2f)' "$name" "$(median "$name")" "$(echo "$(median merge) / $(median "$name")" | bc -l)"
done
echo
rm -rf "$place/out" "$place/copy" "$OUT" "$results"
