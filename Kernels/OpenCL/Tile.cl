// The register tile of the kernels for processors, where a group is one thread that works on vectors and keeps its left
// side in local memory, that is, in its core's cache. The same shape as the processor's own kernels in SIMDKernels:
// TILE_ROWS rows × PANEL columns of C live in registers, and the right side is packed in panels of PANEL columns.

#define PANEL (2 * LANES)

#if TILE_ROWS == 6
#define FOR_TILE_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#else
#define FOR_TILE_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#endif

// Panels of float32 are read where they lie; others are expanded into local memory first.
#if WEIGHT_TYPE == 0
#define PANEL_SPACE GLOBAL
#else
#define PANEL_SPACE LOCAL
#endif

#define TILE_ZERO(r) vec l##r = splat(0.0f), h##r = splat(0.0f);
#define TILE_BIAS(r) l##r = low_bias; h##r = high_bias;
#define TILE_LOAD(r) l##r = LOAD(c + r * c_stride); h##r = LOAD(c + r * c_stride + LANES);
#define TILE_LOAD_EDGE(r)                                                                                            \
    if (r < rows) {                                                                                                  \
        l##r = load_up_to(c + r * c_stride, columns, 0.0f);                                                          \
        h##r = load_up_to(c + r * c_stride + LANES, columns - LANES, 0.0f);                                          \
    }
#define TILE_STEP(r)                                                                                                 \
    l##r = fma(splat(a[r * a_stride + k]), low, l##r);                                                               \
    h##r = fma(splat(a[r * a_stride + k]), high, h##r);
#define TILE_STORE(r) STORE(l##r, c + r * c_stride); STORE(h##r, c + r * c_stride + LANES);
#define TILE_STORE_EDGE(r)                                                                                           \
    if (r < rows) {                                                                                                  \
        store_first(l##r, c + r * c_stride, columns);                                                                \
        store_first(h##r, c + r * c_stride + LANES, columns - LANES);                                                \
    }
#define TILE_MULTIPLY                                                                                                \
    for (int k = 0; k < depth; k++) {                                                                                \
        vec low = LOAD(panel + k * PANEL);                                                                           \
        vec high = LOAD(panel + k * PANEL + LANES);                                                                  \
        FOR_TILE_ROWS(TILE_STEP)                                                                                     \
    }

// C = A · panel + C, or + bias where C has no number yet. A has TILE_ROWS rows; of C, `rows` and `columns` are there.
FUNCTION void tile(
    LOCAL const float *a, int a_stride, PANEL_SPACE const float *panel, int depth, GLOBAL float *c, long c_stride,
    int rows, int columns, int is_first, GLOBAL const float *bias) {
    int is_whole = rows >= TILE_ROWS && columns >= PANEL;
    FOR_TILE_ROWS(TILE_ZERO)
    if (!is_first) {
        if (is_whole) {
            FOR_TILE_ROWS(TILE_LOAD)
        } else {
            FOR_TILE_ROWS(TILE_LOAD_EDGE)
        }
    } else if (bias) {
        vec low_bias = load_up_to(bias, columns, 0.0f);
        vec high_bias = load_up_to(bias + LANES, columns - LANES, 0.0f);
        FOR_TILE_ROWS(TILE_BIAS)
    }
    TILE_MULTIPLY
    if (is_whole) {
        FOR_TILE_ROWS(TILE_STORE)
    } else {
        FOR_TILE_ROWS(TILE_STORE_EDGE)
    }
}

// C = A · panel, or + C, where all of C's tile is there.
FUNCTION void tile_in_local(
    LOCAL const float *a, int a_stride, GLOBAL const float *panel, int depth, LOCAL float *c, int c_stride,
    int is_first) {
    FOR_TILE_ROWS(TILE_ZERO)
    if (!is_first) {
        FOR_TILE_ROWS(TILE_LOAD)
    }
    TILE_MULTIPLY
    FOR_TILE_ROWS(TILE_STORE)
}
