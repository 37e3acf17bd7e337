#!/usr/bin/env bash
# Merges a BF16 pair under limits of memory as containers have them (a memory cgroup, which takes root), with inputs that nothing holds in memory yet:
# seconds, and the most that was charged, for an embedded merge in each way to read and for a node alone.
#   container.sh [SIZE=2GB] [LIMIT …=256M 512M 8G]
set -euo pipefail
size=${1:-2GB}; shift || true
limits=("$@"); [ ${#limits[@]} -gt 0 ] || limits=(256M 512M 8G)
root=$(cd "$(dirname "$0")/../.." && pwd)
expo=${EXPO:-$root/artifacts/bin/ExpoCluster.Cli/release/expocluster}
place=$(mktemp -d) http=http://127.0.0.1:${HTTP_PORT:-18095}
if [ -f /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
  cgroup=/sys/fs/cgroup/memory/expocluster-$$ limit=memory.limit_in_bytes peak=memory.max_usage_in_bytes
else
  cgroup=/sys/fs/cgroup/expocluster-$$ limit=memory.max peak=memory.peak
fi
trap 'rm -rf "$place"; rmdir "$cgroup" 2> /dev/null || true' EXIT

"$expo" sample "$place" --size "$size" > /dev/null
begin() { # LIMIT: an empty cgroup, and no page of an input in memory
  rmdir "$cgroup" 2> /dev/null || true; mkdir "$cgroup"; echo "$1" > "$cgroup/$limit"
  rm -rf "$place/out"; sync; echo 3 > /proc/sys/vm/drop_caches
}
inside() { sh -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$cgroup" "$@"; }
tell() { # NAME BEGAN
  printf '%s: %.1f s, at most %d MiB\n' "$1" "$(echo "$(date +%s.%N) - $2" | bc -l)" $(($(cat "$cgroup/$peak") / 1048576))
}

for one in "${limits[@]}"; do
  for io in auto map read; do
    begin "$one"; began=$(date +%s.%N)
    inside "$expo" merge --base "$place/base" --aligned "$place/aligned" --alpha 0.3 --out "$place/out" --io "$io" --quiet
    tell "$one, merge --io $io" "$began"
  done
  begin "$one"
  inside "$expo" node --database "sqlite:$place/$one.db" --storage-root "$place" --http "$http" > "$place/node.log" 2>&1 &
  node=$!
  until "$expo" health --url "$http" > /dev/null 2>&1; do sleep 0.2; done
  began=$(date +%s.%N)
  "$expo" merge --base base --aligned aligned --alpha 0.3 --out out --server "$http" --quiet
  tell "$one, node" "$began"
  kill "$node"; wait "$node"
done
