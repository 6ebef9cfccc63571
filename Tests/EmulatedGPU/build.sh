#!/usr/bin/env bash
# Builds the emulated GPU: one library for libcuda, libnvrtc and libcublasLt.
# Usage: build.sh FILE.so, then XLSR_CUDA=FILE.so XLSR_NVRTC=FILE.so XLSR_CUBLASLT=FILE.so xlsr verify --device cuda
set -euo pipefail
target=$(realpath -m "$1")
cd "$(dirname "$0")/.."
clang -shared -fPIC -O2 -march=native -std=gnu2x -Wall -Werror -Wno-nullability-completeness -DFAKE_CUDA_IS_LIBRARY \
    -DEMULATION_FOLDER="\"$PWD\"" -I../Kernels/CUDA/include -IFakeCUDA/include -ICUDAEmulation -ICUDAEmulation/include \
    FakeCUDA/FakeCUDA.c CUDAEmulation/Fibers.c CUDAEmulation/SharedMemory.c EmulatedGPU/EmulatedGPU.c \
    -lm -ldl -lpthread -o "$target"
