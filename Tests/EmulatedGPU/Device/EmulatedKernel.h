#ifndef EMULATED_KERNEL_H
#define EMULATED_KERNEL_H

#include "SharedMemory.h"

// A kernel that was compiled for a processor.
typedef struct EmulatedKernel {
    int parameterCount;
    // Arguments lie in eight bytes each.
    enum EmulationOutcome (*run)(
        const unsigned *groups, unsigned threads, size_t memoryByteCount, const uint64_t *arguments);
} EmulatedKernel;

#endif
