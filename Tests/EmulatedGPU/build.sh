#!/usr/bin/env bash
# Builds the emulated GPU: one library for libcuda, libnvrtc and libcublasLt.
# Usage: build.sh FILE.so, then XLSR_CUDA=FILE.so XLSR_NVRTC=FILE.so XLSR_CUBLASLT=FILE.so xlsr verify --device cuda
set -euo pipefail
target=$(realpath -m "$1")
cd "$(dirname "$0")"
clang -shared -fPIC -O2 -march=native -std=gnu2x -Wall -Werror -Wno-nullability-completeness -DFAKE_CUDA_IS_LIBRARY \
    -DHEADERS="\"$PWD/Device\"" -I../../Kernels/CUDA/include -I../FakeCUDA/include \
    ../FakeCUDA/FakeCUDA.c Device/*.c -lm -ldl -lpthread -Wl,-Bsymbolic -o "$target"
