#include "TensorCoreEmulation.h"

#define PRODUCTS(X) X(1, 1, 64) X(2, 2, 64) X(3, 2, 64) X(1, 1, 128) X(2, 2, 128) X(3, 2, 128)

#define DECLARE(weight, compute, size) enum EmulationOutcome emulatedProduct_##weight##_##size(const EmulatedProduct *);
PRODUCTS(DECLARE)

enum EmulationOutcome emulateProduct(const EmulatedProduct *operands, int weightType, int computeType, int tile) {
#define CHOOSE(weight, compute, size) \
    if (weightType == weight && computeType == compute && tile == size) return emulatedProduct_##weight##_##size(operands);
    PRODUCTS(CHOOSE)
    return emulationHasNoVariant;
}

#define ATTENTIONS(X) X(1, 64) X(1, 80) X(1, 120) X(2, 64) X(2, 80) X(2, 120)

#define DECLARE_ATTENTION(compute, size) enum EmulationOutcome emulatedAttention_##compute##_##size(const EmulatedAttention *);
ATTENTIONS(DECLARE_ATTENTION)

enum EmulationOutcome emulateAttention(const EmulatedAttention *operands, int computeType) {
#define CHOOSE_ATTENTION(compute, size) \
    if (computeType == compute && operands->headSize == size) return emulatedAttention_##compute##_##size(operands);
    ATTENTIONS(CHOOSE_ATTENTION)
    return emulationHasNoVariant;
}
