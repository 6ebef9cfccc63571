#!/usr/bin/env bash
# Checks and measures xlsr on a host with an NVIDIA GPU and no Swift, stage by stage.
#
# usage: prove.sh [--dry-run] [--no-peers] [--results DIR] [--seconds N] [--list] [STAGE ...]
#
# Each stage takes at most 8 minutes. One that is done is not done again: start the script as often as it takes, or with
# --seconds N, after which it begins no further stage. Every figure is printed and added to DIR/results.txt as it is
# measured; DIR/STAGE.log holds the rest. Needs python3 with PyTorch and transformers on the PATH, whose libraries have
# NVRTC too. --dry-run takes simd in place of cuda and tiny sizes; --no-peers does without PyTorch.
# Exit status: 0 all stages are done, 1 some failed, 2 wrong usage, 3 some are left.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
arguments=("$@")
is_dry=0 has_peers=1 results= budget= inner= is_list=0 wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) is_dry=1 ;;
    --no-peers) has_peers=0 ;;
    --list) is_list=1 ;;
    --results | --seconds | --inner)
        [ $# -gt 1 ] || { echo "error: $1 needs a value" >&2; exit 2; }
        case $1 in --results) results=$2 ;; --seconds) budget=$2 ;; --inner) inner=$2 ;; esac
        shift
        ;;
    -h | --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"
        exit 0
        ;;
    -*) echo "error: $1: no such option; see --help" >&2; exit 2 ;;
    *) wanted+=("$1") ;;
    esac
    shift
done
[[ $budget =~ ^[0-9]*$ ]] || { echo "error: --seconds $budget: not a number" >&2; exit 2; }

precisions="f32 f16 bf16 int8"
if [ "$is_dry" = 1 ]; then
    device=simd peer_device=cpu opencl=simd shapes=tiny first=tiny last=tiny batches="1 2" most=2 clip=1 runs=1 rounds=1
    quick=--quick
else
    precisions="f32 tf32 f16 bf16 int8"
    device=cuda peer_device=cuda opencl= shapes="300m 1b 2b" first=300m last=2b batches="1 8 32" most=32 clip=10 runs=5
    rounds=3 quick=
fi
# What is done without the others is not done.
default=$([ "$is_dry" = 1 ] && echo dry-run || echo results)$([ "$has_peers" = 1 ] || echo -alone)
results=${results:-$here/$default}
results=$(realpath -m "$results")
cache=$results/cache
# Programs that are compiled on the way stay with the rest.
export XDG_CACHE_HOME=$cache

xlsr=$here/xlsr
benchmarks=$here/Benchmarks
peers() { python3 "$here/Peers/peers.py" "$@"; }
# Without the seconds that importing takes.
has_torch() {
    python3 -c '
import importlib.util, sys
sys.exit(any(importlib.util.find_spec(name) is None for name in ["torch", "transformers"]))'
}

stages=(devices verify verify-own verify-tensor)
for precision in $precisions; do stages+=("golden-$precision"); done
stages+=(golden-tensor transcripts transcripts-tensor model sanitizer)
[ "$has_peers" = 0 ] || stages+=(rates)
for shape in $shapes; do
    [ "$has_peers" = 0 ] || stages+=("checkpoint-$shape")
    for batch in $batches; do stages+=("bench-$shape-$batch-bf16"); done
done
stages+=("bench-$first-1-f32" "switches-$first-1-bf16")
[ "$has_peers" = 0 ] || stages+=("compiled-$first-1-bf16" "compiled-$last-$most-bf16" start)
stages+=(opencl-verify opencl-bench)

# MARK: What a stage does

row() { printf '%-22s %s\n' "$inner:" "$*" | tee -a "$results/results.txt"; }

json() { python3 "$here/rows.py" "$@"; }

# Usage: rows COMMAND ..., a row for each line of rows.py.
rows() {
    local text line
    text=$(json "$@")
    while read -r line; do row "$line"; done <<<"$text"
}

verify() { "$xlsr" verify --device "$1" --quiet "${@:2}"; }

