#!/usr/bin/env bash
# What a job costs the cluster: bytes between nodes and to the database, rows and bytes of the journal, for each part.
#   traffic.sh [SIZE=2GB] [WORKERS=3]
# Counted from the kernel's tallies of the nodes' own connections, less what the same nodes say to each other when they have nothing to do.
set -euo pipefail
size=${1:-2GB} workers=${2:-3} place=$(mktemp -d)
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=${EXPO:-$root/artifacts/bin/ExpoCluster.Cli/release/expocluster}
http=http://127.0.0.1:${HTTP_PORT:-18080} port=${PG_PORT:-15432}
source "$(dirname "$0")/cluster.bash"
trap 'stop_cluster; rm -rf "$place"' EXIT

"$expo" sample "$place" --size "$size" > /dev/null
start_database
start_node coordinator
start_node web --http "$http"
for _ in $(seq "$workers"); do start_node worker --lanes 1; done
wait_for_nodes $((workers + 2))

# Bytes that the nodes have sent: to each other, and both ways to the database. Each connection is asked for at one of its ends.
sent() {
  ss -tinpH state established | paste - - | awk -v pids=" ${nodes[*]} " -v web=":${http##*:}" -v db=":$port" '
    match($0, /pid=[0-9]+/) { pid = substr($0, RSTART + 4, RLENGTH - 4)
      if (index(pids, " " pid " ") == 0) next
      if ($3 ~ web "$") next
      bytes = match($0, /bytes_sent:[0-9]+/) ? substr($0, RSTART + 11, RLENGTH - 11) : 0
      back = match($0, /bytes_received:[0-9]+/) ? substr($0, RSTART + 15, RLENGTH - 15) : 0
      if ($4 ~ db "$") database += bytes + back; else between += bytes }
    END { print between + 0, database + 0 }'
}
measure() { # COMMAND…, leaves bytes and seconds in "between", "database" and "seconds"
  local before after begin end
  begin=$(date +%s.%N); before=($(sent)); "$@" > /dev/null 2>&1; after=($(sent)); end=$(date +%s.%N)
  between=$((after[0] - before[0])) database=$((after[1] - before[1])) seconds=$(echo "$end - $begin" | bc -l)
}
query() { as_postgres "$binaries/psql" -h 127.0.0.1 -p "$port" -U expo -d jobs -tA -F' ' -c "$1"; }

"$expo" merge --server "$http" --base base --aligned aligned --alpha 0.3 --out first --quiet > /dev/null 2>&1
sleep 5
measure sleep 10
idle_between=$(echo "$between / $seconds" | bc -l) idle_database=$(echo "$database / $seconds" | bc -l)
# Long enough for the kernel's numbers to be those of work and not of its edges.
measure "$expo" merge --server "$http" --base base --aligned aligned --alpha 0.3 --out out --json
job=$(query "select persistence_id from journal where persistence_id like 'job-%' order by ordering desc limit 1")
read -r rows bytes commits < <(query "select count(*), sum(length(message)), count(*) filter (where manifest = 'j5') from journal where persistence_id = '$job'")
parts=$((($(stat -c %s "$place/out/model.safetensors") + 33554431) / 33554432))
per_part() { echo "($1) / $parts" | bc -l; }
printf '%s parts on %s workers in %.1f s\n' "$parts" "$workers" "$seconds"
printf 'idle: %.0f bytes/s between %s nodes, %.0f bytes/s with the database\n' "$idle_between" "${#nodes[@]}" "$idle_database"
printf 'a part: %.0f bytes between nodes, %.0f with the database, %.2f rows and %.0f bytes of journal\n' \
  "$(per_part "$between - $idle_between * $seconds")" "$(per_part "$database - $idle_database * $seconds")" "$(per_part "$rows")" "$(per_part "$bytes")"
printf 'the job: %s events, %s of them commits, %s bytes\n' "$rows" "$commits" "$bytes"
