// Kernels over the last axis: a group owns one row, whose numbers its threads share out.
// `shared` holds a number a thread; GROUP_SIZE threads at most.

// The sum over the group's threads, which all get it.
FUNCTION float group_sum(float value, LOCAL float *shared) {
    if (LOCAL_COUNT == 1) return value;
    BARRIER();
    shared[LOCAL_ID] = value;
    for (int width = LOCAL_COUNT / 2; width > 0; width /= 2) {
        BARRIER();
        if (LOCAL_ID < width) shared[LOCAL_ID] += shared[LOCAL_ID + width];
    }
    BARRIER();
    return shared[0];
}

// A NaN wins.
FUNCTION float larger_or_nan(float a, float b) { return a != a || a > b ? a : b; }

FUNCTION float group_maximum(float value, LOCAL float *shared) {
    if (LOCAL_COUNT == 1) return value;
    BARRIER();
    shared[LOCAL_ID] = value;
    for (int width = LOCAL_COUNT / 2; width > 0; width /= 2) {
        BARRIER();
        if (LOCAL_ID < width) shared[LOCAL_ID] = larger_or_nan(shared[LOCAL_ID], shared[LOCAL_ID + width]);
    }
    BARRIER();
    return shared[0];
}

FUNCTION float row_sum(GLOBAL const float *x, int count, LOCAL float *shared) {
    vec sum = splat(0.0f);
    FOR_ROW(i, count) sum += load_up_to(x + i, count - i, 0.0f);
    return group_sum(lane_sum(sum), shared);
}

FUNCTION float row_maximum(GLOBAL const float *x, int count, LOCAL float *shared) {
    vec best = splat(-INFINITY);
    FOR_ROW(i, count) {
        vec next = load_up_to(x + i, count - i, -INFINITY);
        best = best != best ? best : (next != next ? next : larger(next, best));
    }
    float lanes[LANES];
    STORE(best, lanes);
    for (int lane = 1; lane < LANES; lane++) lanes[0] = larger_or_nan(lanes[lane], lanes[0]);
    return group_maximum(lanes[0], shared);
}

// y = f(gain · (x - mean) / √(variance + ε) + bias), the mean and the population variance those of the row; y's type as
// in `store_first_as`. x may be y: a thread writes only what nobody else reads.
KERNEL layer_norm(
    GLOBAL const float *x, GLOBAL const float *gain, GLOBAL const float *bias, GLOBAL void *y, int y_type, int columns,
    float epsilon, int activation) {
    SHARED float shared[GROUP_SIZE];
    long first = (long)GROUP_X * columns;
    GLOBAL const float *row = x + first;
    float mean = row_sum(row, columns, shared) / columns;
    vec squares = splat(0.0f);
    FOR_ROW(i, columns) {
        vec difference = load_up_to(row + i, columns - i, mean) - splat(mean);
        squares = fma(difference, difference, squares);
    }
    float scale = 1.0f / sqrt(group_sum(lane_sum(squares), shared) / columns + epsilon);
    FOR_ROW(i, columns) {
        int rest = columns - i;
        vec normed = (load_up_to(row + i, rest, 0.0f) - splat(mean)) * splat(scale);
        vec value = fma(normed, load_up_to(gain + i, rest, 0.0f), load_up_to(bias + i, rest, 0.0f));
        store_first_as(apply(activation, value), y, y_type, first + i, rest);
    }
}

// y = e^(x - max) / Σ e^(x - max), or its logarithm.
KERNEL softmax(GLOBAL const float *x, GLOBAL float *y, int columns, int logarithm) {
    SHARED float shared[GROUP_SIZE];
    GLOBAL const float *row = x + (long)GROUP_X * columns;
    GLOBAL float *target = y + (long)GROUP_X * columns;
    vec top = splat(row_maximum(row, columns, shared));
    vec sum = splat(0.0f);
    FOR_ROW(i, columns) sum += exponential(load_up_to(row + i, columns - i, -INFINITY) - top);
    float total = group_sum(lane_sum(sum), shared);
    vec factor = splat(1.0f / total);
    vec shift = splat(log(total));
    FOR_ROW(i, columns) {
        int rest = columns - i;
        vec difference = load_up_to(row + i, rest, 0.0f) - top;
        store_first(logarithm ? difference - shift : exponential(difference) * factor, target + i, rest);
    }
}

// The kinds are in the order of `ReduceKind`: sum, mean, maximum.
KERNEL reduce(int kind, GLOBAL const float *x, GLOBAL float *y, int columns) {
    SHARED float shared[GROUP_SIZE];
    GLOBAL const float *row = x + (long)GROUP_X * columns;
    float value = kind == 2 ? row_maximum(row, columns, shared) : row_sum(row, columns, shared);
    if (LOCAL_ID == 0) y[GROUP_X] = kind == 1 ? value / columns : value;
}

