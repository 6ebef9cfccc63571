// Every kernel here walks numbers in blocks of BLOCK a group; x and y are as large.

// y[i] = value
KERNEL fill(GLOBAL float *y, long count, float value) {
    FOR_BLOCK(i, GROUP_X, count) store_first(splat(value), y + i, (int)min(count - i, (long)LANES));
}

// y[i] = f(x[i])
KERNEL unary(int kind, GLOBAL const float *x, GLOBAL float *y, long count) {
    FOR_BLOCK(i, GROUP_X, count) {
        int rest = (int)min(count - i, (long)LANES);
        store_first(apply(kind, load_up_to(x + i, rest, 1.0f)), y + i, rest);
    }
}

// The kinds are in the order of `BinaryKind`.
FUNCTION vec combine(int kind, vec a, vec b) {
    switch (kind) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    // A NaN on either side wins.
    case 4: return a != a ? a : (b != b ? b : larger(a, b));
    default: return a != a ? a : (b != b ? b : smaller(a, b));
    }
}

// y[r, c] = a[r, c] ∘ b[r · b_row + c · b_column], with b_column 1 or 0. Groups: x rows, y blocks of columns.
KERNEL binary(
    int kind, GLOBAL const float *a, GLOBAL const float *b, GLOBAL float *y, long columns, long b_row, int b_column) {
    long row = GROUP_X;
    GLOBAL const float *a_row = a + row * columns;
    GLOBAL const float *b_start = b + row * b_row;
    FOR_BLOCK(i, GROUP_Y, columns) {
        int rest = (int)min(columns - i, (long)LANES);
        vec other = b_column == 0 ? splat(*b_start) : load_up_to(b_start + i, rest, 1.0f);
        store_first(combine(kind, load_up_to(a_row + i, rest, 1.0f), other), y + row * columns + i, rest);
    }
}

// Conversions, a number at a time; to nearest even.
#define FOR_SCALARS(index, count)                                                                                    \
    for (long index = (long)GROUP_X * BLOCK + LOCAL_ID; index < (count) && index < ((long)GROUP_X + 1) * BLOCK;       \
         index += LOCAL_COUNT)

FUNCTION bfloat_bits bfloat_of_float(float x) {
    uint bits = bits_of_float(x);
    return x != x ? (bfloat_bits)(bits >> 16 | 0x40) : (bfloat_bits)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
FUNCTION float float_of_bfloat(bfloat_bits x) { return float_of_bits((uint)x << 16); }

KERNEL float_to_half(GLOBAL const float *x, GLOBAL half_bits *y, long count) {
    FOR_SCALARS(i, count) store_half(x[i], y, i);
}
KERNEL half_to_float(GLOBAL const half_bits *x, GLOBAL float *y, long count) {
    FOR_SCALARS(i, count) y[i] = float_of_half(x, i);
}
KERNEL float_to_bfloat(GLOBAL const float *x, GLOBAL bfloat_bits *y, long count) {
    FOR_SCALARS(i, count) y[i] = bfloat_of_float(x[i]);
}
KERNEL bfloat_to_float(GLOBAL const bfloat_bits *x, GLOBAL float *y, long count) {
    FOR_SCALARS(i, count) y[i] = float_of_bfloat(x[i]);
}
KERNEL half_to_bfloat(GLOBAL const half_bits *x, GLOBAL bfloat_bits *y, long count) {
    FOR_SCALARS(i, count) y[i] = bfloat_of_float(float_of_half(x, i));
}
KERNEL bfloat_to_half(GLOBAL const bfloat_bits *x, GLOBAL half_bits *y, long count) {
    FOR_SCALARS(i, count) store_half(float_of_bfloat(x[i]), y, i);
}
// Saturating at ±127; NaN becomes 0.
KERNEL float_to_int8(GLOBAL const float *x, GLOBAL signed_byte *y, long count) {
    FOR_SCALARS(i, count) {
        float value = x[i] != x[i] ? 0.0f : x[i];
        value = value > 127.0f ? 127.0f : (value < -127.0f ? -127.0f : value);
        y[i] = (signed_byte)rounded_to_even(value);
    }
}
KERNEL int8_to_float(GLOBAL const signed_byte *x, GLOBAL float *y, long count) {
    FOR_SCALARS(i, count) y[i] = (float)x[i];
}
KERNEL int32_to_float(GLOBAL const int *x, GLOBAL float *y, long count) {
    FOR_SCALARS(i, count) y[i] = (float)x[i];
}
