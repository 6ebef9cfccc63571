// The product on tensor cores: float32 activations and the weight, both rounded to 16 bits on the way into shared memory;
// float32 sums. The operands are those of the portable product, the weight [n, depth].
//
// A group of WARPS_M × WARPS_N warps computes TILE_M × TILE_N of C, TILE_K numbers of depth at a time, the next ones on
// their way from memory while these are multiplied. Groups: x row tiles, y column tiles, z batches.

// Rows of 80 bytes: eight of them, 16 bytes each, fall on all the banks once.
#define TILE_K 32
#define TILE_STRIDE (TILE_K + 8)
#define THREADS (32 * WARPS_M * WARPS_N)
#define WARP_M (TILE_M / WARPS_M)
#define WARP_N (TILE_N / WARPS_N)
#define FRAGMENTS_M (WARP_M / 16)
#define FRAGMENTS_N (WARP_N / 8)
// A thread moves four numbers along the depth at a time.
#define QUADS (TILE_K / 4)
#define A_QUADS (TILE_M * QUADS / THREADS)
#define W_QUADS (TILE_N * QUADS / THREADS)

// Four numbers of a row as two pairs; zeros beyond `count`.
FUNCTION void load_quad(uint pairs[2], const float *p, int count, int is_aligned) {
    float x[4];
    if (count >= 4 && is_aligned) {
        load_four(x, p);
    } else {
        for (int i = 0; i < 4; i++) x[i] = i < count ? p[i] : 0.0f;
    }
    pairs[0] = packed_pair(x[0], x[1]);
    pairs[1] = packed_pair(x[2], x[3]);
}

FUNCTION void load_weight_quad(uint pairs[2], const weight *p, int count, int is_aligned) {
#if WEIGHT_TYPE == COMPUTE_TYPE
    // They are what they shall be: only moved.
    if (count >= 4 && is_aligned) {
        load_two_words(pairs, p);
    } else {
        uint bits[4];
        for (int i = 0; i < 4; i++) bits[i] = i < count ? p[i] : 0;
        pairs[0] = bits[0] | bits[1] << 16;
        pairs[1] = bits[2] | bits[3] << 16;
    }
#else
    float x[4];
    for (int i = 0; i < 4; i++) x[i] = i < count ? load_weights(p + i) : 0.0f;
    pairs[0] = packed_pair(x[0], x[1]);
    pairs[1] = packed_pair(x[2], x[3]);
#endif
}

FUNCTION void store_quad(half_bits *p, const uint pairs[2]) {
    uint *words = (uint *)p;
    words[0] = pairs[0];
    words[1] = pairs[1];
}

KERNEL product(PRODUCT_OPERANDS) {
    SHARED_ALIGNED half_bits a_tiles[2][TILE_M * TILE_STRIDE];
    SHARED_ALIGNED half_bits w_tiles[2][TILE_N * TILE_STRIDE];
    int lane = LOCAL_ID % 32;
    int warp = LOCAL_ID / 32;
    int warp_row = warp % WARPS_M * WARP_M;
    int warp_column = warp / WARPS_M * WARP_N;
    int first_row = GROUP_X * TILE_M;
    int first_column = GROUP_Y * TILE_N;
    a += GROUP_Z * a_batch;
    w += GROUP_Z * w_batch;
    int a_is_aligned = a_row % 4 == 0 && a_batch % 4 == 0;
    int w_is_aligned = depth % 4 == 0 && w_batch % 4 == 0;

    float sums[FRAGMENTS_M][FRAGMENTS_N][4];
    for (int i = 0; i < FRAGMENTS_M; i++)
        for (int j = 0; j < FRAGMENTS_N; j++)
            for (int k = 0; k < 4; k++) sums[i][j][k] = 0.0f;

    // Where this thread's rows of A begin; the rows beyond the last repeat it and are never stored.
    const float *a_rows[A_QUADS];
    for (int i = 0; i < A_QUADS; i++) {
        int row = min(first_row + (LOCAL_ID + i * THREADS) / QUADS, m - 1);
        a_rows[i] = a + (starts ? starts[row] : row) * a_row;
    }
    uint a_pairs[A_QUADS][2];
    uint w_pairs[W_QUADS][2];
    // At least once, so that C becomes the bias when there is no depth.
    int steps = max(1, (depth + TILE_K - 1) / TILE_K);

    for (int step = 0; step <= steps; step++) {
        if (step < steps) {
            for (int i = 0; i < A_QUADS; i++) {
                int k = step * TILE_K + (LOCAL_ID + i * THREADS) % QUADS * 4;
                load_quad(a_pairs[i], a_rows[i] + k, depth - k, a_is_aligned);
            }
            for (int i = 0; i < W_QUADS; i++) {
                int k = step * TILE_K + (LOCAL_ID + i * THREADS) % QUADS * 4;
                int column = min(first_column + (LOCAL_ID + i * THREADS) / QUADS, n - 1);
                load_weight_quad(w_pairs[i], w + (long)column * depth + k, depth - k, w_is_aligned);
            }
        }
        if (step > 0) {
            const half_bits *a_tile = a_tiles[(step - 1) % 2];
            const half_bits *w_tile = w_tiles[(step - 1) % 2];
            for (int k = 0; k < TILE_K; k += 16) {
                uint a_fragments[FRAGMENTS_M][4];
                uint w_fragments[FRAGMENTS_N / 2][4];
                for (int i = 0; i < FRAGMENTS_M; i++)
                    load_matrices(
                        a_fragments[i],
                        a_tile + (warp_row + i * 16 + lane % 16) * TILE_STRIDE + k + lane / 16 * 8);
                for (int j = 0; j < FRAGMENTS_N / 2; j++)
                    load_matrices(
                        w_fragments[j],
                        w_tile + (warp_column + j * 16 + lane / 16 * 8 + lane % 8) * TILE_STRIDE + k +
                            lane / 8 % 2 * 8);
                for (int i = 0; i < FRAGMENTS_M; i++)
                    for (int j = 0; j < FRAGMENTS_N; j++)
                        multiply_add(sums[i][j], a_fragments[i], w_fragments[j / 2] + j % 2 * 2);
            }
        }
        if (step < steps) {
            for (int i = 0; i < A_QUADS; i++) {
                int index = LOCAL_ID + i * THREADS;
                store_quad(a_tiles[step % 2] + index / QUADS * TILE_STRIDE + index % QUADS * 4, a_pairs[i]);
            }
            for (int i = 0; i < W_QUADS; i++) {
                int index = LOCAL_ID + i * THREADS;
                store_quad(w_tiles[step % 2] + index / QUADS * TILE_STRIDE + index % QUADS * 4, w_pairs[i]);
            }
        }
        BARRIER();
    }

    for (int i = 0; i < FRAGMENTS_M; i++) {
        for (int j = 0; j < FRAGMENTS_N; j++) {
            for (int k = 0; k < 4; k++) {
                int row = first_row + warp_row + i * 16 + lane / 4 + k / 2 * 8;
                int column = first_column + warp_column + j * 8 + lane % 4 * 2 + k % 2;
                if (row < m && column < n)
                    store_result(
                        sums[i][j][k], scales, bias, residual, c, GROUP_Z * n + column,
                        GROUP_Z * c_batch + row * c_row + column, activation);
            }
        }
    }
}
