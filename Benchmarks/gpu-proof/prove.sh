#!/usr/bin/env bash
# Checks and measures xlsr on a host with an NVIDIA GPU and no Swift, stage by stage.
#
# usage: prove.sh [--dry-run] [--no-peers] [--results DIR] [--save FILE] [--seconds N] [--list] [STAGE ...]
#
# Each stage takes at most 8 minutes, and what matters most comes first. One that is done is not done again: start the
# script as often as it takes. --seconds N ends it within N seconds; what they were too few for is left. One that failed
# is not tried again unless it is named. Kernels for tensor cores are used once they have passed; where they haven't,
# those without warpgroups are tried.
# --save FILE is for a GPU host that is lent for minutes: after each stage, all results but caches are put into FILE, a
# .tar.gz, and a start without results goes on from there.
# Every figure is printed and added to DIR/results.txt as it is measured; DIR/STAGE.log holds the rest. Needs python3 with
# PyTorch and transformers on the PATH, whose libraries have NVRTC too. --dry-run takes simd in place of cuda and tiny
# sizes; --no-peers does without PyTorch.
# Exit status: 0 all stages are done or skipped, 1 some failed, now or before, 2 wrong usage, 3 some are left.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
arguments=("$@")
is_dry=0 has_peers=1 results= save= budget= inner= is_list=0 wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) is_dry=1 ;;
    --no-peers) has_peers=0 ;;
    --list) is_list=1 ;;
    --results | --save | --seconds | --inner)
        [ $# -gt 1 ] || { echo "error: $1 needs a value" >&2; exit 2; }
        case $1 in --results) results=$2 ;; --save) save=$2 ;; --seconds) budget=$2 ;; --inner) inner=$2 ;; esac
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

if [ "$is_dry" = 1 ]; then
    device=simd peer_device=cpu opencl=simd shapes=tiny first=tiny last=tiny batches="1 2" most=2 clip=1
    quick=--quick precisions="f32 f16 bf16 int8" brief="--peak-seconds 0"
else
    device=cuda peer_device=cuda opencl= shapes="2b 1b 300m" first=300m last=2b batches="1 8 32" most=32 clip=10
    quick= brief= precisions="f32 tf32 f16 bf16 int8"