# Usage: golden PRECISION, all recorded runs.
golden() {
    local folder count=0 wrong=()
    for folder in "$here"/goldens/*/; do
        [ -e "$folder/config.json" ] || continue
        count=$((count + 1))
        echo "$folder as $1"
        verify "$device" --model-only --precision "$1" --model "$folder" --golden "$folder/golden.safetensors" \
            || wrong+=("$(basename "$folder")")
    done
    row "$1: $((count - ${#wrong[@]})) of $count recorded checkpoints agree${wrong:+, not ${wrong[*]}}"
    [ "$count" -gt 0 ] && [ "${#wrong[@]}" = 0 ]
}

# Usage: transcripts PRECISION ...
transcripts() {
    local precision status=0
    for precision in "$@"; do
        if verify "$device" --model-only --precision "$precision"; then
            row "$precision: all bundled recordings right"
        else
            row "$precision: WRONG WORDS"
            status=1
        fi
    done
    return "$status"
}

# Our own kernels for tensor cores in all products.
with_tensor_cores() { XLSR_TENSOR_CORES=1 XLSR_CUBLASLT=0 "$@"; }

# Usage: switched TEXT NAME=VALUE ..., a row of the first shape in bf16, alone, with these settings.
switched() {
    local out=$results/$inner.json
    env "${@:2}" "$benchmarks" model --device "$device" --shape "$first" --precision bf16 --batch 1 --seconds "$clip" \
        --runs "$runs" --json "$out"
    row "$1: $(json bench "$out" "$results/rates.json")"
}

# Tensor cores once they have passed, for weights of 16 bits.
use_tensor_cores() {
    if [ -e "$results/verify-tensor.done" ] && [ -e "$results/golden-tensor.done" ]; then
        export XLSR_TENSOR_CORES=1
        [ "$is_dry" = 1 ] || row "with tensor cores"
    fi
}

# Usage: bench DEVICE SHAPE BATCH PRECISION PEER
bench() {
    local out=$results/$inner.json options=(--precision "$4" --batch "$3" --seconds "$clip" --runs "$runs")
    if [ "$has_peers" = 1 ]; then
        options+=(--model "$(checkpoint "$2")" --peers --peer "$5" --peer-device "$peer_device" --rounds "$rounds")
        options+=(--peer-cache "$cache")
    else
        options+=(--shape "$2")
    fi
    "$benchmarks" model --device "$1" "${options[@]}" --json "$out"
    rows bench "$out" "$results/rates.json"
}

checkpoint() { peers checkpoint "$1" "$cache" | json field path; }

seconds_of() {
    local start
    start=$(date +%s%N)
    "$@" >&2
    echo "$(($(date +%s%N) - start))" | awk '{ printf "%.2f", $1 / 1e9 }'
}

start() {
    local model first_start later
    rm -rf "$cache/converted" "$cache/programs"
    model=$(checkpoint "$first")
    "$xlsr" convert --quiet --precision bf16 "$model" "$cache/converted"
    json clip "$cache/clip.wav"
    export XDG_CACHE_HOME=$cache/programs
    run=("$xlsr" run --quiet --device "$device" --precision bf16 --model "$cache/converted" "$cache/clip.wav")
    first_start=$(seconds_of "${run[@]}")
    later=$(seconds_of "${run[@]}")
    row "$first from a converted checkpoint to the text of 10 s: first $first_start s, later $later s"
}

sanitizer() {
    local tool
    tool=$(PATH="$PATH:${CUDA_HOME:-/usr/local/cuda}/bin" command -v compute-sanitizer) || {
        row "skipped: no compute-sanitizer"
        return
    }
    "$tool" --tool memcheck --error-exitcode 9 "$xlsr" verify --device "$device" --quick --quiet
    row "memcheck found nothing over the small cases"
}

opencl_device() {
    if [ -n "$opencl" ]; then echo "$opencl"; else "$xlsr" devices --json | json opencl; fi
}

run_stage() {
    local part
    IFS=- read -ra part <<<"$1"
    case $1 in
    devices)
        "$xlsr" devices --verbose
        [ "$is_dry" = 1 ] || nvidia-smi
        row "$("$xlsr" devices --json | json device "$device")"
        ;;
    verify) verify "$device" $quick && row "all operations right" ;;
    verify-own) XLSR_CUBLASLT=0 verify "$device" $quick && row "all operations right without cuBLASLt" ;;
    verify-tensor) with_tensor_cores verify "$device" $quick && row "all operations right" ;;
    golden-tensor) with_tensor_cores golden bf16 && with_tensor_cores golden f16 ;;
    golden-*) golden "${part[1]}" ;;
    transcripts) transcripts $precisions ;;
    transcripts-tensor) with_tensor_cores transcripts f16 bf16 int8 ;;
    switches-*)
        use_tensor_cores
        switched "as it comes"
        switched "without graphs" XLSR_GRAPHS=0
        switched "without cuBLASLt" XLSR_CUBLASLT=0
        switched "without both" XLSR_GRAPHS=0 XLSR_CUBLASLT=0
        ;;
    model)
        # Checks a whole model before timing it: finite, a batch equal to single clips.
        for precision in f32 bf16; do
            "$benchmarks" model --device "$device" --shape "$first" --precision "$precision" --seconds "$clip" --runs 1 \
                --json "$results/model.json"
            rows bench "$results/model.json" "$results/rates.json"
        done
        ;;
    sanitizer) sanitizer ;;
    rates)
        peers rates --device "$peer_device" >"$results/rates.json"
        rows rates "$results/rates.json"
        ;;
    checkpoint-*)
        checkpoint "${part[1]}" && row made
        ;;
    bench-*)
        [ "${part[3]}" = f32 ] || use_tensor_cores
        bench "$device" "${part[1]}" "${part[2]}" "${part[3]}" "pytorch-${part[3]}"
        ;;
    compiled-*)
        use_tensor_cores
        # Compiling takes minutes each time.
        rounds=$((rounds < 2 ? rounds : 2))
        # On a processor there is no compiled peer.
        bench "$device" "${part[1]}" "${part[2]}" "${part[3]}" \
            "pytorch$([ "$peer_device" = cpu ] || echo compiled)-${part[3]}"
        ;;
    start) start ;;
    opencl-verify | opencl-bench)
        part=$(opencl_device)
        [ -n "$part" ] || { row "skipped: no OpenCL device of NVIDIA's"; return; }
        if [ "$1" = opencl-verify ]; then
            verify "$part" $quick && row "$part: all operations right"
        else
            bench "$part" "$first" 1 f32 pytorch-f32
        fi
        ;;
    *) echo "error: $1: no such stage; see --list" >&2; exit 2 ;;
    esac
}

if [ -n "$inner" ]; then
    run_stage "$inner"
    exit
fi

# MARK: Which stages

if [ "$is_list" = 1 ]; then
    printf '%s\n' "${stages[@]}"
    exit 0
fi
for stage in "${wanted[@]}"; do
    printf '%s\n' "${stages[@]}" | grep -qxF -- "$stage" || { echo "error: $stage: no such stage; see --list" >&2; exit 2; }
done
[ "${#wanted[@]}" = 0 ] || stages=("${wanted[@]}")
if [ "$has_peers" = 1 ] && ! has_torch; then
    echo "error: python3 ($(command -v python3 || echo 'none on the PATH')) has no PyTorch with transformers" >&2
    echo "put one that has them on the PATH, or do without by --no-peers" >&2
    exit 1
fi
mkdir -p "$cache"

failed=() left=()
for stage in "${stages[@]}"; do
    if [ -e "$results/$stage.done" ]; then
        echo "done before: $stage"
    elif [ -n "$budget" ] && [ "$SECONDS" -ge "$budget" ]; then
        left+=("$stage")
    else
        printf '\n=== %s (after %d s)\n' "$stage" "$SECONDS"
        begin=$SECONDS
        if timeout --kill-after 10 480 "$0" "${arguments[@]}" --inner "$stage" 2>&1 | tee "$results/$stage.log"; then
            echo "$((SECONDS - begin)) s" >"$results/$stage.done"
        else
            failed+=("$stage")
            inner=$stage row "FAILED: $(tail -n 1 "$results/$stage.log")"
        fi
    fi
done

if [ -e "$results/results.txt" ]; then
    printf '\n=== %s\n' "$results/results.txt"
    cat "$results/results.txt"
fi
[ "${#failed[@]}" = 0 ] || { echo "error: failed: ${failed[*]}" >&2; exit 1; }
[ "${#left[@]}" = 0 ] || { echo "left: ${left[*]}" >&2; exit 3; }
