#ifndef TENSOR_CORE_H
#define TENSOR_CORE_H

// The words of Kernels/CUDA/TensorCore.cu for a processor, lane by lane. Included after Portable/Functions.cl;
// COMPUTE_TYPE is defined before.

#define SHARED_ALIGNED SHARED __attribute__((aligned(16)))

#if COMPUTE_TYPE == 1
#define NUMBER(bits) float_of_half_bits(bits)
#define BITS(x) half_bits_of_float(in_half_range(x))
#else
#define NUMBER(bits) float_of_bits((uint)(bits) << 16)
#define BITS(x) bfloat_of_float(x)
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
        const MultiplyOperand *operand = (const MultiplyOperand *)operands[lane];
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
        const MultiplyOperand *operand = (const MultiplyOperand *)operands[lane];
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
        ExchangeOperand *operand = (ExchangeOperand *)operands[lane];
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

#endif
