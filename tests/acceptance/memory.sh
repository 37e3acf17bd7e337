#!/usr/bin/env bash
# Peak anonymous memory of a merge, sampled every 10 ms, for several sizes of the model.
#   memory.sh [SIZE …]     for example: memory.sh 500MB 4GB
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=$root/artifacts/bin/ExpoCluster.Cli/release/expocluster
for size in "${@:-500MB 4GB}"; do
  for one in $size; do
    place=$(mktemp -d)
    "$expo" sample "$place" --size "$one" > /dev/null
    "$expo" merge --base "$place/base" --aligned "$place/aligned" --alpha 0.3 --out "$place/out" --quiet > /dev/null &
    peak=0
    while kill -0 $! 2> /dev/null; do
      now=$(awk '/^RssAnon/ { print $2 }' "/proc/$!/status" 2> /dev/null || true)
      [ -n "$now" ] && [ "$now" -gt "$peak" ] && peak=$now
      sleep 0.01
    done
    wait $!
    echo "$one: peak anonymous memory $((peak / 1024)) MiB"
    rm -rf "$place"
  done
done
