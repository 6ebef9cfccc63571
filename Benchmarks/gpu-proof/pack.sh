#!/usr/bin/env bash
# Makes the folder that a GPU host needs: static programs, prove.sh, the other engines' scripts, recorded runs.
# usage: pack.sh FOLDER, which must not exist
set -euo pipefail
[ $# = 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
target=$(realpath -m "$1")
[ ! -e "$target" ] || { echo "error: $target exists" >&2; exit 1; }
cd "$(dirname "$0")/../.."

export XLSR_STATIC=1
for product in xlsr Benchmarks; do swift build -c release --product "$product"; done
built=$(swift build -c release --show-bin-path)
mkdir -p "$target/goldens"
for product in xlsr Benchmarks; do strip -o "$target/$product" "$built/$product"; done
cp Benchmarks/gpu-proof/{prove.sh,rows.py} "$target"
cp -r Benchmarks/Peers "$target"
rm "$target"/Peers/*.swift
Tests/XLSRTests/Goldens/list-for-verify | while read -r folder; do cp -r "$folder" "$target/goldens"; done

bytes=$(du -sb "$target" | cut -f 1)
echo "$target: $bytes bytes"
[ "$bytes" -le 60000000 ] || { echo "error: more than 60 MB" >&2; exit 1; }
