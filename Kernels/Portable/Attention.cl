// softmax(Q·Kᵀ / √size) · V for QUERIES queries of one head of one segment, KEYS keys at a time with running maximum
// and sum (Milakov and Gimelshein 2018; Dao et al. 2022), for devices whose threads share memory.
//
// x is [rows, 3 · heads · HEAD_SIZE]: queries, keys, values; y is [rows, heads · HEAD_SIZE]. parts[5 · part] is a
// segment's first row, then its row count, then the part's first query in it. Groups: x parts, y heads; ROW_THREADS
// threads a query.

#define ROW_THREADS 4
#define SHARE ((HEAD_SIZE + ROW_THREADS - 1) / ROW_THREADS)

KERNEL attention(GLOBAL const float *x, GLOBAL const int *parts, GLOBAL float *y, int heads, float scale) {
    SHARED float queries[QUERIES][HEAD_SIZE + 1];
    SHARED float tile[KEYS][HEAD_SIZE + 1];
    SHARED float scores[QUERIES][KEYS + 1];
    int segment_first = parts[PART_FIELDS * GROUP_X];
    int keys = parts[PART_FIELDS * GROUP_X + 1];
    int first_query = parts[PART_FIELDS * GROUP_X + 2];
    long width = (long)heads * HEAD_SIZE;
    GLOBAL const float *segment = x + segment_first * 3 * width + GROUP_Y * HEAD_SIZE;
    int threads = QUERIES * ROW_THREADS;
    int query = LOCAL_ID / ROW_THREADS;
    int share = LOCAL_ID % ROW_THREADS;

    for (int index = LOCAL_ID; index < QUERIES * HEAD_SIZE; index += threads) {
        int row = first_query + index / HEAD_SIZE;
        float value = 0.0f;
        if (row < keys) value = segment[row * 3 * width + index % HEAD_SIZE] * scale;
        queries[index / HEAD_SIZE][index % HEAD_SIZE] = value;
    }
    float sums[SHARE];
    UNROLL
    for (int i = 0; i < SHARE; i++) sums[i] = 0.0f;
    float top = -INFINITY;
    float total = 0.0f;

    for (int first = 0; first < keys; first += KEYS) {
        int count = min(KEYS, keys - first);
        BARRIER();
        for (int index = LOCAL_ID; index < count * HEAD_SIZE; index += threads)
            tile[index / HEAD_SIZE][index % HEAD_SIZE] =
                segment[(first + index / HEAD_SIZE) * 3 * width + width + index % HEAD_SIZE];
        BARRIER();
        for (int key = share; key < count; key += ROW_THREADS) {
            float score = 0.0f;
            for (int i = 0; i < HEAD_SIZE; i++) score = fma(queries[query][i], tile[key][i], score);
            scores[query][key] = score;
        }
        BARRIER();
        float next = top;
        for (int key = 0; key < count; key++) next = next != next || next > scores[query][key] ? next : scores[query][key];
        float decay = lane_sum(exponential(splat(top - next))) / LANES;
        top = next;
        BARRIER();
        for (int key = share; key < count; key += ROW_THREADS)
            scores[query][key] = lane_sum(exponential(splat(scores[query][key] - top))) / LANES;
        for (int index = LOCAL_ID; index < count * HEAD_SIZE; index += threads)
            tile[index / HEAD_SIZE][index % HEAD_SIZE] =
                segment[(first + index / HEAD_SIZE) * 3 * width + 2 * width + index % HEAD_SIZE];
        BARRIER();
        total *= decay;
        for (int key = 0; key < count; key++) total += scores[query][key];
        UNROLL
        for (int i = 0; i < SHARE; i++) {
            int channel = share + i * ROW_THREADS;
            float sum = sums[i] * decay;
            if (channel < HEAD_SIZE)
                for (int key = 0; key < count; key++) sum = fma(scores[query][key], tile[key][channel], sum);
            sums[i] = sum;
        }
    }
    int row = first_query + query;
    if (row >= keys) return;
    UNROLL
    for (int i = 0; i < SHARE; i++) {
        int channel = share + i * ROW_THREADS;
        if (channel < HEAD_SIZE) y[(segment_first + row) * width + GROUP_Y * HEAD_SIZE + channel] = sums[i] / total;
    }
}