fi
# What is done without the others is not done.
default=$([ "$is_dry" = 1 ] && echo dry-run || echo results)$([ "$has_peers" = 1 ] || echo -alone)
results=$(realpath -m "${results:-$here/$default}")
cache=$results/cache
[ -z "$save" ] || save=$(realpath -m "$save")
case $save in "$results"/*) echo "error: --save $save: in the folder that is saved" >&2; exit 2 ;; esac
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

# MARK: Which stages, in which order

stages=()
add() {
    local stage
    for stage in "$@"; do
        case "$has_peers $stage" in "0 rates" | "0 checkpoint-"*) continue ;; esac
        case " ${stages[*]} " in *" $stage "*) ;; *) stages+=("$stage") ;; esac
    done
}
add devices verify verify-tensor golden-f32 golden-tensor verify-warps golden-warps rates
add "checkpoint-$first" "bench-$first-1-"{bf16,f16,f32} start
add "checkpoint-$last" "bench-$last-$most-bf16" "switches-$first-1-bf16" "switches-$last-$most-bf16" verify-own
for precision in $precisions; do add "golden-$precision"; done
add transcripts transcripts-tensor model simd
for shape in $shapes; do
    add "checkpoint-$shape"
    for batch in $batches; do add "bench-$shape-$batch-bf16"; done
done
add opencl-verify opencl-bench sanitizer sanitizer-tensor

is_done() { [ -e "$results/$1.done" ]; }

# Usage: limit STAGE, in seconds.
limit() {
    case $1 in
    # What is wrong with them may well hang. The first's second half is for finding out in which operation.
    verify-tensor | verify-warps) echo 270 ;;
    *-tensor | *-warps) echo 150 ;;
    *) echo 480 ;;
    esac
}

# MARK: What stages do; their output goes to a log, and rows to where the script's own goes

[ -n "$inner" ] || exec 3>&1
row() { printf '%-22s %s\n' "$inner:" "$*" | tee -a "$results/results.txt" >&3; }

json() { python3 "$here/rows.py" "$@"; }

# Usage: rows COMMAND ..., a row for each line of rows.py, after $label.
label=
rows() {
    local text line status=0
    text=$(json "$@") || status=$?
    while read -r line; do [ -z "$line" ] || row "$label$line"; done <<<"$text"
    return "$status"
}

# Usage: last_line FILE [PATTERN], of those that match.
last_line() {
    awk -v pattern="${2:-.}" '
        NF && $0 ~ pattern && !/^Terminated/ { line = $0 }
        END { sub(/^(xlsr: )?error: /, "", line); print substr(line, 1, 200) }' "$1"
}

# Usage: complaint FILE, its last error, or else its last line: what failed need not have come last.
complaint() {
    local error
    error=$(last_line "$1" '(^|: )(Fatal )?error: ')
    echo "${error:-$(last_line "$1")}"
}

# Usage: verify DEVICE [OPTION ...]
verify() {
    local status=0 reason
    # Each case is named before it runs, so that the log's last line names one that hangs.
    timeout --foreground 120 "$xlsr" verify --device "$1" --verbose "${@:2}" || status=$?
    [ "$status" != 0 ] || return 0
    reason=$(complaint "$results/$inner.log")
    [ "$status" != 124 ] || reason="timed out after 120 s in: $(last_line "$results/$inner.log")"
    by_operation "$@"
    echo "error: $reason"
    return 1
}

# Usage: by_operation DEVICE [OPTION ...], a row that names the operations that are wrong in processes of their own.
by_operation() {
    local part=$results/$inner.part operation operations limit status counts names wrong=() untried=()
    operations=$("$xlsr" verify --device simd --quick --quiet | awk 'NF == 4 && $2 $3 ~ /^[0-9]+$/ { print $1 }') || true
    [ -n "$operations" ] || untried=(all)
    for operation in $operations; do
        limit=$((${stage_limit:-480} - SECONDS - 5))
        [ "$limit" -ge 5 ] || { untried+=("$operation"); continue; }
        status=0
        timeout --foreground "$((limit < 60 ? limit : 60))" "$xlsr" verify --device "$1" --verbose \
            --filter "$operation" "${@:2}" >"$part" 2>&1 || status=$?
        [ "$status" != 0 ] || continue
        cat "$part"
        # Of this very operation: the filter takes those too whose names contain it.
        counts=$(awk -v name="$operation" '$1 == name && $2 $3 ~ /^[0-9]+$/ { print $3 " of " $2 }' "$part")
        if [ "$status" = 124 ]; then
            wrong+=("$operation (hangs in: $(last_line "$part"))")
        elif [ -z "$counts" ] || grep -q ' was lost in ' "$part"; then
            counts=$(complaint "$part")
            wrong+=("$operation (${counts:0:100})")
        elif [ "${counts%% *}" != 0 ]; then
            wrong+=("$operation ($counts cases)")
        fi
    done
    rm -f "$part"
    names=$(printf ', %s' "${wrong[@]:-no operation}")
    row "WRONG alone: ${names:2}${untried:+; not tried: ${untried[*]}}"
}

# Usage: check_model OPTION ...
check_model() { "$xlsr" verify --device "$device" --model-only --quiet "$@"; }

# Usage: golden PRECISION, all recorded runs.
golden() {
    local folder count=0 wrong=() log=$results/$inner.log begin
    begin=$(stat -c %s "$log")
    for folder in "$here"/goldens/*/; do
        [ -e "$folder/config.json" ] || continue
        count=$((count + 1))
        echo "$(basename "$folder") as $1"
        check_model --precision "$1" --model "$folder" --golden "$folder/golden.safetensors" \
            || wrong+=("$(basename "$folder")")
    done
    row "$1: $((count - ${#wrong[@]})) of $count recorded checkpoints agree${wrong:+, not ${wrong[*]}}"
    rows blocks "$log" "$begin" "$1"
    [ "$count" -gt 0 ] && [ "${#wrong[@]}" = 0 ]
}

# Usage: transcripts PRECISION ...
transcripts() {
    local precision status=0
    for precision in "$@"; do
        echo "recordings as $precision"
        if check_model --precision "$precision"; then
            row "$precision: all bundled recordings right"
        else
            row "$precision: WRONG WORDS"
            status=1
        fi
    done
    return "$status"
}

# Usage: with_kernels tensor|warps COMMAND ..., our own kernels for tensor cores in all products, or without those for
# warpgroups.
with_kernels() { XLSR_TENSOR_CORES=$(level "$1") XLSR_CUBLASLT=0 "${@:2}"; }

# What XLSR_TENSOR_CORES is for them.
level() { if [ "$1" = tensor ]; then echo 1; else echo warps; fi; }

# Usage: passed tensor|warps
passed() { is_done "verify-$1" && is_done "golden-$1"; }

