// softmax(Q·Kᵀ / √size) · V for processors: some queries of one head of one segment a group, QUERY_ROWS of them and
// KEY_BLOCK keys at a time, with running maximum and sum (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// x is [rows, 3 · heads · HEAD_SIZE]: queries, keys, values; y is [rows, heads · HEAD_SIZE].
// parts[PART_FIELDS · part]: a segment's first row, its row count, the part's first query in the segment, its query
// count, and where the segment's keys begin in the panels, counted in keys rounded up to whole panels.

#define PADDED_SIZE ((HEAD_SIZE + PANEL - 1) / PANEL * PANEL)
#define QUERY_STRIDE (PADDED_SIZE + 16)
#define SCORE_STRIDE (KEY_BLOCK + 16)

// Keys of one head of one segment as panels of Kᵀ [panel, HEAD_SIZE, PANEL], values as panels of V
// [panel, keys, PANEL]; zeros beyond the last key and column. Groups: x segments, y heads; segments[3 · segment] is its
// first row, its row count, and where its keys begin.
KERNEL pack_heads(
    GLOBAL const float *x, GLOBAL const int *segments, GLOBAL float *key_panels, GLOBAL float *value_panels, int heads) {
    int keys = segments[3 * GROUP_X + 1];
    long begin = segments[3 * GROUP_X + 2];
    int padded_keys = (keys + PANEL - 1) / PANEL * PANEL;
    long width = (long)heads * HEAD_SIZE;
    GLOBAL const float *source = x + segments[3 * GROUP_X] * 3 * width + width + GROUP_Y * HEAD_SIZE;
    GLOBAL float *k_panels = key_panels + (begin * heads + (long)GROUP_Y * padded_keys) * HEAD_SIZE;
    GLOBAL float *v_panels = value_panels + (begin * heads + (long)GROUP_Y * padded_keys) * PADDED_SIZE;
    for (int key = 0; key < padded_keys; key++) {
        GLOBAL const float *row = source + key * 3 * width;
        GLOBAL float *panel = k_panels + (long)(key / PANEL) * HEAD_SIZE * PANEL + key % PANEL;
        for (int i = 0; i < HEAD_SIZE; i++) panel[i * PANEL] = key < keys ? row[i] : 0.0f;
        for (int i = 0; i < PADDED_SIZE; i++) {
            float value = key < keys && i < HEAD_SIZE ? row[width + i] : 0.0f;
            v_panels[((long)(i / PANEL) * padded_keys + key) * PANEL + i % PANEL] = value;
        }
    }
}

// Turns a row of scores into e^(score - maximum) and updates the running maximum and sum.
// Returns by what the sums so far must be multiplied.
FUNCTION float weigh_scores(LOCAL float *scores, int count, LOCAL float *maximum, LOCAL float *total) {
    // What fills the last vector vanishes beside the largest weight, 1.
    for (int i = count; i % LANES != 0; i++) scores[i] = -INFINITY;
    vec best = splat(*maximum);
    for (int i = 0; i < count; i += LANES) best = larger(LOAD(scores + i), best);
    float lanes[LANES];
    STORE(best, lanes);
    float next = lanes[0];
    for (int lane = 1; lane < LANES; lane++) next = lanes[lane] > next ? lanes[lane] : next;
    vec sum = splat(0.0f);
    for (int i = 0; i < count; i += LANES) {
        vec e = exponential_core(LOAD(scores + i) - splat(next));
        STORE(e, scores + i);
        sum += e;
    }
    STORE(exponential(splat(*maximum - next)), lanes);
    float decay = *maximum == next ? 1.0f : lanes[0];
    *total = *total * decay + lane_sum(sum);
    *maximum = next;
    return decay;
}

// Groups: x parts, y heads.
KERNEL attention(
    GLOBAL const float *x, GLOBAL const int *parts, GLOBAL const float *key_panels, GLOBAL const float *value_panels,
    GLOBAL float *y, int heads, float scale) {
    SHARED float queries[QUERY_ROWS * QUERY_STRIDE];
    SHARED float sums[QUERY_ROWS * PADDED_SIZE];
    SHARED float scores[QUERY_ROWS * SCORE_STRIDE];
    SHARED float maxima[QUERY_ROWS];
    SHARED float totals[QUERY_ROWS];
    GLOBAL const int *part = parts + PART_FIELDS * GROUP_X;
    int segment_first = part[0];
    int keys = part[1];
    int last_query = part[2] + part[3];
    long begin = part[4];
    int padded_keys = (keys + PANEL - 1) / PANEL * PANEL;
    long width = (long)heads * HEAD_SIZE;
    GLOBAL const float *source = x + segment_first * 3 * width + GROUP_Y * HEAD_SIZE;
    GLOBAL const float *k_panels = key_panels + (begin * heads + (long)GROUP_Y * padded_keys) * HEAD_SIZE;
    GLOBAL const float *v_panels = value_panels + (begin * heads + (long)GROUP_Y * padded_keys) * PADDED_SIZE;

    for (int first_query = part[2]; first_query < last_query; first_query += QUERY_ROWS) {
        int rows = min(QUERY_ROWS, last_query - first_query);
        int tiled_rows = (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
        for (int row = 0; row < tiled_rows; row++) {
            GLOBAL const float *query = source + (first_query + min(row, rows - 1)) * 3 * width;
            for (int i = 0; i < HEAD_SIZE; i++) queries[row * QUERY_STRIDE + i] = query[i] * scale;
            maxima[row] = -INFINITY;
            totals[row] = 0.0f;
        }
        for (int first = 0; first < keys; first += KEY_BLOCK) {
            int count = min(KEY_BLOCK, keys - first);
            for (int key = 0; key < count; key += PANEL)
                for (int row = 0; row < tiled_rows; row += TILE_ROWS)
                    tile_in_local(
                        queries + row * QUERY_STRIDE, QUERY_STRIDE, k_panels + (long)(first + key) * HEAD_SIZE,
                        HEAD_SIZE, scores + row * SCORE_STRIDE + key, SCORE_STRIDE, 1);
            for (int row = 0; row < tiled_rows; row++) {
                float decay = weigh_scores(scores + row * SCORE_STRIDE, count, maxima + row, totals + row);
                if (first > 0 && decay != 1.0f)
                    for (int i = 0; i < PADDED_SIZE; i += LANES)
                        STORE(LOAD(sums + row * PADDED_SIZE + i) * splat(decay), sums + row * PADDED_SIZE + i);
            }
            for (int i = 0; i < PADDED_SIZE; i += PANEL)
                for (int row = 0; row < tiled_rows; row += TILE_ROWS)
                    tile_in_local(
                        scores + row * SCORE_STRIDE, SCORE_STRIDE,
                        v_panels + (long)(i / PANEL) * padded_keys * PANEL + (long)first * PANEL, count,
                        sums + row * PADDED_SIZE + i, PADDED_SIZE, first == 0);
        }
        for (int row = 0; row < rows; row++) {
            GLOBAL float *target = y + (segment_first + first_query + row) * width + GROUP_Y * HEAD_SIZE;
            vec factor = splat(1.0f / totals[row]);
            for (int i = 0; i < HEAD_SIZE; i += LANES)
                store_first(LOAD(sums + row * PADDED_SIZE + i) * factor, target + i, HEAD_SIZE - i);
        }
    }
}
