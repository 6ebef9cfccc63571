#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

// NVIDIA's driver, NVRTC and cuBLASLt over host memory, for the tests of the host side: contexts, streams, events,
// memory, modules, graphs and sticky errors behave as the manual says; kernels do nothing unless someone compiles and
// runs them (Tests/EmulatedGPU), cuBLASLt's products are computed. Commands run only when the host waits, as late as a
// driver may run them. It counts calls and objects, fails on demand, and notes the first call that the manual forbids:
// without the right context, with what was released, beyond memory. A program with the option -DWRONG=1 doesn't
// compile. One a process: tests that use it take turns.

#include "CUDAShim.h"

#pragma clang assume_nonnull begin

typedef struct FakeCUDASettings {
    uint32_t deviceCount;
    // Of each device, as 10 · major + minor.
    uint32_t capability;
    // As 1000 · major + 10 · minor.
    uint32_t driverVersion;
    uint32_t compilerMajorVersion;
    // 0 is without bound.
    size_t memoryByteCount;
    // Whether no host memory can be pinned.
    uint32_t hasNoPinnedMemory;
    // Whether images are refused, as by a driver that is too old.
    uint32_t refusesImages;
    // The call of this number, counted from 1 since the last reset, fails with `status` or, one of NVRTC, with
    // `compilerStatus`, or, one of cuBLASLt, with `productStatus`; 0 is none.
    int64_t failingCall;
    // The command of this number is queued and fails later, with `status`, which then stays with its context; 0 is
    // none.
    int64_t failingCommand;
    uint32_t status;
    uint32_t compilerStatus;
    // As 10000 · major + 100 · minor + patch.
    uint64_t productLibraryVersion;
    // Whether cuBLASLt finds no algorithm; whether it refuses when it is to multiply.
    uint32_t refusesProducts, refusesToMultiply;
    // Of its calls that fail.
    uint32_t productStatus;
    uint32_t multiprocessorCount;
} FakeCUDASettings;

// One GPU of capability 9.0, nothing fails.
FakeCUDASettings fakeCUDADefaults(void);
// Forgets the counts; objects stay.
void fakeCUDAReset(FakeCUDASettings settings);

// Who compiles and runs kernels; without, they do nothing.
typedef struct FakeCUDAKernels {
    // The image of a program, or NULL and the compiler's words in `log`; both are to be freed.
    char *_Nullable (*_Nullable compile)(
        const char *text, int optionCount, const char *_Nonnull const *_Nonnull options, size_t *byteCount,
        char *_Nullable *_Nonnull log);
    // NULL where the image is none of ours.
    void *_Nullable (*_Nullable load)(const void *image);
    void (*_Nullable unload)(void *library);
    // NULL without a kernel of that name.
    const void *_Nullable (*_Nullable find)(void *library, const char *name);
    int (*_Nullable parameterCount)(const void *kernel);
    // Arguments lie in eight bytes each. NULL, or what a GPU would have done instead of ending.
    const char *_Nullable (*_Nullable run)(
        const void *kernel, const unsigned *groups, unsigned threads, size_t sharedByteCount, const uint64_t *arguments);
} FakeCUDAKernels;

// From the start; before any image is loaded.
void fakeCUDASetKernels(FakeCUDAKernels kernels);

CUDAFunctions fakeCUDAFunctions(void);
NVRTCFunctions fakeNVRTCFunctions(void);
CUBLASLtFunctions fakeCUBLASLtFunctions(void);

// Since the last reset.
int64_t fakeCUDACallCount(void);
int64_t fakeCUDACommandCount(void);
int64_t fakeCUDACompilationCount(void);
// Kernels that came to run, and graphs that were launched.
int64_t fakeCUDAKernelCount(void);
int64_t fakeCUDAGraphCount(void);
// Algorithms that cuBLASLt chose.
int64_t fakeCUDAHeuristicCount(void);
// Its products that may round float32 factors.
int64_t fakeCUDATF32Count(void);
// The call that was made to fail, NULL when there was none.
const char *_Nullable fakeCUDAFailedCall(void);
// What was forbidden, NULL when nothing was.
const char *_Nullable fakeCUDAMisuse(void);
// Bytes of device memory that are allocated.
size_t fakeCUDAUsedByteCount(void);

// Objects that were made and not released; programs of NVRTC count too.
int64_t fakeCUDAObjectCount(void);

#pragma clang assume_nonnull end

#endif