# Tensor cores once they have passed, for weights of 16 bits.
use_tensor_cores() {
    local kernels
    export XLSR_TENSOR_CORES=0
    for kernels in warps tensor; do ! passed "$kernels" || XLSR_TENSOR_CORES=$(level "$kernels"); done
    [ "$is_dry" = 1 ] || row "$(words_for "$XLSR_TENSOR_CORES")"
}

words_for() {
    case $1 in
    0) echo "without tensor cores" ;;
    1) echo "with tensor cores" ;;
    *) echo "with tensor cores, without warpgroups" ;;
    esac
}

# What shares are of.
rates=$results/rates.json
# Usage: measure OPTION ..., rows of what Benchmarks reports, also where part of it is wrong.
measure() {
    local out=$results/$inner.json status=0
    rm -f "$out"
    "$benchmarks" model --seconds "$clip" $brief --json "$out" "$@" || status=1
    [ ! -e "$out" ] || rows bench "$out" "$rates" || status=1
    return "$status"
}

checkpoint() {
    local answer
    answer=$(peers checkpoint "$1" "$cache" --device "$peer_device") || { echo "$answer" >&2; return 1; }
    json field path <<<"$answer"
}

# Usage: weigh SHAPE; $weights are options for random weights then, those that PyTorch reads where it is there.
weigh() {
    local path
    weights=(--shape "$1")
    [ "$has_peers" = 1 ] || return 0
    path=$(checkpoint "$1")
    weights=(--model "$path")
}

# Usage: runs BATCH
runs() { if [ "$is_dry" = 1 ]; then echo 1; elif [ "$1" = 1 ]; then echo 20; else echo 5; fi; }

# Usage: bench DEVICE SHAPE BATCH PRECISION
bench() {
    local options=(--device "$1" --precision "$4" --batch "$3" --runs "$(runs "$3")") peer=pytorch-$4 rounds=2
    case $inner in
    # Beside PyTorch's compiled passes too; compiling takes minutes each time.
    "bench-$first-1-bf16") peer=pytorch ;;
    "bench-$last-$most-bf16") peer=pytorch rounds=1 ;;
    esac
    [ "$is_dry" = 0 ] || rounds=1
    # On a processor PyTorch has no f16.
    if [ "$has_peers" = 1 ] && [ "$peer_device $4" != "cpu f16" ]; then
        options+=(--peers --peer "$peer" --peer-device "$peer_device" --rounds "$rounds" --peer-cache "$cache")
    fi
    weigh "$2"
    measure "${weights[@]}" "${options[@]}"
}

# Usage: switches SHAPE BATCH PRECISION, ours alone.
switches() {
    local used tensor_cores levels options status=0
    switched() {
        label="$(words_for "$tensor_cores"), $1: "
        (export "XLSR_TENSOR_CORES=$tensor_cores" "${@:2}" && measure "${options[@]}") || status=1
    }
    use_tensor_cores
    used=$XLSR_TENSOR_CORES
    weigh "$1"
    options=("${weights[@]}" --device "$device" --batch "$2" --precision "$3" --runs "$(runs "$2")")
    levels=("$used" 0)
    ! is_done verify-warps || levels+=(warps)
    ! is_done verify-tensor || levels+=(warps 1)
    # Each once, the one that is used first.
    for tensor_cores in $(printf '%s\n' "${levels[@]}" | awk '!seen[$0]++'); do
        switched "as it comes"
        switched "without cuBLASLt" XLSR_CUBLASLT=0
        [ "$tensor_cores" = "$used" ] || continue
        switched "without graphs" XLSR_GRAPHS=0
        switched "without both" XLSR_GRAPHS=0 XLSR_CUBLASLT=0
    done
    return "$status"
}

# This host's processor, whose instructions other machines may lack.
simd() {
    local precision engine present='' options runs=3 rounds=2 rates=none status=0
    [ "$is_dry" = 0 ] || runs=1 rounds=1
    rows sets < <("$xlsr" devices --json)
    if verify simd --quick; then row "small cases of all operations right"; else status=1; fi
    [ "$has_peers" = 0 ] || present=$(peers list --device cpu | json present)
    weigh "$first"
    for precision in f32 bf16 int8; do
        options=()
        for engine in $present; do
            case $engine in pytorch-"$precision" | onnxruntime-"$precision") options+=(--peer "$engine") ;; esac
        done
        [ "${#options[@]}" = 0 ] || options+=(--peers --peer-device cpu --rounds "$rounds" --peer-cache "$cache")
        options+=("${weights[@]}" --device simd --threads 2 --precision "$precision" --runs "$runs")
        measure "${options[@]}" || status=1
    done
    return "$status"
}

