#!/usr/bin/env bash
# Merges a BF16 pair on a cluster of five processes and by one embedded process, in turn, and compares bytes and seconds.
#   cluster-against-embedded.sh [SIZE=2GB] [RUNS=5]
# The cluster is PostgreSQL, a coordinator, a web node and three workers of one lane each: of all sums of three that is nearest to two cores.
# Its seconds are those from the accepted submission to published, by the server's own clock; the embedded job's are its own `seconds`.
set -euo pipefail
size=${1:-2GB} runs=${2:-5} place=$(mktemp -d)
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=${EXPO:-$root/artifacts/bin/ExpoCluster.Cli/release/expocluster}
lanes=${LANES:-2} http=http://127.0.0.1:${HTTP_PORT:-18080} port=${PG_PORT:-15432}
source "$(dirname "$0")/cluster.bash"
trap 'stop_cluster; rm -rf "$place"' EXIT

"$expo" sample "$place" --size "$size" > /dev/null
cat "$place"/base/*.safetensors "$place"/aligned/*.safetensors > /dev/null
start_database
start_node coordinator
start_node web --http "$http"
for worker in 1 2 3; do start_node worker --lanes 1; done
wait_for_nodes 5

one_cluster() { # prints seconds
  "$expo" merge --server "$http" --base base --aligned aligned --alpha 0.3 --out cluster --json > "$place/cluster.json" 2> /dev/null
  id=$(field job < "$place/cluster.json")
  "$expo" jobs show "$id" --server "$http" --json > "$place/job.json"
  between "$(field submittedAt < "$place/job.json")" "$(field changedAt < "$place/job.json")"
}
one_embedded() { # prints seconds
  "$expo" merge --base "$place/base" --aligned "$place/aligned" --alpha 0.3 --out "$place/embedded" --lanes "$lanes" --json 2> /dev/null | number seconds
}

c=$(one_cluster); e=$(one_embedded)
diff -r "$place/cluster" "$place/embedded" && echo "the outputs are equal, byte for byte; first runs, not counted: cluster $c s, embedded $e s"
for run in $(seq "$runs"); do
  rm -rf "$place/cluster" "$place/embedded"; sync
  c=$(one_cluster); rm -rf "$place/cluster"; sync
  e=$(one_embedded)
  printf 'run %s: cluster %.2f s, embedded %.2f s (ratio %.2f)\n' "$run" "$c" "$e" "$(echo "$c / $e" | bc -l)"
  echo "$c" >> "$place/cluster.s"; echo "$e" >> "$place/embedded.s"
done
c=$(median < "$place/cluster.s") e=$(median < "$place/embedded.s")
printf 'median: cluster %.2f s, embedded %.2f s (ratio %.2f)\n' "$c" "$e" "$(echo "$c / $e" | bc -l)"
