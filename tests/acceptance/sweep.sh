#!/usr/bin/env bash
# Merges a pair for five alphas at once and copies the five outputs, in turn; prints medians, their ratio and the bytes read.
#   sweep.sh [SIZE=2GB] [RUNS=3]
set -euo pipefail
size=${1:-2GB} runs=${2:-3} place=$(mktemp -d)
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=$root/artifacts/bin/ExpoCluster.Cli/release/expocluster
"$expo" sample "$place" --size "$size"
cat "$place"/base/*.safetensors "$place"/aligned/*.safetensors > /dev/null

seconds() { local begin end; begin=$(date +%s.%N); "$@"; end=$(date +%s.%N); echo "$end - $begin" | bc -l; }
sweep() { "$expo" merge --base "$place/base" --aligned "$place/aligned" --alpha 0.1,0.2,0.3,0.4,0.5 --out "$place/out" --json > "$place/result.json" 2> /dev/null; }
copies() { for one in "$place"/out/alpha-*; do mkdir -p "$place/copy/$(basename "$one")"; cp "$one"/*.safetensors "$place/copy/$(basename "$one")/"; sync; done; }
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

for run in $(seq "$runs"); do
  rm -rf "$place/out"; sync
  m=$(seconds sweep)
  sync
  c=$(seconds copies); rm -rf "$place/copy"; sync
  printf 'run %s: sweep of five %.2f s, five times cp + sync %.2f s\n' "$run" "$m" "$c"
  echo "$m" >> "$place/merge.s"; echo "$c" >> "$place/cp.s"
done
m=$(median < "$place/merge.s") c=$(median < "$place/cp.s")
printf 'median: sweep %.2f s, copies %.2f s (ratio %.2f); %s\n' "$m" "$c" "$(echo "$m / $c" | bc -l)" \
  "$(grep -o '"bytesRead":[0-9]*,"bytesWritten":[0-9]*' "$place/result.json")"
rm -rf "$place"
