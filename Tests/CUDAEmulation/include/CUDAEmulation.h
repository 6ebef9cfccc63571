#ifndef CUDA_EMULATION_H
#define CUDA_EMULATION_H

// Runs kernels that only CUDA can express on the processor: the same source, with the words of the prelude and the
// instructions of a warp written out lane by lane. Each thread of a group is a fiber that runs until it must wait.

#include <stdint.h>

#pragma clang assume_nonnull begin

// The operands of a product; see Kernels/Portable/Weights.cl.
typedef struct EmulatedProduct {
    // Aligned to 16 bytes, as device memory is.
    const float *a;
    const int *_Nullable starts;
    long aRow, aBatch;
    const void *weight;
    long weightBatch;
    const float *_Nullable scales;
    const float *_Nullable bias;
    const float *_Nullable residual;
    float *c;
    long cRow, cBatch;
    int m, n, depth, batches, activation;
    // Of a norm over the rows, which comes before the function.
    const float *_Nullable gain;
    const float *_Nullable shift;
    float epsilon;
} EmulatedProduct;

// Attention's operands; see Kernels/CUDA/TensorAttention.cu.
typedef struct EmulatedAttention {
    // Aligned to 16 bytes.
    const float *x;
    const int *parts;
    void *y;
    // 0: float32; else that of the factors.
    int yType;
    int partCount, heads, headSize;
    float scale;
} EmulatedAttention;

// How a launch ended.
enum EmulationOutcome : int32_t {
    emulationDone = 0,
    // Threads waited for each other in ways that would hang a GPU.
    emulationStuck,
    // A move of 16 or 8 bytes was not aligned, at which a GPU stops.
    emulationMisaligned,
    // A product read shared memory that was not there for it yet, or that changed before it was over.
    emulationRaced,
    // The group was given less memory than it uses.
    emulationOutOfMemory,
    // No kernel was compiled for these sizes.
    emulationHasNoVariant,
};

// weightType is WEIGHT_TYPE of the kernels, computeType COMPUTE_TYPE, tileColumns how many columns of C a group computes.
enum EmulationOutcome emulateProduct(
    const EmulatedProduct *operands, int weightType, int computeType, int tileColumns);
// The same by warpgroups: so many consumers with 64 rows and groupColumns columns of C each, and so much memory.
enum EmulationOutcome emulateWarpgroupProduct(
    const EmulatedProduct *operands, int weightType, int computeType, int consumers, int groupColumns, long byteCount);

// What is left out of a faulty product, so that tests can see that it is noticed.
enum EmulationFault : int32_t {
    emulationHasNoFault = 0,
    emulationNothingPublished,
    emulationCopiesNotWaitedFor,
    emulationPhasesNotWaitedFor,
    emulationSumsNotHandedOver,
    emulationTilesGivenBackEarly,
    emulationSumsReadEarly,
};
enum EmulationOutcome emulateFaultyWarpgroupProduct(
    const EmulatedProduct *operands, enum EmulationFault fault, long byteCount);

enum EmulationOutcome emulateAttention(const EmulatedAttention *operands, int computeType, int queries);

#pragma clang assume_nonnull end

#endif
