// The product on tensor cores: float32 activations and the weight, both rounded to 16 bits on the way into shared
// memory; float32 sums. The operands are those of the portable product, the weight [n, depth].
//
// A group of WARPS_M × WARPS_N warps computes TILE_M × TILE_N of C, TILE_K numbers of depth at a time, the next ones on
// their way from memory while these are multiplied. Groups: x tiles, z batches.

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

#if WEIGHT_TYPE == COMPUTE_TYPE
// They are what they shall be: copied, beside the threads where a row is whole pieces of 16 bytes.
FUNCTION void move_weights(
    half_bits *tile, const weight *w, int first_column, int n, int depth, int first, int is_aligned) {
    if (is_aligned && depth % 8 == 0) {
        for (int index = LOCAL_ID; index < TILE_N * TILE_K / 8; index += THREADS) {
            int row = index / (TILE_K / 8);
            int piece = index % (TILE_K / 8) * 8;
            const weight *source = w + (long)min(first_column + row, n - 1) * depth + first + piece;
            int is_there = first + piece < depth;
            copy_async(tile + row * TILE_STRIDE + piece, is_there ? source : w, is_there ? 16 : 0);
        }
    } else {
        for (int index = LOCAL_ID; index < TILE_N * TILE_K; index += THREADS) {
            int k = first + index % TILE_K;
            const weight *source = w + (long)min(first_column + index / TILE_K, n - 1) * depth + k;
            tile[index / TILE_K * TILE_STRIDE + index % TILE_K] = k < depth ? *source : 0;
        }
    }
    end_copies();
}
#else
FUNCTION void load_weight_quad(uint pairs[2], const weight *p, int count) {
    float x[4];
    for (int i = 0; i < 4; i++) x[i] = i < count ? load_weights(p + i) : 0.0f;
    pairs[0] = packed_pair(x[0], x[1]);
    pairs[1] = packed_pair(x[2], x[3]);
}
#endif

FUNCTION void store_quad(half_bits *p, const uint pairs[2]) {
    uint *words = (uint *)p;
    words[0] = pairs[0];
    words[1] = pairs[1];
}

KERNEL product(PRODUCT_OPERANDS) {
    // Two of A and of the weight.
    SHARED_ALIGNED half_bits tiles[2][(TILE_M + TILE_N) * TILE_STRIDE];
    int lane = LOCAL_ID % 32;
    int warp = LOCAL_ID / 32;
    int warp_row = warp % WARPS_M * WARP_M;
    int warp_column = warp / WARPS_M * WARP_N;
    int first_row, first_column;
    find_tile(m, n, TILE_M, TILE_N, &first_row, &first_column);
    a += GROUP_Z * a_batch;
    w += GROUP_Z * w_batch;
    int a_is_aligned = a_row % 4 == 0 && a_batch % 4 == 0;

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
#if WEIGHT_TYPE != COMPUTE_TYPE
    uint w_pairs[W_QUADS][2];
#endif
    // At least once, so that C becomes the bias when there is no depth.
    int steps = max(1, (depth + TILE_K - 1) / TILE_K);

    for (int step = 0; step <= steps; step++) {
        if (step < steps) {
            for (int i = 0; i < A_QUADS; i++) {
                int k = step * TILE_K + (LOCAL_ID + i * THREADS) % QUADS * 4;
                load_quad(a_pairs[i], a_rows[i] + k, depth - k, a_is_aligned);
            }
#if WEIGHT_TYPE == COMPUTE_TYPE
            move_weights(tiles[step % 2] + TILE_M * TILE_STRIDE, w, first_column, n, depth, step * TILE_K, w_batch % 8 == 0);
#else
            for (int i = 0; i < W_QUADS; i++) {
                int k = step * TILE_K + (LOCAL_ID + i * THREADS) % QUADS * 4;
                int column = min(first_column + (LOCAL_ID + i * THREADS) / QUADS, n - 1);
                load_weight_quad(w_pairs[i], w + (long)column * depth + k, depth - k);
            }
#endif
        }
        if (step > 0) {
            const half_bits *a_tile = tiles[(step - 1) % 2];
            const half_bits *w_tile = a_tile + TILE_M * TILE_STRIDE;
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
                store_quad(tiles[step % 2] + index / QUADS * TILE_STRIDE + index % QUADS * 4, a_pairs[i]);
            }
#if WEIGHT_TYPE == COMPUTE_TYPE
            wait_for_copies();
#else
            for (int i = 0; i < W_QUADS; i++) {
                int index = LOCAL_ID + i * THREADS;
                store_quad(
                    tiles[step % 2] + (TILE_M + index / QUADS) * TILE_STRIDE + index % QUADS * 4, w_pairs[i]);
            }
#endif
        }
        BARRIER();
    }

    // Through the tiles, which nobody reads any more. Unrolled, for the sums to stay in registers.
    float *rows = (float *)tiles + warp * SUM_COUNT(WARP_N);
#pragma unroll
    for (int i = 0; i < FRAGMENTS_M; i++) {
        keep_sums(sums[i][0], WARP_N, rows);
        store_rows(
            rows, WARP_N, first_row + warp_row + i * 16, first_column + warp_column, scales, bias, residual, c, c_row,
            c_batch, m, n, activation);
        WARP_BARRIER();
    }
}
