// Kernels that move numbers without changing them. A group moves one row, unless said otherwise.

FUNCTION void copy_row(GLOBAL const float *x, GLOBAL float *y, int count) {
    FOR_ROW(i, count) {
        int rest = min(count - i, LANES);
        store_first(x ? load_up_to(x + i, rest, 0.0f) : splat(0.0f), y + i, rest);
    }
}

// y[i, :] = x[rows[i], :], zeros for -1.
KERNEL gather(GLOBAL const float *x, GLOBAL const int *rows, GLOBAL float *y, int columns) {
    int row = rows[GROUP_X];
    GLOBAL const float *source = row < 0 ? 0 : x + (long)row * columns;
    copy_row(source, y + (long)GROUP_X * columns, columns);
}

// y[rows[i], :] += x[i, :], in the order of i, so that two runs give the same sums. y starts as zeros. A thread owns a
// column; groups are blocks of columns.
KERNEL scatter_add(GLOBAL const float *x, GLOBAL const int *rows, GLOBAL float *y, int count, int columns) {
    int column = GROUP_X * LOCAL_COUNT + LOCAL_ID;
    if (column >= columns) return;
    for (int i = 0; i < count; i++)
        if (rows[i] >= 0) y[(long)rows[i] * columns + column] += x[(long)i * columns + column];
}

// y[i, j, k, l] = x[i · s0 + j · s1 + k · s2 + l · s3] for the sizes (…, n1, n2, n3) of y. A group moves BLOCK numbers.
KERNEL permute(
    GLOBAL const float *x, GLOBAL float *y, long count, int n1, int n2, int n3, long s0, long s1, long s2, long s3) {
    for (long index = (long)GROUP_X * BLOCK + LOCAL_ID; index < count && index < ((long)GROUP_X + 1) * BLOCK;
         index += LOCAL_COUNT) {
        long outer = index / n3;
        int l = (int)(index - outer * n3);
        long middle = outer / n2;
        int k = (int)(outer - middle * n2);
        long i = middle / n1;
        int j = (int)(middle - i * n1);
        y[index] = x[i * s0 + j * s1 + k * s2 + l * s3];
    }
}

// x [rows, groups · width] to y [group, gapped rows, width]: row i of each group is row `rows[i]` of x, zeros for -1.
// Groups: x gapped rows, y channel groups.
KERNEL spread(GLOBAL const float *x, GLOBAL const int *rows, GLOBAL float *y, int gapped_rows, int width) {
    int row = rows[GROUP_X];
    long channels = (long)GROUPS_Y * width;
    GLOBAL const float *source = row < 0 ? 0 : x + row * channels + (long)GROUP_Y * width;
    copy_row(source, y + ((long)GROUP_Y * gapped_rows + GROUP_X) * width, width);
}

// Panels of a weight: y[p, k, j] = x[p · PANEL + j, k], zeros beyond the n rows of x; element (i, k) of x lies at
// i · s_row + k · s_column, and each batch is batch_stride further on. Groups: x panels, y batches, z blocks of depth.
#define PANELS(name, type)                                                                                           \
    KERNEL pack_##name(                                                                                              \
        GLOBAL const type *x, GLOBAL type *y, int n, int depth, long batch_stride, long s_row, long s_column,         \
        int panel) {                                                                                                 \
        long panels = (n + panel - 1) / panel;                                                                       \
        GLOBAL const type *source = x + GROUP_Y * batch_stride;                                                      \
        GLOBAL type *target = y + (GROUP_Y * panels + GROUP_X) * depth * panel;                                      \
        int last = min(depth, (GROUP_Z + 1) * BLOCK);                                                                \
        for (int k = GROUP_Z * BLOCK + LOCAL_ID; k < last; k += LOCAL_COUNT)                                         \
            for (int j = 0; j < panel; j++) {                                                                        \
                int i = GROUP_X * panel + j;                                                                         \
                target[(long)k * panel + j] = i < n ? source[i * s_row + k * s_column] : (type)0;                    \
            }                                                                                                        \
    }                                                                                                                \
    KERNEL unpack_##name(GLOBAL const type *x, GLOBAL type *y, int n, int depth, int panel) {                        \
        long panels = (n + panel - 1) / panel;                                                                       \
        GLOBAL const type *source = x + (GROUP_Y * panels + GROUP_X) * depth * panel;                                \
        int last = min(depth, (GROUP_Z + 1) * BLOCK);                                                                \
        for (int k = GROUP_Z * BLOCK + LOCAL_ID; k < last; k += LOCAL_COUNT)                                         \
            for (int j = 0; j < panel; j++) {                                                                        \
                int i = GROUP_X * panel + j;                                                                         \
                if (i < n) y[((long)GROUP_Y * n + i) * depth + k] = source[(long)k * panel + j];                     \
            }                                                                                                        \
    }

PANELS(32, int)
PANELS(16, short)
PANELS(8, char)
