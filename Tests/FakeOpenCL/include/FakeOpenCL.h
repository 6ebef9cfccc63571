#ifndef FAKE_OPENCL_H
#define FAKE_OPENCL_H

// An OpenCL over host memory for the tests of the host side: buffers, order, events, programs and binaries behave as
// the standard says; kernels do nothing. Commands run only when the host waits, as late as a driver may run them. It
// counts calls and objects, and fails on demand; a program with the option -DWRONG=1 doesn't build. One a process:
// tests that use it take turns.

#include "OpenCLShim.h"

#pragma clang assume_nonnull begin

typedef struct FakeOpenCLSettings {
    uint32_t platformCount;
    // Of each platform, of these types in turn.
    uint32_t deviceCount;
    uint64_t deviceTypes[4];
    uint32_t isAvailable;
    uint32_t hasCompiler;
    // 0 is without bound.
    size_t memoryByteCount;
    // The call of this number, counted from 1 since the last reset, fails with `status`; 0 is none.
    int64_t failingCall;
    // The command of this number is queued and fails later, with `status`; 0 is none.
    int64_t failingCommand;
    int32_t status;
    // Whether binaries are refused, as by a driver that was updated.
    uint32_t refusesBinaries;
} FakeOpenCLSettings;

// One platform with one GPU, nothing fails.
FakeOpenCLSettings fakeOpenCLDefaults(void);
// Forgets the counts; objects stay.
void fakeOpenCLReset(FakeOpenCLSettings settings);

OpenCLFunctions fakeOpenCLFunctions(void);

// Since the last reset.
int64_t fakeOpenCLCallCount(void);
int64_t fakeOpenCLCommandCount(void);
// Programs that were built from their text.
int64_t fakeOpenCLCompilationCount(void);
// The call that was made to fail, NULL when there was none.
const char *_Nullable fakeOpenCLFailedCall(void);

// The most commands that waited at a time.
int64_t fakeOpenCLLongestQueue(void);

// Objects that were made and not released.
int64_t fakeOpenCLObjectCount(void);

#pragma clang assume_nonnull end

#endif
