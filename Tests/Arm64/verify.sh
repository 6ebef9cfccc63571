#!/usr/bin/env bash
# Shows without an arm64 machine that arm64 is right: builds for it, and checks every operation, the bundled recordings
# and recorded runs at every precision on emulated processors, one without dot products of bytes and one with.
#
# Usage: Tests/Arm64/verify.sh SWIFT_SDK
#
# Needs the name of a Swift SDK for aarch64-unknown-linux-gnu (`swift sdk list`) and qemu-user. QEMU_LD_PREFIX names
# the folder with glibc for arm64, else Debian's (libc6-arm64-cross). Takes some ten minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
export XLSR_ARCHITECTURE=arm64 QEMU_LD_PREFIX=${QEMU_LD_PREFIX:-/usr/aarch64-linux-gnu}
build=(swift build --scratch-path .build/arm64 -c release --swift-sdk "${1:?usage: $0 SWIFT_SDK}" --static-swift-stdlib --product xlsr)
"${build[@]}"
xlsr=$("${build[@]}" --show-bin-path)/xlsr

# Usage: check PROCESSOR OPTION ...
check() {
    echo "$*"
    qemu-aarch64 -cpu "$1" "$xlsr" verify --device simd "${@:2}" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

mapfile -t models < <(Tests/XLSRTests/Goldens/list-for-verify)
[ "${#models[@]}" -gt 0 ] || { echo "error: no recorded runs" >&2; exit 1; }
log=$(mktemp)
trap 'rm "$log"' EXIT
for processor in cortex-a72 max; do
    check "$processor" --quick
    cat "$log"
    for precision in f32 bf16 f16 int8; do
        check "$processor" --model-only --precision "$precision"
        for model in "${models[@]}"; do
            check "$processor" --model-only --precision "$precision" --model "$model" \
                --golden "$model/golden.safetensors"
        done
    done
done
echo "all is right"
