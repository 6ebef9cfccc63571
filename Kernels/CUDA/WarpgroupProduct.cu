// The product on Hopper's tensor cores. The last warpgroup fills tiles in shared memory with float32 activations, which
// it rounds to 16 bits, and the weight; the CONSUMERS others multiply 64 rows of A each by GROUP_N of the weight. They
// wait for each other by the phases of the stages' barriers, STAGES tiles of 64 numbers of depth deep.
//
// The consumers lie under each other in C; or, where HAS_NORM is 1, side by side, so that the group has whole rows of
// at most 2 · GROUP_N columns and norms them: gain · (x - mean) / √(variance + ε) + shift before the function.
//
// The operands are those of the portable product, the weight [n, depth]; the depth and w_batch are multiples of 8,
// a_row and a_batch of 4. Groups: x tiles, z batches.

#if HAS_NORM
#define TILE_M 64
#define TILE_N (GROUP_N * CONSUMERS)
#else
#define TILE_M (64 * CONSUMERS)
#define TILE_N GROUP_N
#endif
#define TILE_K 64
#define GROUP_SIZE 128
#define THREADS (GROUP_SIZE * (CONSUMERS + 1))
// Rows of 128 bytes.
#define A_BYTES (TILE_M * 128)
#define STAGE_BYTES (A_BYTES + TILE_N * 128)
// Tiles begin at multiples of 1024 bytes.
#define TILE_ALIGNMENT 1024
// What a producer moves of A: four numbers of every eighth row; of the weight: eight of every sixteenth column.
#define A_QUADS (TILE_M / 8)
#define W_PIECES (TILE_N / 16)

typedef struct {
    phase_barrier full[STAGES];
    phase_barrier empty[STAGES];
    // Where the rows of A and of the weight begin; those beyond the last repeat it and are never stored.
    long a_rows[TILE_M];
    long w_rows[TILE_N];
} GroupState;

#define GROUP_BYTES (TILE_ALIGNMENT + STAGES * STAGE_BYTES + sizeof(GroupState))

// MARK: Producers

FUNCTION void load_a(float x[A_QUADS][4], const float *a, const long *a_rows, int depth, int step, int thread) {
    int k = step * TILE_K + thread % 16 * 4;
    for (int i = 0; i < A_QUADS; i++) {
        if (k < depth) {
            load_four(x[i], a + a_rows[thread / 16 + 8 * i] + k);
        } else {
            for (int j = 0; j < 4; j++) x[i][j] = 0.0f;
        }
    }
}

FUNCTION void store_a(unsigned char *tile, float x[A_QUADS][4], int thread) {
    int row = thread / 16;
    int piece = thread % 16 / 2;
    unsigned char *target = tile + row * 128 + (piece ^ row) * 16 + thread % 2 * 8;
    for (int i = 0; i < A_QUADS; i++)
        store_two_words(target + i * 1024, packed_pair(x[i][0], x[i][1]), packed_pair(x[i][2], x[i][3]));
}

// Where a producer's pieces of the weight go, one every 16 columns.
FUNCTION unsigned char *w_target(unsigned char *tile, int thread) {
    int column = thread / 8;
    return tile + column * 128 + (thread % 8 ^ column % 8) * 16;
}

#if WEIGHT_TYPE == COMPUTE_TYPE
FUNCTION void copy_w(unsigned char *tile, const weight *w, const long *w_rows, int depth, int step, int thread) {
    unsigned char *target = w_target(tile, thread);
    int k = step * TILE_K + thread % 8 * 8;
    for (int i = 0; i < W_PIECES; i++)
        copy_async(target + i * 2048, k < depth ? w + w_rows[thread / 8 + 16 * i] + k : w, k < depth ? 16 : 0);
    end_copies();
}
#else
FUNCTION void load_w(uint x[W_PIECES][2], const weight *w, const long *w_rows, int depth, int step, int thread) {
    int k = step * TILE_K + thread % 8 * 8;
    for (int i = 0; i < W_PIECES; i++) {
        if (k < depth) {
            load_two_words(x[i], w + w_rows[thread / 8 + 16 * i] + k);
        } else {
            x[i][0] = 0;
            x[i][1] = 0;
        }
    }
}

FUNCTION uint pair_of_bytes(uint word, int index) {
    return packed_pair(
        TO_VEC((signed_byte)(word >> 8 * index & 0xFF)), TO_VEC((signed_byte)(word >> 8 * (index + 1) & 0xFF)));
}

