// The words of the CUDA prelude and of TensorCore.cu for a processor. Included once in every translation unit that
// holds kernels, after COMPUTE_TYPE and the sizes are defined.

#include <math.h>
#include <string.h>

#include "SharedMemory.h"

#define LANES 1
#define KERNEL static void
#define GLOBAL
#define LOCAL
// Groups run one after the other.
#define SHARED static
#define SHARED_ALIGNED static _Alignas(16)
#define FUNCTION static inline __attribute__((unused))

#define LOCAL_ID emulatedThread
#define GROUP_X emulatedGroup[0]
#define GROUP_Y emulatedGroup[1]
#define GROUP_Z emulatedGroup[2]
#define BARRIER() emulatedBarrier()
#define UNROLL

typedef unsigned int uint;
typedef unsigned short half_bits;
typedef unsigned short bfloat_bits;
typedef signed char signed_byte;
typedef float vec;
typedef int ivec;

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define fma fmaf
#define sqrt sqrtf
#define fabs fabsf
#define log logf
#define tanh tanhf

FUNCTION float float_of_bits(uint bits) {
    float result;
    memcpy(&result, &bits, sizeof(result));
    return result;
}
FUNCTION uint bits_of_float(float x) {
    uint result;
    memcpy(&result, &x, sizeof(result));
    return result;
}
FUNCTION float float_of_half_bits(half_bits bits) {
    _Float16 half;
    memcpy(&half, &bits, sizeof(half));
    return half;
}
FUNCTION half_bits half_bits_of_float(float x) {
    _Float16 half = x;
    half_bits bits;
    memcpy(&bits, &half, sizeof(bits));
    return bits;
}
FUNCTION bfloat_bits bfloat_bits_of_float(float x) {
    uint bits = bits_of_float(x);
    return x != x ? bits >> 16 | 0x40 : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define AS_VEC(x) float_of_bits((uint)(x))
#define AS_INTS(x) ((int)bits_of_float(x))
#define TO_VEC(x) ((float)(x))
#define TO_INTS(x) ((int)(x))
#define LOAD_HALF(p) float_of_half_bits(*(p))

// MARK: TensorCore.cu

#if COMPUTE_TYPE == 1
#define NUMBER(bits) float_of_half_bits(bits)
#define BITS(x) half_bits_of_float((x) > 65504.0f ? 65504.0f : (x) < -65504.0f ? -65504.0f : (x))
#else
#define NUMBER(bits) float_of_bits((uint)(bits) << 16)
#define BITS(x) bfloat_bits_of_float(x)
#endif

FUNCTION uint packed_pair(float low, float high) { return BITS(low) | (uint)BITS(high) << 16; }

typedef struct {
    const half_bits *row;
    uint *result;
} MatrixOperand;

FUNCTION void combine_matrices(void *operands[32], int transposed) {
    for (int lane = 0; lane < 32; lane++) {
        for (int matrix = 0; matrix < 4; matrix++) {
            uint pair[2];
            for (int i = 0; i < 2; i++) {
                int row = transposed ? 2 * (lane % 4) + i : lane / 4;
                int column = transposed ? lane / 4 : 2 * (lane % 4) + i;
                pair[i] = ((MatrixOperand *)operands[8 * matrix + row])->row[column];
            }
            ((MatrixOperand *)operands[lane])->result[matrix] = pair[0] | pair[1] << 16;
        }
    }
}
FUNCTION void combine_plain(void *operands[32]) { combine_matrices(operands, 0); }
FUNCTION void combine_transposed(void *operands[32]) { combine_matrices(operands, 1); }

FUNCTION void load_matrices(uint result[4], const half_bits *row) {
    MatrixOperand operand = {row, result};
    emulatedMove(row, 16);
    emulatedCollective(&operand, combine_plain);
}
FUNCTION void load_matrices_transposed(uint result[4], const half_bits *row) {
    MatrixOperand operand = {row, result};
    emulatedMove(row, 16);
    emulatedCollective(&operand, combine_transposed);
}

typedef struct {
    float *sums;
    const uint *a;
    const uint *b;
} MultiplyOperand;

// By the tables of the PTX manual: which lane and register hold element (row, k) of A, (k, column) of B, and
// (row, column) of the sums.
FUNCTION void combine_multiply(void *operands[32]) {
    float a[16][16], b[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const MultiplyOperand *operand = operands[lane];
        int group = lane >> 2, inner = lane % 4;
        for (int i = 0; i < 8; i++) {
            int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
            int column = inner * 2 + (i & 1) + (i >= 4 ? 8 : 0);
            a[row][column] = NUMBER((half_bits)(operand->a[i / 2] >> 16 * (i & 1)));
        }
        for (int i = 0; i < 4; i++) {
            int row = inner * 2 + (i & 1) + (i >= 2 ? 8 : 0);
            b[row][group] = NUMBER((half_bits)(operand->b[i / 2] >> 16 * (i & 1)));
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        const MultiplyOperand *operand = operands[lane];
        for (int i = 0; i < 4; i++) {
            int row = (lane >> 2) + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
            float sum = operand->sums[i];
            for (int k = 0; k < 16; k++) sum += a[row][k] * b[k][column];
            operand->sums[i] = sum;
        }
    }
}

FUNCTION void multiply_add(float sums[4], const uint a[4], const uint b[2]) {
    MultiplyOperand operand = {sums, a, b};
    emulatedCollective(&operand, combine_multiply);
}

FUNCTION float power_of_two(float x) { return exp2f(x); }

typedef struct {
    float value;
    float result;
    int mask;
} ExchangeOperand;

FUNCTION void combine_exchange(void *operands[32]) {
    for (int lane = 0; lane < 32; lane++) {
        ExchangeOperand *operand = operands[lane];
        operand->result = ((ExchangeOperand *)operands[lane ^ operand->mask])->value;
    }
}

FUNCTION float exchanged(float x, int mask) {
    ExchangeOperand operand = {x, 0, mask};
    emulatedCollective(&operand, combine_exchange);
    return operand.result;
}

FUNCTION void load_four(float x[4], const float *p) {
    emulatedMove(p, 16);
    memcpy(x, p, 16);
}
FUNCTION void load_two_words(uint words[2], const void *p) {
    emulatedMove(p, 8);
    memcpy(words, p, 8);
}
FUNCTION void store_two_words(void *p, uint first, uint second) {
    uint words[2] = {first, second};
    emulatedStore(p, words, 8);
}

FUNCTION void copy_async(void *target, const void *source, int byte_count) {
    emulatedCopyAsync(target, source, byte_count);
}
FUNCTION void end_copies(void) { emulatedEndCopies(); }
FUNCTION void wait_for_copies(void) { emulatedWaitForCopies(0); }
FUNCTION void wait_for_copies_but_last(void) { emulatedWaitForCopies(1); }

FUNCTION void combine_nothing(void *operands[32]) {}
#define WARP_BARRIER() emulatedCollective(0, combine_nothing)

#include "../../Kernels/Portable/Functions.cl"
