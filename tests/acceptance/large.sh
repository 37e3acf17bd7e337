#!/usr/bin/env bash
# A model of more than this machine's memory, from a cold page cache: seconds, peak anonymous memory, and whether others keep their page cache.
#   large.sh [RECIPE=snorkel-mistral-pairrm] [DIRECTORY=a temporary one]     needs three times the model's size on the disk, and root
# The floor: one process reads both inputs while another writes as many bytes as the output has, both past the page cache.
set -euo pipefail
recipe=${1:-snorkel-mistral-pairrm} place=${2:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
source "$(dirname "$0")/disk.bash"
expo=${EXPO:-$root/artifacts/bin/ExpoCluster.Cli/release/expocluster}
if [ -z "$place" ]; then place=$(mktemp -d); trap 'rm -rf "$place"' EXIT; fi
[ -d "$place/base" ] || "$expo" sample "$place" --like "$recipe" > /dev/null
# Of a checkpoint that has both formats the merge reads the first.
files_of() { compgen -G "$1/*.safetensors" || compgen -G "$1/*.bin"; }
mapfile -t inputs < <(files_of "$place/base"; files_of "$place/aligned")
head -c 1G /dev/urandom > "$place/others"

empty() { sync; echo 3 > /proc/sys/vm/drop_caches; }
merge() {
  "$expo" merge --base "$place/base" --aligned "$place/aligned" --alpha 0.3 --out "$place/out" --quiet > /dev/null &
  local now; peak=0
  while kill -0 $! 2> /dev/null; do
    now=$(awk '/^RssAnon/ { print $2 }' "/proc/$!/status" 2> /dev/null || true)
    [ -z "$now" ] || [ "$now" -le "$peak" ] || peak=$now
    sleep 0.05
  done
  wait $!
}

stamp() { date +%s.%N; }
empty; cat "$place/others" > /dev/null
begin=$(stamp); merge; end=$(stamp)
m=$(echo "$end - $begin" | bc -l)
kept=$(fincore -nb -o RES "$place/others") cached=$(fincore -nb -o RES "${inputs[@]}" | paste -sd+ | bc)
bytes=$(bytes_of "$place"/out/*.safetensors)
rm -rf "$place/out"; empty
begin=$(stamp); read_and_write "$place/copy" "$bytes" "${inputs[@]}"; end=$(stamp)
f=$(echo "$end - $begin" | bc -l)
printf '%s: %.1f GB written in %.1f s, the floor %.1f s (ratio %.2f); peak anonymous memory %s MiB\n' \
  "$recipe" "$(echo "$bytes / 10^9" | bc -l)" "$m" "$f" "$(echo "$m / $f" | bc -l)" "$((peak / 1024))"
printf 'of 1,024 MiB that others had in the page cache %s are left; of the inputs it holds %s MiB\n' "$((kept >> 20))" "$((cached >> 20))"
rm -f "$place/copy" "$place/others"
