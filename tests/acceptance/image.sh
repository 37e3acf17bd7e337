#!/usr/bin/env bash
# Builds the image from deploy/Dockerfile and merges in it as it is meant to run: as nobody special, on a read-only root, without a capability or a network.
#   image.sh [SIZE=256MB]
# Where no registry is reached, as in this project's CI, two images of a Debian root file system with this machine's .NET stand in for
# Microsoft's; SDK_IMAGE=… and RUNTIME_IMAGE=… take others. Needs root, docker with buildkit, and for the stand-ins debootstrap. A docker that runs is used; else one is started.
set -euo pipefail
size=${1:-256MB}
cd "$(dirname "$0")/../.."
docker=${DOCKER:-docker}
tag=expocluster:acceptance place=$(mktemp -d) started=
export DOCKER_BUILDKIT=1
finish() {
  "$docker" volume rm -f expocluster-acceptance > /dev/null 2>&1 || true
  [ -z "$started" ] || { kill "$started" && wait "$started" || true; }
  rm -rf "$place" 2> /dev/null || true
}
trap finish EXIT
say() { printf '\n%s\n' "$*"; }
seconds() { date +%s.%N; }
since() { printf '%.1f s' "$(echo "$(seconds) - $1" | bc -l)"; }

if ! "$docker" info > /dev/null 2>&1; then
  export DOCKER_HOST=unix://$place/docker.sock
  dockerd --data-root "$place/docker" --exec-root "$place/exec" --pidfile "$place/docker.pid" -H "$DOCKER_HOST" \
    --iptables=false --ip6tables=false --bridge=none --default-ulimit nofile=20000:20000 > "$place/dockerd.log" 2>&1 &
  started=$!
  for _ in $(seq 60); do "$docker" info > /dev/null 2>&1 && break || sleep 0.5; done
  "$docker" info > /dev/null || { tail "$place/dockerd.log"; exit 1; }
fi

if [ -z "${SDK_IMAGE:-}" ] || [ -z "${RUNTIME_IMAGE:-}" ]; then
  site=$(apt-get indextargets --format '$(SITE) $(COMPONENT)' | awk '$2 == "main" && $1 ~ /\/debian$/ { print $1; exit }')
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  debootstrap --variant=minbase --include=ca-certificates,libssl3,libstdc++6,zlib1g "$release" "$place/runtime" "$site" > "$place/debootstrap.log"
  rm -rf "$place"/runtime/var/cache/apt/archives/*.deb "$place"/runtime/var/lib/apt/lists/*
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  mkdir -p "$place/runtime/usr/share/dotnet"
  cp -a "$dotnet/dotnet" "$dotnet/host" "$dotnet/shared" "$place/runtime/usr/share/dotnet/"
  ln -s /usr/share/dotnet/dotnet "$place/runtime/usr/bin/dotnet"
  tar -C "$place/runtime" -c . | "$docker" import - expocluster-runtime:stand-in > /dev/null
  # The build restores packages, so it trusts whom this machine trusts.
  cp -a "$dotnet/sdk" "$dotnet/packs" "$dotnet/sdk-manifests" "$dotnet/templates" "$place/runtime/usr/share/dotnet/"
  rm -rf "$place/runtime/etc/ssl/certs"
  cp -rL /etc/ssl/certs "$place/runtime/etc/ssl/"
  tar -C "$place/runtime" -c . | "$docker" import --change 'ENV DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 NUGET_CERT_REVOCATION_MODE=offline DOTNET_GENERATE_ASPNET_CERTIFICATE=false' \
    - expocluster-sdk:stand-in > /dev/null
  rm -rf "$place/runtime"
  SDK_IMAGE=expocluster-sdk:stand-in RUNTIME_IMAGE=expocluster-runtime:stand-in
fi

say "Building"
began=$(seconds)
"$docker" build --network host -f deploy/Dockerfile --build-arg SDK_IMAGE="$SDK_IMAGE" --build-arg RUNTIME_IMAGE="$RUNTIME_IMAGE" \
  --build-arg REVISION="$(git rev-parse HEAD)" -t "$tag" . > "$place/build.log" 2>&1 || { tail -50 "$place/build.log"; exit 1; }
echo "built in $(since "$began")"

say "Layers above the base"
"$docker" history --format '{{.Size}}\t{{.CreatedBy}}' "$tag" | grep -v '^0B' | cut -c1-110
base=$("$docker" image inspect --format '{{.Size}}' "$RUNTIME_IMAGE") whole=$("$docker" image inspect --format '{{.Size}}' "$tag")
echo "the image: $((whole / 1000000)) MB, of it the base $((base / 1000000)) MB, ours $(((whole - base) / 1000000)) MB"
"$docker" image inspect --format '{{.Config.User}} {{json .Config.Labels}}' "$tag"

run() { # What follows is the program's.
  "$docker" run --rm --read-only --user 1654:1654 --cap-drop ALL --security-opt no-new-privileges --network none \
    -v expocluster-acceptance:/models "$tag" "$@"
}
"$docker" volume create expocluster-acceptance > /dev/null

say "What it may"
"$docker" run --rm --read-only --user 1654:1654 --cap-drop ALL --security-opt no-new-privileges --network none --entrypoint /bin/sh "$tag" -c '
  id -u; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status
  for directory in / /app /tmp /etc /usr; do touch $directory/x 2> /dev/null && { echo "$directory can be written"; exit 1; }; done; echo "nothing can be written"
  find /app -perm /6000 -o -user 1654 -type f | grep . && exit 1; find /app \( -name "*.pdb" -o -name "*.xml" -o -path "*/runtimes/*" \) | grep . && exit 1; exit 0'

say "Merging"
run --version
run sample try-it --size "$size"
began=$(seconds)
run merge --base try-it/base --aligned try-it/aligned --alpha 0.3 --out try-it/merged
echo "merged in $(since "$began"), the container's start included"
run verify try-it/merged

say "Serving"
node=$("$docker" run -d --read-only --user 1654:1654 --cap-drop ALL --security-opt no-new-privileges --network none \
  --health-interval 1s -e EXPOCLUSTER_HOSTNAME=127.0.0.1 -v expocluster-acceptance:/models "$tag" node --database sqlite:/models/jobs.db)
for _ in $(seq 60); do
  health=$("$docker" inspect --format '{{.State.Health.Status}}' "$node")
  [ "$health" != healthy ] || break
  sleep 1
done
"$docker" exec "$node" expocluster merge --base try-it/base --aligned try-it/aligned --alpha 0.5 --out try-it/served --server http://127.0.0.1:8080 --quiet
began=$(seconds)
"$docker" stop -t 40 "$node" > /dev/null
echo "health check: $health; stopped in $(since "$began") with exit code $("$docker" inspect --format '{{.State.ExitCode}}' "$node")"
"$docker" rm "$node" > /dev/null
run verify try-it/served
[ "$health" = healthy ]
say "The image merges as nobody special, on a read-only root."
