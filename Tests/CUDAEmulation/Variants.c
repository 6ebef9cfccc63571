#include "CUDAEmulation.h"

#define PRODUCTS(X) X(1, 1, 64) X(2, 2, 64) X(3, 2, 64) X(1, 1, 128) X(2, 2, 128) X(3, 2, 128) X(2, 2, 80)

#define DECLARE(weight, compute, size) enum EmulationOutcome emulatedProduct_##weight##_##size(const EmulatedProduct *);
PRODUCTS(DECLARE)

enum EmulationOutcome emulateProduct(
    const EmulatedProduct *operands, int weightType, int computeType, int tileColumns) {
#define CHOOSE(weight, compute, size) \
    if (weightType == weight && computeType == compute && tileColumns == size) return emulatedProduct_##weight##_##size(operands);
    PRODUCTS(CHOOSE)
    return emulationHasNoVariant;
}

#define WARPGROUP_PRODUCTS(X) \
    X(1, 1, 2, 256) X(2, 2, 2, 256) X(3, 2, 2, 256) X(1, 1, 1, 64) X(2, 2, 1, 64) X(3, 2, 1, 64) X(2, 2, 2, 128) \
    X(2, 2, 1, 80) X(1, 1, norm, 256) X(2, 2, norm, 256)

#define DECLARE_WARPGROUP(weight, compute, group, size) \
    enum EmulationOutcome emulatedWarpgroupProduct_##weight##_##group##_##size(const EmulatedProduct *, long);
WARPGROUP_PRODUCTS(DECLARE_WARPGROUP)

enum EmulationOutcome emulateWarpgroupProduct(
    const EmulatedProduct *operands, int weightType, int computeType, int consumers, int groupColumns, long byteCount) {
    // In place of a number of consumers.
    const int norm = 0;
    if (operands->gain) consumers = norm;
#define CHOOSE_WARPGROUP(weight, compute, group, size) \
    if (weightType == weight && computeType == compute && consumers == group && groupColumns == size) \
        return emulatedWarpgroupProduct_##weight##_##group##_##size(operands, byteCount);
    WARPGROUP_PRODUCTS(CHOOSE_WARPGROUP)
    return emulationHasNoVariant;
}

#define FAULTS(X) \
    X(NothingPublished) X(CopiesNotWaitedFor) X(PhasesNotWaitedFor) X(SumsNotHandedOver) X(TilesGivenBackEarly) \
    X(SumsReadEarly)

#define DECLARE_FAULT(name) enum EmulationOutcome emulatedWarpgroupProduct_##name(const EmulatedProduct *, long);
FAULTS(DECLARE_FAULT)

enum EmulationOutcome emulateFaultyWarpgroupProduct(
    const EmulatedProduct *operands, enum EmulationFault fault, long byteCount) {
#define CHOOSE_FAULT(name) \
    if (fault == emulation##name) return emulatedWarpgroupProduct_##name(operands, byteCount);
    FAULTS(CHOOSE_FAULT)
    return emulationHasNoVariant;
}

#define ATTENTIONS(X) \
    X(1, 64, 64) X(1, 80, 64) X(1, 120, 64) X(2, 64, 64) X(2, 80, 64) X(2, 120, 64) X(2, 64, 128) X(2, 80, 128) \
    X(2, 120, 128)

#define DECLARE_ATTENTION(compute, size, rows) \
    enum EmulationOutcome emulatedAttention_##compute##_##size##_##rows(const EmulatedAttention *);
ATTENTIONS(DECLARE_ATTENTION)

enum EmulationOutcome emulateAttention(const EmulatedAttention *operands, int computeType, int queries) {
#define CHOOSE_ATTENTION(compute, size, rows) \
    if (computeType == compute && operands->headSize == size && queries == rows) \
        return emulatedAttention_##compute##_##size##_##rows(operands);
    ATTENTIONS(CHOOSE_ATTENTION)
    return emulationHasNoVariant;
}
