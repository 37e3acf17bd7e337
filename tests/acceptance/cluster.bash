# Sourced by scripts that need a cluster of real processes; they set expo, place, port and http.
binaries=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
nodes=()
as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); else "$@"; fi; }

start_database() {
  mkdir "$place/pg"
  [ "$(id -u)" != 0 ] || { chmod 755 "$place"; chown postgres:postgres "$place/pg"; }
  as_postgres "$binaries/initdb" -D "$place/pg/data" -U expo --auth=trust -E UTF8 > /dev/null
  as_postgres "$binaries/pg_ctl" -D "$place/pg/data" -l "$place/pg/log" -w \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$place/pg" start > /dev/null
  as_postgres "$binaries/createdb" -h 127.0.0.1 -p "$port" -U expo jobs
}

start_node() { # ROLES [OPTION …]
  "$expo" node --roles "$@" --port 0 --database "postgres://expo@127.0.0.1:$port/jobs" --storage-root "$place" \
    2> "$place/node${#nodes[@]}.log" > /dev/null &
  nodes+=($!)
}

wait_for_nodes() { # COUNT
  for _ in $(seq 600); do
    [ "$(grep -l 'member of the cluster as' "$place"/node*.log | wc -l)" -lt "$1" ] || return 0
    sleep 0.1
  done
  cat "$place"/node*.log >&2; return 1
}

stop_nodes() { [ ${#nodes[@]} = 0 ] || kill "${nodes[@]}" 2> /dev/null || true; wait "${nodes[@]}" 2> /dev/null || true; nodes=(); rm -f "$place"/node*.log; }
stop_cluster() { stop_nodes; [ ! -d "$place/pg/data" ] || as_postgres "$binaries/pg_ctl" -D "$place/pg/data" -m immediate -w stop > /dev/null || true; }

field() { grep -oE "\"$1\": *\"[^\"]*\"" | head -1 | sed -E 's/.*: *"(.*)"/\1/'; }
number() { grep -oE "\"$1\": *[0-9.]+" | head -1 | grep -oE '[0-9.]+$'; }
between() { echo "$(date -d "$2" +%s.%N) - $(date -d "$1" +%s.%N)" | bc -l; }
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
