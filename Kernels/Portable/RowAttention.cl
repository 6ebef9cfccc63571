// softmax(q·Kᵀ / √size) · V of queries over listed rows, KEYS keys at a time with running maximum and sum (Milakov and
// Gimelshein 2018; Dao et al. 2022), for a decoder's few queries.
//
// q and y are [queries, heads · HEAD_SIZE], kv is [rows, 2 · heads · HEAD_SIZE], keys first. Query i sees the rows
// rows[starts[i]] ... rows[starts[i + 1] - 1] of kv. A group owns one query of one head: its threads share out the keys
// for the scores, then the channels for the sums. Groups: x queries, y heads. KEYS is a multiple of LANES.

#define PADDED_SIZE ((HEAD_SIZE + LANES - 1) / LANES * LANES)

KERNEL row_attention(
    GLOBAL const float *q, GLOBAL const float *kv, GLOBAL const int *rows, GLOBAL const int *starts, GLOBAL float *y,
    int heads, float scale) {
    SHARED float scores[KEYS];
    SHARED float sums[PADDED_SIZE];
    long width = (long)heads * HEAD_SIZE;
    int begin = starts[GROUP_X];
    int count = starts[GROUP_X + 1] - begin;
    GLOBAL const float *query = q + GROUP_X * width + GROUP_Y * HEAD_SIZE;
    GLOBAL const float *keys = kv + GROUP_Y * HEAD_SIZE;
    GLOBAL const float *values = keys + width;
    float top = -INFINITY;
    float total = 0.0f;
    FOR_ROW(i, HEAD_SIZE) STORE(splat(0.0f), sums + i);

    for (int first = 0; first < count; first += KEYS) {
        int block = min(KEYS, count - first);
        int padded = (block + LANES - 1) / LANES * LANES;
        GLOBAL const int *list = rows + begin + first;
        BARRIER();
        for (int key = LOCAL_ID; key < padded; key += LOCAL_COUNT) {
            vec score = splat(key < block ? 0.0f : -INFINITY);
            if (key < block) {
                GLOBAL const float *row = keys + list[key] * 2 * width;
                for (int i = 0; i < HEAD_SIZE; i += LANES)
                    score = fma(
                        load_up_to(query + i, HEAD_SIZE - i, 0.0f), load_up_to(row + i, HEAD_SIZE - i, 0.0f), score);
            }
            scores[key] = lane_sum(score) * scale;
        }
        BARRIER();
        float next = top;
        for (int key = 0; key < block; key++) next = next != next || next > scores[key] ? next : scores[key];
        float decay = lane_sum(exponential(splat(top - next))) / LANES;
        top = next;
        BARRIER();
        FOR_ROW(key, padded) STORE(exponential(LOAD(scores + key) - splat(top)), scores + key);
        BARRIER();
        total *= decay;
        for (int key = 0; key < block; key++) total += scores[key];
        FOR_ROW(i, HEAD_SIZE) {
            vec sum = LOAD(sums + i) * splat(decay);
            for (int key = 0; key < block; key++)
                sum = fma(splat(scores[key]), load_up_to(values + list[key] * 2 * width + i, HEAD_SIZE - i, 0.0f), sum);
            STORE(sum, sums + i);
        }
    }
    FOR_ROW(i, HEAD_SIZE)
        store_first(LOAD(sums + i) / splat(total), y + GROUP_X * width + GROUP_Y * HEAD_SIZE + i, HEAD_SIZE - i);
}
