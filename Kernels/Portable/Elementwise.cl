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

// y[r, c] = a[r, c] ∘ b[r · b_row + c · b_column], with b_column 1 or 0. Groups: x blocks of columns of one
// row after the other.
KERNEL binary(
    int kind, GLOBAL const float *a, GLOBAL const float *b, GLOBAL float *y, long columns, long b_row, int b_column) {
    int blocks = (int)((columns + BLOCK - 1) / BLOCK);
    long row = GROUP_X / blocks;
    GLOBAL const float *a_row = a + row * columns;
    GLOBAL const float *b_start = b + row * b_row;
    FOR_BLOCK(i, GROUP_X % blocks, columns) {
        int rest = (int)min(columns - i, (long)LANES);
        vec other = b_column == 0 ? splat(*b_start) : load_up_to(b_start + i, rest, 1.0f);
        store_first(combine(kind, load_up_to(a_row + i, rest, 1.0f), other), y + row * columns + i, rest);
    }
}

// Conversions, a number at a time; to nearest even.
#define FOR_SCALARS(index, count)                                                                                    \
    for (long index = (long)GROUP_X * BLOCK + LOCAL_ID; index < (count) && index < ((long)GROUP_X + 1) * BLOCK;       \
         index += LOCAL_COUNT)

KERNEL float_to_half(GLOBAL const float *x, GLOBAL half_bits *y, long count) {
    FOR_SCALARS(i, count) store_half(x[i], y, i);
}
KERNEL float_to_half_in_range(GLOBAL const float *x, GLOBAL half_bits *y, long count) {
    FOR_SCALARS(i, count) store_half(in_half_range(x[i]), y, i);
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

#if LANES == 1
// f(x + bias) of two numbers in one word, which are those of a column and the next.
FUNCTION uint finished_pair(uint pair, int type, GLOBAL const float *bias, int column, int activation) {
    float low = number_of_bits((half_bits)(pair & 0xFFFF), type) + (bias ? bias[column] : 0.0f);
    float high = number_of_bits((half_bits)(pair >> 16), type) + (bias ? bias[column + 1] : 0.0f);
    return bits_of_number(apply(activation, low), type) | (uint)bits_of_number(apply(activation, high), type) << 16;
}

// y[r, c] = f(y[r, c] + bias[c]) in place, for numbers of 16 bits; bias may be null. Groups: x rows, y blocks of
// columns.
KERNEL finish_narrow(GLOBAL half_bits *y, int type, GLOBAL const float *bias, int columns, int activation) {
    GLOBAL half_bits *row = y + (long)GROUP_X * columns;
    int first = GROUP_Y * BLOCK;
    int end = min(columns, first + BLOCK);
    if (columns % 8 == 0) {
        // Eight numbers a thread at a time: enough bytes under way to fill the memory's bandwidth.
        for (int column = first + LOCAL_ID * 8; column < end; column += LOCAL_COUNT * 8) {
            GLOBAL uint4 *numbers = (GLOBAL uint4 *)(row + column);
            uint4 words = *numbers;
            words.x = finished_pair(words.x, type, bias, column, activation);
            words.y = finished_pair(words.y, type, bias, column + 2, activation);
            words.z = finished_pair(words.z, type, bias, column + 4, activation);
            words.w = finished_pair(words.w, type, bias, column + 6, activation);
            *numbers = words;
        }
    } else {
        for (int column = first + LOCAL_ID; column < end; column += LOCAL_COUNT) {
            float x = number_of_bits(row[column], type) + (bias ? bias[column] : 0.0f);
            row[column] = bits_of_number(apply(activation, x), type);
        }
    }
}
#endif
