#!/usr/bin/env bash
# Makes what is handed out: the program as one file that needs nothing installed, for each system, and the package for "dotnet tool install".
#   deploy/release.sh [DIR=artifacts/release] [RID …|tool]
# Without names it makes all of them. VERSION=… gives them another version than Directory.Build.props.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-artifacts/release}
shift || true
all=(linux-x64 linux-arm64 win-x64 osx-arm64 tool)
[ $# -gt 0 ] || set -- "${all[@]}"
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=${VERSION:-$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)}
# How the code is written is looked at where it is changed, not here.
common=(-c Release -p:Version="$version" -p:DebugType=none -p:GenerateDocumentationFile=false -p:RunAnalyzers=false -nologo)

make_program() { # RID
  local name=expocluster-$version-$1
  dotnet publish src/ExpoCluster.Cli "${common[@]}" --artifacts-path "$work/build-$1" -r "$1" --self-contained \
    -p:PublishSingleFile=true -p:PublishReadyToRunComposite=false -p:IncludeNativeLibrariesForSelfExtract=true -o "$work/$name"
  cp LICENSE "$work/$name/"
  # Equal sources make equal archives.
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00:00Z' -czf "$out/$name.tar.gz" "$name"
  rm -rf "$work/build-$1"
}

for target in "$@"; do
  case $target in
    tool) dotnet pack src/ExpoCluster.Cli "${common[@]}" --artifacts-path "$work/build-tool" -p:PackAsTool=true -o "$out" ;;
    *) make_program "$target" ;;
  esac
done
(cd "$out" && find . -maxdepth 1 \( -name "expocluster-$version-*.tar.gz" -o -name "expocluster.$version.nupkg" \) -printf '%f\n' | sort | xargs sha256sum > SHA256SUMS)
ls -l "$out"
