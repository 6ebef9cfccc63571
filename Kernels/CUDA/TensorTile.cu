// What the products on tensor cores share: which tile of C a group computes, and how its sums get there.

// The first row and column of a group's tile. Groups are counted along one axis: neighbours work on so many row tiles
// that what they read stays in the cache.
FUNCTION void find_tile(int m, int n, int tile_m, int tile_n, int *first_row, int *first_column) {
    const int band = 16;
    int row_tiles = (m + tile_m - 1) / tile_m;
    int column_tiles = (n + tile_n - 1) / tile_n;
    int first_tile = GROUP_X / (band * column_tiles) * band;
    int rows = min(band, row_tiles - first_tile);
    int tile = GROUP_X - first_tile * column_tiles;
    *first_row = (first_tile + tile % rows) * tile_m;
    *first_column = tile / rows * tile_n;
}

// Numbers of shared memory that a warp needs for sums of so many columns: with eight more a row, eight rows' pairs fall
// on all the banks once.
#define SUM_STRIDE(columns) ((columns) + 8)
#define SUM_COUNT(columns) (16 * SUM_STRIDE(columns))

// 16 rows of sums of a warp, as products leave them in its lanes, to shared memory of the warp's own.
FUNCTION void keep_sums(const float *sums, int columns, float *rows) {
    int lane = LOCAL_ID % 32;
#pragma unroll
    for (int i = 0; i < columns / 2; i++)
        rows[(lane / 4 + i / 2 % 2 * 8) * SUM_STRIDE(columns) + i / 4 * 8 + lane % 4 * 2 + i % 2] = sums[i];
    WARP_BARRIER();
}

// Such rows to C from (first_row, first_column) on: in a loop, which holds the function only once.
FUNCTION void store_rows(
    const float *rows, int columns, int first_row, int first_column, GLOBAL const float *scales,
    GLOBAL const float *bias, GLOBAL const float *residual, GLOBAL float *c, long c_row, long c_batch, int m, int n,
    int activation) {
    int row_count = min(16, m - first_row);
    int column_count = min(columns, n - first_column);
    for (int row = 0; row < row_count; row++)
        for (int column = LOCAL_ID % 32; column < column_count; column += 32)
            store_result(
                rows[row * SUM_STRIDE(columns) + column], scales, bias, residual, c,
                GROUP_Z * n + first_column + column,
                GROUP_Z * c_batch + (first_row + row) * c_row + first_column + column, activation);
}