# Usage: seconds_of COMMAND ...
seconds_of() {
    local start
    start=$(date +%s%N)
    "$@" >&2 || return
    echo "$(($(date +%s%N) - start))" | awk '{ printf "%.2f", $1 / 1e9 }'
}

start() {
    # One that has words.
    local model=$here/goldens/layer-stable run seconds first_start later=() _
    use_tensor_cores
    rm -rf "$cache/converted" "$cache/programs"
    [ "$has_peers" = 0 ] || model=$(checkpoint "$first")
    "$xlsr" convert --quiet --precision bf16 "$model" "$cache/converted"
    json clip "$cache/clip.wav"
    export XDG_CACHE_HOME=$cache/programs
    run=("$xlsr" run --quiet --device "$device" --precision bf16 --model "$cache/converted" "$cache/clip.wav")
    first_start=$(seconds_of "${run[@]}")
    for _ in 1 2 3; do
        seconds=$(seconds_of "${run[@]}")
        later+=("$seconds")
    done
    row "${model##*/} in bf16, from a converted checkpoint to the text of 10 s: first $first_start s, later ${later[*]} s," \
        "median $(printf '%s\n' "${later[@]}" | sort -n | sed -n 2p) s"
}

# Usage: memcheck TEXT ..., small cases of the operations whose names contain it; of all and the recordings for ''.
memcheck() {
    local tool text
    tool=$([ "$is_dry" = 0 ] && PATH="$PATH:${CUDA_HOME:-/usr/local/cuda}/bin" command -v compute-sanitizer) || {
        row "skipped: no compute-sanitizer"
        return 0
    }
    for text in "$@"; do
        if "$tool" --tool memcheck --error-exitcode 9 "$xlsr" verify --device "$device" --quick --verbose \
            ${text:+--filter "$text"}; then
            row "memcheck found nothing in small cases of ${text:-all}"
        elif grep -qi 'device not supported' "$results/$inner.log"; then
            row "skipped: compute-sanitizer does not support this device"
            return 0
        else
            return 1
        fi
    done
}

run_stage() {
    local part precision nvidia status=0
    IFS=- read -ra part <<<"$1"
    case $1 in
    devices)
        "$xlsr" devices --verbose
        ! command -v nvidia-smi || nvidia-smi
        rows device "$device" < <("$xlsr" devices --json)
        ;;
    verify) verify "$device" $quick && row "all operations right" ;;
    verify-own) XLSR_CUBLASLT=0 verify "$device" $quick && row "all operations right without cuBLASLt" ;;
    verify-tensor | verify-warps)
        with_kernels "${part[1]}" verify "$device" $quick && row "all operations right"
        ;;
    golden-tensor | golden-warps)
        for precision in bf16 f16; do with_kernels "${part[1]}" golden "$precision" || status=1; done
        return "$status"
        ;;
    golden-*) golden "${part[1]}" ;;
    transcripts) transcripts $precisions ;;
    transcripts-tensor) with_kernels tensor transcripts f16 bf16 int8 ;;
    rates)
        peers rates --device "$peer_device" >"$rates.new" || { cat "$rates.new" && rm "$rates.new" && return 1; }
        mv "$rates.new" "$rates"
        rows rates "$rates"
        ;;
    checkpoint-*) checkpoint "${part[1]}" && row made ;;
    bench-*)
        [ "${part[3]}" = f32 ] || use_tensor_cores
        bench "$device" "${part[1]}" "${part[2]}" "${part[3]}"
        ;;
    switches-*) switches "${part[1]}" "${part[2]}" "${part[3]}" ;;
    start) start ;;
    model)
        # Checks a whole model before timing it: finite, a batch equal to single clips.
        for precision in f32 bf16; do
            measure --device "$device" --shape "$first" --precision "$precision" --runs 1 || status=1
        done
        return "$status"
        ;;
    simd) simd ;;
    opencl-*)
        nvidia=${opencl:-$("$xlsr" devices --json | json opencl)}
        [ -n "$nvidia" ] || { row "skipped: no OpenCL device of NVIDIA's"; return; }
        if [ "$1" = opencl-verify ]; then
            verify "$nvidia" $quick && row "$nvidia: all operations right"
        else
            bench "$nvidia" "$first" 1 f32
        fi
        ;;
    sanitizer) memcheck '' ;;
    sanitizer-tensor) with_kernels tensor memcheck matmul linear convolution groupedConvolution attention ;;
    esac
}

if [ -n "$inner" ]; then
    run_stage "$inner"
    exit
fi

