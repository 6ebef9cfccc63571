// The product for processors. A group computes `group_rows` × `group_panels` panels of C, BLOCK_TILES tiles of rows and
// BLOCK_DEPTH numbers of depth at a time. The weight is packed: panel p of a batch is [depth, PANEL] at
// p · depth · PANEL. Groups: x row parts, y panel parts, z batches.

#define BLOCK_ROWS (BLOCK_TILES * TILE_ROWS)
// Rows a power of two apart would share few sets of the cache.
#define BLOCK_STRIDE (BLOCK_DEPTH + 16)

KERNEL product(PRODUCT_OPERANDS, int group_rows, int group_panels) {
    SHARED float block[BLOCK_ROWS * BLOCK_STRIDE];
#if WEIGHT_TYPE != 0
    SHARED float expanded[BLOCK_DEPTH * PANEL];
#endif
    a += GROUP_Z * a_batch;
    w += GROUP_Z * w_batch;
    c += GROUP_Z * c_batch;
    if (residual) residual += GROUP_Z * c_batch;
    if (scales) scales += GROUP_Z * n;
    if (bias) bias += GROUP_Z * n;
    int last_row = min(m, (GROUP_X + 1) * group_rows);
    int first_column = GROUP_Y * group_panels * PANEL;
    int last_column = min(n, first_column + group_panels * PANEL);

    for (int first_row = GROUP_X * group_rows; first_row < last_row; first_row += BLOCK_ROWS) {
        int rows = min(BLOCK_ROWS, last_row - first_row);
        // Once even when there is no depth, so that C becomes the bias.
        for (int first = 0; first == 0 || first < depth; first += BLOCK_DEPTH) {
            int count = min(BLOCK_DEPTH, depth - first);
            // The rows that fill the last tile repeat the last row.
            for (int i = 0; i < (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS; i++) {
                int row = first_row + min(i, rows - 1);
                GLOBAL const float *source = a + (starts ? starts[row] : row) * a_row + first;
                LOCAL float *target = block + i * BLOCK_STRIDE;
                int k = 0;
                for (; k + LANES <= count; k += LANES) STORE(LOAD(source + k), target + k);
                for (; k < count; k++) target[k] = source[k];
            }
            for (int column = first_column; column < last_column; column += PANEL) {
                GLOBAL const weight *packed = w + (long)column * depth + (long)first * PANEL;
#if WEIGHT_TYPE == 0
                GLOBAL const float *panel = packed;
#else
                LOCAL const float *panel = expanded;
                vec low_scale = scales ? load_up_to(scales + column, n - column, 0.0f) : splat(1.0f);
                vec high_scale = scales ? load_up_to(scales + column + LANES, n - column - LANES, 0.0f) : splat(1.0f);
                for (int k = 0; k < count * PANEL; k += PANEL) {
                    STORE(low_scale * load_weights(packed + k), expanded + k);
                    STORE(high_scale * load_weights(packed + k + LANES), expanded + k + LANES);
                }
#endif
                for (int i = 0; i < rows; i += TILE_ROWS)
                    tile(
                        block + i * BLOCK_STRIDE, BLOCK_STRIDE, panel, count,
                        c + (first_row + i) * c_row + column, c_row, rows - i, last_column - column, first == 0,
                        bias ? bias + column : 0);
            }
        }
        if (activation < 0 && !residual) continue;
        for (int row = first_row; row < first_row + rows; row++) {
            for (int column = first_column; column < last_column; column += LANES) {
                long index = row * c_row + column;
                int rest = last_column - column;
                vec value = apply(activation, load_up_to(c + index, rest, 0.0f));
                if (residual) value += load_up_to(residual + index, rest, 0.0f);
                store_first(value, c + index, rest);
            }
        }
    }
}
