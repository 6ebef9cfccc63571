// The product for devices whose threads share memory. A group computes TILE_M × TILE_N of C, TILE_K numbers of depth
// at a time in local memory; a thread computes THREAD_M × THREAD_N of them, in rows and columns that lie THREADS_M and
// THREADS_N apart, so that neighbours read neighbours. The weight is [n, depth]. Groups: x row tiles, y column tiles,
// z batches; THREADS_M · THREADS_N threads.

#define THREADS_M (TILE_M / THREAD_M)
#define THREADS_N (TILE_N / THREAD_N)
#define THREADS (THREADS_M * THREADS_N)

KERNEL product(PRODUCT_OPERANDS) {
    // One more number a row: threads that read a column then read different banks.
    SHARED float a_tile[TILE_M][TILE_K + 1];
    SHARED float w_tile[TILE_N][TILE_K + 1];
    int thread_row = LOCAL_ID / THREADS_N;
    int thread_column = LOCAL_ID % THREADS_N;
    int first_row = GROUP_X * TILE_M;
    int first_column = GROUP_Y * TILE_N;
    a += GROUP_Z * a_batch;
    w += GROUP_Z * w_batch;

    float sums[THREAD_M][THREAD_N];
    UNROLL
    for (int i = 0; i < THREAD_M; i++)
        UNROLL
        for (int j = 0; j < THREAD_N; j++) sums[i][j] = 0.0f;

    for (int first = 0; first < depth; first += TILE_K) {
        for (int index = LOCAL_ID; index < TILE_M * TILE_K; index += THREADS) {
            int row = first_row + index / TILE_K;
            int k = first + index % TILE_K;
            float value = 0.0f;
            if (row < m && k < depth) value = a[(starts ? starts[row] : row) * a_row + k];
            a_tile[index / TILE_K][index % TILE_K] = value;
        }
        for (int index = LOCAL_ID; index < TILE_N * TILE_K; index += THREADS) {
            int column = first_column + index / TILE_K;
            int k = first + index % TILE_K;
            float value = 0.0f;
            if (column < n && k < depth) value = load_weights(w + (long)column * depth + k);
            w_tile[index / TILE_K][index % TILE_K] = value;
        }
        BARRIER();
        for (int k = 0; k < TILE_K; k++) {
            float w_values[THREAD_N];
            UNROLL
            for (int j = 0; j < THREAD_N; j++) w_values[j] = w_tile[thread_column + j * THREADS_N][k];
            UNROLL
            for (int i = 0; i < THREAD_M; i++) {
                float value = a_tile[thread_row + i * THREADS_M][k];
                UNROLL
                for (int j = 0; j < THREAD_N; j++) sums[i][j] = fma(value, w_values[j], sums[i][j]);
            }
        }
        BARRIER();
    }

    UNROLL
    for (int i = 0; i < THREAD_M; i++) {
        int row = first_row + thread_row + i * THREADS_M;
        UNROLL
        for (int j = 0; j < THREAD_N; j++) {
            int column = first_column + thread_column + j * THREADS_N;
            if (row < m && column < n)
                store_result(
                    sums[i][j], scales, bias, residual, c, GROUP_Z * n + column,
                    GROUP_Z * c_batch + row * c_row + column, activation);
        }
    }
}