FUNCTION void store_w(unsigned char *tile, uint x[W_PIECES][2], int thread) {
    unsigned char *target = w_target(tile, thread);
    for (int i = 0; i < W_PIECES; i++) {
        store_two_words(target + i * 2048, pair_of_bytes(x[i][0], 0), pair_of_bytes(x[i][0], 2));
        store_two_words(target + i * 2048 + 8, pair_of_bytes(x[i][1], 0), pair_of_bytes(x[i][1], 2));
    }
}
#endif

// While a step's tiles are multiplied, the next ones are on their way.
FUNCTION void produce(
    unsigned char *stages, GroupState *state, const float *a, const weight *w, int depth, int steps) {
    int thread = LOCAL_ID % GROUP_SIZE;
    float x[A_QUADS][4];
    load_a(x, a, state->a_rows, depth, 0, thread);
#if WEIGHT_TYPE == COMPUTE_TYPE
    copy_w(stages + A_BYTES, w, state->w_rows, depth, 0, thread);
#else
    uint w_words[W_PIECES][2];
    load_w(w_words, w, state->w_rows, depth, 0, thread);
#endif
    for (int step = 0; step < steps; step++) {
        unsigned char *stage = stages + step % STAGES * STAGE_BYTES;
        int next = step + 1;
        if (next < steps) wait_for_phase(state->empty + next % STAGES, next / STAGES % 2 ^ 1);
#if WEIGHT_TYPE == COMPUTE_TYPE
        // Beyond the end too, where there is nothing to copy, so that one group is always the last.
        if (next < steps) {
            copy_w(stages + next % STAGES * STAGE_BYTES + A_BYTES, w, state->w_rows, depth, next, thread);
        } else {
            end_copies();
        }
#else
        store_w(stage + A_BYTES, w_words, thread);
#endif
        store_a(stage, x, thread);
#if WEIGHT_TYPE == COMPUTE_TYPE
        wait_for_copies_but_last();
#endif
        publish_to_products();
        arrive(state->full + step % STAGES);
        // After the fence, which might wait for these.
        load_a(x, a, state->a_rows, depth, next, thread);
#if WEIGHT_TYPE != COMPUTE_TYPE
        load_w(w_words, w, state->w_rows, depth, next, thread);
#endif
    }
}

// MARK: Consumers

// What an instruction takes for a tile of rows of 128 bytes, eight of them after the other, piece p of row r at p ^ r %
// 8 (the 128-byte swizzle), from a multiple of 1024 bytes on. Adding 2 goes 32 bytes along the rows.
FUNCTION unsigned long long tile_descriptor(const void *tile) {
    unsigned long long address = shared_address(tile) & 0x3FFFF;
    return address >> 4 | 1ull << 16 | (1024ull >> 4) << 32 | 1ull << 62;
}

FUNCTION void multiply(
    float sums[GROUP_N / 2], const unsigned char *stages, GroupState *state, int row, int column, int steps) {
    for (int step = 0; step < steps; step++) {
        const unsigned char *stage = stages + step % STAGES * STAGE_BYTES;
        unsigned long long a = tile_descriptor(stage + row * 128);
        unsigned long long w = tile_descriptor(stage + A_BYTES + column * 128);
        wait_for_phase(state->full + step % STAGES, step / STAGES % 2);
        begin_products();
        for (int k = 0; k < TILE_K / 16; k++) begin_multiply_add(sums, a + 2 * k, w + 2 * k);
        end_products();
        wait_for_products_but_last(sums);
        // Those of the step before are over, so its tiles may go.
        if (step > 0 && LOCAL_ID % 32 == 0) arrive(state->empty + (step - 1) % STAGES);
    }
    wait_for_products(sums);
}

#if HAS_NORM
// The sum over the lanes of a warp.
FUNCTION float warp_sum(float x) {
    for (int mask = 1; mask < 32; mask *= 2) x += exchanged(x, mask);
    return x;
}

