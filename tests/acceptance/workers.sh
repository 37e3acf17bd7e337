#!/usr/bin/env bash
# The throughput of one worker and of eight, each throttled, so that neither cores nor disk are the limit.
#   workers.sh [SIZE=4GB] [RATE=16MB]
# Both merge the same pair; a worker is one process with one lane. The seconds are those from the accepted submission to published, of processes
# that have had a small job before: compiling ten programs at once is the two cores' affair.
set -euo pipefail
size=${1:-4GB} rate=${2:-16MB} place=$(mktemp -d)
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=${EXPO:-$root/artifacts/bin/ExpoCluster.Cli/release/expocluster}
http=http://127.0.0.1:${HTTP_PORT:-18080} port=${PG_PORT:-15432}
source "$(dirname "$0")/cluster.bash"
trap 'stop_cluster; rm -rf "$place"' EXIT

"$expo" sample "$place" --size "$size" > /dev/null
"$expo" sample "$place/small" --size 256MB > /dev/null
start_database
measure() { # WORKERS, leaves the seconds in "took"
  start_node coordinator
  start_node web --http "$http"
  for _ in $(seq "$1"); do start_node worker --lanes 1 --max-rate "$rate"; done
  wait_for_nodes $(($1 + 2))
  "$expo" merge --server "$http" --base small/base --aligned small/aligned --alpha 0.3 --out "small/out$1" --quiet > /dev/null 2>&1
  "$expo" merge --server "$http" --base base --aligned aligned --alpha 0.3 --out "out$1" --json 2> /dev/null > "$place/result.json"
  stop_nodes
  took=$(number seconds < "$place/result.json")
}

measure 8; eight=$took
measure 1; one=$took
diff -r "$place/out1" "$place/out8"
printf '1 worker: %.1f s, 8 workers: %.1f s: %.2f times the throughput; the outputs are equal, byte for byte\n' \
  "$one" "$eight" "$(echo "$one / $eight" | bc -l)"