# MARK: One stage after the other

if [ "$is_list" = 1 ]; then
    printf '%s\n' "${stages[@]}"
    exit 0
fi
for stage in "${wanted[@]}"; do
    printf '%s\n' "${stages[@]}" | grep -qxF -- "$stage" || { echo "error: $stage: no such stage; see --list" >&2; exit 2; }
done
if [ "$has_peers" = 1 ] && ! has_torch; then
    echo "error: python3 ($(command -v python3 || echo 'none on the PATH')) has no PyTorch with transformers" >&2
    echo "put one that has them on the PATH, or do without by --no-peers" >&2
    exit 1
fi

keep() {
    [ -n "$save" ] || return 0
    tar -C "$results" --exclude=./cache -czf "$save.new" .
    mv "$save.new" "$save"
}

# Takes up what is there, in $save or in $results.
resume() {
    local made gpu
    mkdir -p "$cache"
    if [ -e "$save" ] && [ ! -e "$results/results.txt" ]; then tar -C "$results" -xzf "$save"; fi
    # Caches aren't saved, and making a checkpoint would take the time of the stage that wants it.
    for made in "$results"/checkpoint-*.done; do
        made=${made##*/checkpoint-} made=${made%.done}
        [ -e "$cache/random-$made" ] || rm -f "$results/checkpoint-$made.done"
    done
    gpu=$(nvidia-smi -L 2>&1) || return 0
    [ "$gpu" != "$(cat "$results/gpu.txt" 2>/dev/null)" ] || return 0
    # Shares of rates are shares of this one's.
    rm -f "$results"/rates.{json,done}
    echo "$gpu" >"$results/gpu.txt"
    inner=gpu row "from here on: ${gpu//$'\n'/, }"
}

# Usage: try STAGE SECONDS
try() {
    local log=$results/$1.log begin=$SECONDS seconds status=0 reason
    printf '\n=== %s (after %d s)\n' "$1" "$SECONDS"
    rm -f "$results/$1.failed"
    stage_limit=$2 timeout --kill-after 4 "$2" bash "$here/prove.sh" "${arguments[@]}" --inner "$1" \
        >"$log" 2>&1 </dev/null || status=$?
    seconds=$((SECONDS - begin))
    if [ "$status" = 0 ]; then
        echo "$seconds s" >"$results/$1.done"
        return
    fi
    reason=$(last_line "$log")
    # 137: it had to be killed.
    if [[ $status =~ ^(124|137)$ ]] && [ "$seconds" -ge "$(($2 - 1))" ]; then
        if [ "$2" -lt "$(limit "$1")" ]; then
            echo "cut off after $seconds s in: $reason"
            left+=("$1")
            return
        fi
        reason="timed out after $seconds s in: $reason"
    else
        reason=$(complaint "$log")
        reason=${reason:-exit status $status}
    fi
    failed+=("$1")
    echo "$reason" >"$results/$1.failed"
    inner=$1 row "FAILED: $reason"
    tail -n 5 "$log" | sed 's/^/    /'
}

resume
[ "${#wanted[@]}" = 0 ] || stages=("${wanted[@]}")
failed=() left=()
for stage in "${stages[@]}"; do
    seconds=$(limit "$stage") remaining=$((${budget:-100000} - SECONDS))
    if is_done "$stage"; then
        echo "done before: $stage"
    elif [ -e "$results/$stage.failed" ] && [ "${#wanted[@]}" = 0 ]; then
        echo "failed before: $stage"
        failed+=("$stage")
    elif [ "$remaining" -lt 30 ]; then
        left+=("$stage")
    elif [[ $stage == *-warps ]] && passed tensor; then
        echo "not needed: $stage"
    elif [[ $stage =~ ^(golden|transcripts|sanitizer)-(tensor|warps)$ ]] && ! is_done "verify-${stage##*-}"; then
        reason="skipped: verify-${stage##*-} is not done"
        grep -qsF "$stage: $reason" <(tr -s ' ' <"$results/results.txt") || inner=$stage row "$reason"
    else
        # Ending a stage and keeping what it found take a moment too.
        try "$stage" "$((remaining - 6 < seconds ? remaining - 6 : seconds))"
        keep
    fi
done

if [ -e "$results/results.txt" ]; then
    printf '\n=== %s\n' "$results/results.txt"
    cat "$results/results.txt"
fi
keep
[ "${#failed[@]}" = 0 ] || { echo "error: failed: ${failed[*]}" >&2; exit 1; }
[ "${#left[@]}" = 0 ] || { echo "left: ${left[*]}" >&2; exit 3; }