// 16 rows of a warp's sums become normed ones, without gain and shift, in two passes: numbers may be large beside their
// spread. The warps that share rows exchange what they have of them through `parts`, a number a row and consumer.
FUNCTION void norm_rows(
    float *rows, float *parts, const float *scales, const float *bias, int first_column, int n, float epsilon) {
    int lane = LOCAL_ID % 32;
    int part = LOCAL_ID / GROUP_SIZE;
    int column_count = min(GROUP_N, n - first_column);
    float *means = parts + LOCAL_ID / 32 % 4 * 16 * CONSUMERS;
    float *squares = means + TILE_M * CONSUMERS;
    for (int row = 0; row < 16; row++) {
        float sum = 0.0f;
        for (int column = lane; column < column_count; column += 32) {
            float *x = rows + row * SUM_STRIDE(GROUP_N) + column;
            if (scales) *x *= scales[first_column + column];
            if (bias) *x += bias[first_column + column];
            sum += *x;
        }
        sum = warp_sum(sum);
        if (lane == 0) means[row * CONSUMERS + part] = sum;
    }
    wait_for_threads(2, GROUP_SIZE * CONSUMERS);
    for (int row = 0; row < 16; row++) {
        float mean = 0.0f;
        for (int i = 0; i < CONSUMERS; i++) mean += means[row * CONSUMERS + i];
        mean /= n;
        float sum = 0.0f;
        for (int column = lane; column < column_count; column += 32) {
            float *x = rows + row * SUM_STRIDE(GROUP_N) + column;
            *x -= mean;
            sum = fma(*x, *x, sum);
        }
        sum = warp_sum(sum);
        if (lane == 0) squares[row * CONSUMERS + part] = sum;
    }
    wait_for_threads(3, GROUP_SIZE * CONSUMERS);
    for (int row = 0; row < 16; row++) {
        float variance = 0.0f;
        for (int i = 0; i < CONSUMERS; i++) variance += squares[row * CONSUMERS + i];
        float scale = 1.0f / sqrt(variance / n + epsilon);
        for (int column = lane; column < column_count; column += 32) rows[row * SUM_STRIDE(GROUP_N) + column] *= scale;
    }
}

KERNEL GROUP_LIMITS(THREADS) product(
    PRODUCT_OPERANDS, GLOBAL const float *gain, GLOBAL const float *shift, float epsilon) {
#else
KERNEL GROUP_LIMITS(THREADS) product(PRODUCT_OPERANDS) {
#endif
    GROUP_MEMORY(memory);
    unsigned char *stages = memory + (TILE_ALIGNMENT - shared_address(memory) % TILE_ALIGNMENT) % TILE_ALIGNMENT;
    GroupState *state = (GroupState *)(stages + STAGES * STAGE_BYTES);
    int first_row, first_column;
    find_tile(m, n, TILE_M, TILE_N, &first_row, &first_column);
    a += GROUP_Z * a_batch;
    w += GROUP_Z * w_batch;

    for (int i = LOCAL_ID; i < TILE_M; i += THREADS) {
        int row = min(first_row + i, m - 1);
        state->a_rows[i] = (starts ? starts[row] : row) * a_row;
    }
    for (int i = LOCAL_ID; i < TILE_N; i += THREADS) state->w_rows[i] = (long)min(first_column + i, n - 1) * depth;
    if (LOCAL_ID == 0)
        for (int i = 0; i < STAGES; i++) {
            begin_phases(state->full + i, GROUP_SIZE);
            // A warp of the consumers arrives once.
            begin_phases(state->empty + i, 4 * CONSUMERS);
        }
    BARRIER();

    // At least one, so that C becomes the bias when there is no depth.
    int steps = max(1, (depth + TILE_K - 1) / TILE_K);
    int warpgroup = LOCAL_ID / GROUP_SIZE;
    if (warpgroup == CONSUMERS) {
        produce(stages, state, a, w, depth, steps);
        return;
    }
    int warp_row = LOCAL_ID / 32 % (TILE_M / 16) * 16;
    int group_column = HAS_NORM ? warpgroup * GROUP_N : 0;
    float sums[GROUP_N / 2];
    for (int i = 0; i < GROUP_N / 2; i++) sums[i] = 0.0f;
    multiply(sums, stages, state, warp_row / 64 * 64, group_column, steps);

    // Through the stages, which nobody reads any more once all consumers are here.
    wait_for_threads(1, GROUP_SIZE * CONSUMERS);
    float *rows = (float *)stages + LOCAL_ID / 32 * SUM_COUNT(GROUP_N);
    keep_sums(sums, GROUP_N, rows);
#if HAS_NORM
    float *parts = (float *)stages + 4 * CONSUMERS * SUM_COUNT(GROUP_N);
    norm_rows(rows, parts, scales, bias, first_column + group_column, n, epsilon);
    scales = gain;
    bias = shift;
#endif
    store_rows(
        rows, GROUP_N, first_row + warp_row, first_column + group_column, scales, bias, residual, c, c_row, c_batch, m,
        n, activation);
}