// The index of the largest number of a row, the first of equals; the first NaN wins.
KERNEL argmax(GLOBAL const float *x, GLOBAL int *y, int columns) {
    SHARED float values[GROUP_SIZE];
    SHARED int indices[GROUP_SIZE];
    GLOBAL const float *row = x + (long)GROUP_X * columns;
    float best = -INFINITY;
    int index = columns;
    for (int i = LOCAL_ID; i < columns; i += LOCAL_COUNT) {
        if (best == best && (index == columns || row[i] > best || row[i] != row[i])) {
            best = row[i];
            index = i;
        }
    }
    values[LOCAL_ID] = best;
    indices[LOCAL_ID] = index;
    for (int width = LOCAL_COUNT / 2; width > 0; width /= 2) {
        BARRIER();
        if (LOCAL_ID < width) {
            float other = values[LOCAL_ID + width];
            int other_index = indices[LOCAL_ID + width];
            float own = values[LOCAL_ID];
            int own_index = indices[LOCAL_ID];
            int is_same = own == other || (own != own && other != other);
            int wins = is_same ? other_index < own_index : own == own && (other != other || other > own);
            if (other_index < columns && (own_index == columns || wins)) {
                values[LOCAL_ID] = other;
                indices[LOCAL_ID] = other_index;
            }
        }
    }
    if (LOCAL_ID == 0) y[GROUP_X] = indices[0];
}

// Channel norm: the statistics of each channel over the rows of a segment, in two passes of two steps. A part is some
// rows of one segment: parts[3 · part] is its first row, then its row count, then its segment. A thread owns a vector
// of channels; groups: x parts or segments, y blocks of channels.

#define CHANNEL ((GROUP_Y * LOCAL_COUNT + LOCAL_ID) * LANES)

// partial[part, c] = Σ over the part's rows of x, or of (x - mean)² where means of segments are given.
KERNEL part_sums(
    GLOBAL const float *x, GLOBAL const int *parts, GLOBAL const float *means, GLOBAL float *partial, int columns) {
    int channel = CHANNEL;
    int rest = columns - channel;
    if (rest <= 0) return;
    int first = parts[3 * GROUP_X];
    int count = parts[3 * GROUP_X + 1];
    vec mean = splat(0.0f);
    if (means) mean = load_up_to(means + (long)parts[3 * GROUP_X + 2] * columns + channel, rest, 0.0f);
    vec sum = splat(0.0f);
    for (int row = first; row < first + count; row++) {
        vec value = load_up_to(x + (long)row * columns + channel, rest, 0.0f) - mean;
        sum += means ? value * value : value;
    }
    store_first(sum, partial + (long)GROUP_X * columns + channel, rest);
}

// y[first_row + segment, c] = Σ partial / count, 0 without rows. ranges[3 · segment] is the segment's first part, then
// its part count, then its row count.
KERNEL part_means(
    GLOBAL const float *partial, GLOBAL const int *ranges, GLOBAL float *y, int columns, int first_row) {
    int channel = CHANNEL;
    int rest = columns - channel;
    if (rest <= 0) return;
    int first = ranges[3 * GROUP_X];
    vec sum = splat(0.0f);
    for (int part = first; part < first + ranges[3 * GROUP_X + 1]; part++)
        sum += load_up_to(partial + (long)part * columns + channel, rest, 0.0f);
    store_first(
        sum / splat((float)max(1, ranges[3 * GROUP_X + 2])), y + (long)(first_row + GROUP_X) * columns + channel, rest);
}

// y = f(gain · (x - mean) / √(variance + ε) + bias) for the rows of the parts; statistics [2, segments, columns].
KERNEL channel_norm(
    GLOBAL const float *x, GLOBAL const int *parts, GLOBAL const float *statistics, int segments,
    GLOBAL const float *gain, GLOBAL const float *bias, GLOBAL float *y, int columns, float epsilon, int activation) {
    int channel = CHANNEL;
    int rest = columns - channel;
    if (rest <= 0) return;
    int first = parts[3 * GROUP_X];
    GLOBAL const float *means = statistics + (long)parts[3 * GROUP_X + 2] * columns + channel;
    vec mean = load_up_to(means, rest, 0.0f);
    vec deviation = sqrt(load_up_to(means + (long)segments * columns, rest, 1.0f) + splat(epsilon));
    vec scale = load_up_to(gain + channel, rest, 0.0f) / deviation;
    vec shift = load_up_to(bias + channel, rest, 0.0f);
    for (int row = first; row < first + parts[3 * GROUP_X + 1]; row++) {
        long index = (long)row * columns + channel;
        vec value = fma(load_up_to(x + index, rest, 0.0f) - mean, scale, shift);
        store_first(apply(activation, value), y + index, rest);
    }
}
