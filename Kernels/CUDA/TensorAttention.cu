// softmax(Q·Kᵀ / √size) · V on tensor cores: QUERIES queries of one head of one segment a group, KEYS keys at a time
// with running maximum and sum (Dao et al. 2022). Queries, keys, values and weights are rounded to 16 bits; scores,
// their exponentials' sums and the result are float32.
//
// Operands as in Portable/Attention.cl; HEAD_SIZE is a multiple of 8. A warp owns 16 queries; more warps read the keys
// and values less often. Groups: x parts, y heads.

// Sums of large heads leave registers for the scores of fewer keys.
#define KEYS (PADDED > 96 ? 32 : 64)
#define THREADS (QUERIES / 16 * 32)
#define PADDED ((HEAD_SIZE + 15) / 16 * 16)
// Rows of an odd number of 16-byte pieces: eight of them fall on all the banks once.
#define TILE_STRIDE (PADDED + 8)
#define STEPS (PADDED / 16)
#define QUADS (PADDED / 4)
// The queries lie where the keys and values come later.
#define TILE_ROWS (QUERIES > 2 * KEYS ? QUERIES : 2 * KEYS)
// Scores are counted in powers of two.
#define LOG2_E 1.44269504f

// Rows of HEAD_SIZE numbers, `row_stride` apart, as 16-bit numbers; zeros beyond them and beyond `count` rows.
FUNCTION void load_tile(half_bits *tile, const float *source, long row_stride, int rows, int count) {
    for (int index = LOCAL_ID; index < rows * QUADS; index += THREADS) {
        int row = index / QUADS;
        int channel = index % QUADS * 4;
        float x[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (row < count && channel < HEAD_SIZE) load_four(x, source + row * row_stride + channel);
        uint *words = (uint *)(tile + row * TILE_STRIDE + channel);
        words[0] = packed_pair(x[0], x[1]);
        words[1] = packed_pair(x[2], x[3]);
    }
}

// y is float32 where y_type is 0, else of the type of the factors.
KERNEL attention(const float *x, const int *parts, void *y, int y_type, int heads, float scale) {
    SHARED_ALIGNED half_bits tiles[TILE_ROWS * TILE_STRIDE];
    half_bits *key_tile = tiles;
    half_bits *value_tile = tiles + KEYS * TILE_STRIDE;
    int segment_first = parts[PART_FIELDS * GROUP_X];
    int keys = parts[PART_FIELDS * GROUP_X + 1];
    int first_query = parts[PART_FIELDS * GROUP_X + 2];
    long width = (long)heads * HEAD_SIZE;
    const float *segment = x + segment_first * 3 * width + GROUP_Y * HEAD_SIZE;
    int lane = LOCAL_ID % 32;
    int warp_row = LOCAL_ID / 32 * 16;

    // The queries go through shared memory into registers.
    uint queries[STEPS][4];
    load_tile(tiles, segment + first_query * 3 * width, 3 * width, QUERIES, keys - first_query);
    BARRIER();
    UNROLL
    for (int step = 0; step < STEPS; step++)
        load_matrices(
            queries[step], tiles + (warp_row + lane % 16) * TILE_STRIDE + step * 16 + lane / 16 * 8);

    float sums[2 * STEPS][4];
    UNROLL
    for (int i = 0; i < 2 * STEPS; i++)
        UNROLL
        for (int k = 0; k < 4; k++) sums[i][k] = 0.0f;
    // Of the two rows of which a thread holds numbers.
    float top[2] = {-INFINITY, -INFINITY};
    float total[2] = {0.0f, 0.0f};

    for (int first = 0; first < keys; first += KEYS) {
        int count = min(KEYS, keys - first);
        BARRIER();
        load_tile(key_tile, segment + first * 3 * width + width, 3 * width, KEYS, count);
        load_tile(value_tile, segment + first * 3 * width + 2 * width, 3 * width, KEYS, count);
        BARRIER();

        float scores[KEYS / 8][4];
        UNROLL
        for (int j = 0; j < KEYS / 8; j++)
            UNROLL
            for (int k = 0; k < 4; k++) scores[j][k] = 0.0f;
        UNROLL
        for (int step = 0; step < STEPS; step++) {
            UNROLL
            for (int j = 0; j < KEYS / 16; j++) {
                uint pair[4];
                load_matrices(
                    pair, key_tile + (j * 16 + lane / 16 * 8 + lane % 8) * TILE_STRIDE + step * 16 + lane / 8 % 2 * 8);
                multiply_add(scores[2 * j], queries[step], pair);
                multiply_add(scores[2 * j + 1], queries[step], pair + 2);
            }
        }

        float next[2] = {top[0], top[1]};
        UNROLL
        for (int j = 0; j < KEYS / 8; j++)
            UNROLL
            for (int k = 0; k < 4; k++) {
                int key = j * 8 + lane % 4 * 2 + k % 2;
                scores[j][k] = key < count ? scores[j][k] * (scale * LOG2_E) : -INFINITY;
                next[k / 2] = scores[j][k] > next[k / 2] ? scores[j][k] : next[k / 2];
            }
        UNROLL
        for (int row = 0; row < 2; row++) {
            // The four lanes of a row.
            for (int mask = 1; mask < 4; mask *= 2) {
                float other = exchanged(next[row], mask);
                next[row] = other > next[row] ? other : next[row];
            }
            float decay = power_of_two(top[row] - next[row]);
            top[row] = next[row];
            total[row] *= decay;
            UNROLL
            for (int i = 0; i < 2 * STEPS; i++) {
                sums[i][2 * row] *= decay;
                sums[i][2 * row + 1] *= decay;
            }
        }
        UNROLL
        for (int j = 0; j < KEYS / 8; j++)
            UNROLL
            for (int k = 0; k < 4; k++) {
                scores[j][k] = power_of_two(scores[j][k] - top[k / 2]);
                total[k / 2] += scores[j][k];
            }

        UNROLL
        for (int j = 0; j < KEYS / 16; j++) {
            // The scores lie as a product's result; as its left side they lie the same.
            uint weights[4];
            weights[0] = packed_pair(scores[2 * j][0], scores[2 * j][1]);
            weights[1] = packed_pair(scores[2 * j][2], scores[2 * j][3]);
            weights[2] = packed_pair(scores[2 * j + 1][0], scores[2 * j + 1][1]);
            weights[3] = packed_pair(scores[2 * j + 1][2], scores[2 * j + 1][3]);
            UNROLL
            for (int step = 0; step < STEPS; step++) {
                uint pair[4];
                load_matrices_transposed(
                    pair, value_tile + (j * 16 + lane % 16) * TILE_STRIDE + step * 16 + lane / 16 * 8);
                multiply_add(sums[2 * step], weights, pair);
                multiply_add(sums[2 * step + 1], weights, pair + 2);
            }
        }
    }

    UNROLL
    for (int row = 0; row < 2; row++)
        for (int mask = 1; mask < 4; mask *= 2) total[row] += exchanged(total[row], mask);
    UNROLL
    for (int i = 0; i < 2 * STEPS; i++)
        UNROLL
        for (int half = 0; half < 2; half++) {
            int query = first_query + warp_row + lane / 4 + half * 8;
            int channel = i * 8 + lane % 4 * 2;
            if (query >= keys || channel >= HEAD_SIZE) continue;
            long index = (segment_first + query) * width + GROUP_Y * HEAD_SIZE + channel;
            float first = sums[i][2 * half] / total[half];
            float second = sums[i][2 * half + 1] / total[half];
            if (y_type == 0) {
                ((float *)y)[index] = first;
                ((float *)y)[index + 1] = second;
            } else {
                *(uint *)((half_bits *)y + index) = packed_pair(first, second);
            }
        }
}
