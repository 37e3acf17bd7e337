#!/usr/bin/env bash
# Merges a BF16 pair and copies its output, in turn, as whole processes with durable output; prints medians and their ratio.
#   against-cp.sh [SIZE|RECIPE=2GB] [RUNS=5] [DIRECTORY=a temporary one]     for example: against-cp.sh internlm2-chat-1.8b
set -euo pipefail
size=${1:-2GB} runs=${2:-5} place=${3:-$(mktemp -d)}
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=$root/artifacts/bin/ExpoCluster.Cli/release/expocluster
shape=(--size "$size"); [[ $size == *-* ]] && shape=(--like "$size")
[ -d "$place/base" ] || "$expo" sample "$place" "${shape[@]}"
cat "$place"/base/*.safetensors "$place"/aligned/*.safetensors > /dev/null

seconds() { local begin end; begin=$(date +%s.%N); "$@" > /dev/null; end=$(date +%s.%N); echo "$end - $begin" | bc -l; }
merge() { "$expo" merge --base "$place/base" --aligned "$place/aligned" --alpha 0.3 --out "$place/out" --quiet; }
copy() { cp "$place/out/"*.safetensors "$place/copy/" && sync; }
direct() { for file in "$place"/out/*.safetensors; do dd if="$file" of="$place/copy/$(basename "$file")" bs=4M oflag=direct conv=fsync status=none; done; }
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

rm -rf "$place/out" "$place/copy"; merge > /dev/null
for run in $(seq "$runs"); do
  mkdir -p "$place/copy"; sync
  c=$(seconds copy); rm -rf "$place/copy"; mkdir -p "$place/copy"; sync
  d=$(seconds direct); rm -rf "$place/copy"; sync
  rm -rf "$place/out"; sync
  m=$(seconds merge)
  printf 'run %s: merge %.2f s, cp + sync %.2f s, dd direct %.2f s\n' "$run" "$m" "$c" "$d"
  echo "$m" >> "$place/merge.s"; echo "$c" >> "$place/cp.s"; echo "$d" >> "$place/dd.s"
done
m=$(median < "$place/merge.s") c=$(median < "$place/cp.s") d=$(median < "$place/dd.s")
printf 'median: merge %.2f s, cp + sync %.2f s (ratio %.2f), dd direct %.2f s (ratio %.2f)\n' \
  "$m" "$c" "$(echo "$m / $c" | bc -l)" "$d" "$(echo "$m / $d" | bc -l)"
rm -rf "$place"
