// Functions of one number, on as many lanes as a thread has; and what the row kernels share.

FUNCTION vec splat(float x) { return (vec)(x); }

FUNCTION float lane_sum(vec v) {
#if LANES == 1
    return v;
#else
    float lanes[LANES];
    STORE(v, lanes);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
    return lanes[0];
#endif
}

// Loads the first `count` of a vector's numbers, `fill` for the others.
FUNCTION vec load_first(GLOBAL const float *p, int count, float fill) {
#if LANES == 1
    return count > 0 ? *p : fill;
#else
    float lanes[LANES];
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = lane < count ? p[lane] : fill;
    return LOAD(lanes);
#endif
}

FUNCTION void store_first(vec v, GLOBAL float *p, int count) {
#if LANES == 1
    if (count > 0) *p = v;
#else
    if (count >= LANES) {
        STORE(v, p);
    } else {
        float lanes[LANES];
        STORE(v, lanes);
        for (int lane = 0; lane < count; lane++) p[lane] = lanes[lane];
    }
#endif
}

FUNCTION vec load_up_to(GLOBAL const float *p, int count, float fill) {
    return count >= LANES ? LOAD(p) : load_first(p, count, fill);
}

// The larger and the smaller; the second where they can't be compared.
FUNCTION vec larger(vec a, vec b) { return a > b ? a : b; }
FUNCTION vec smaller(vec a, vec b) { return a < b ? a : b; }

// e^x for -87 <= x <= 88, clamped below: 2^n · e^r with |r| <= ln 2 / 2 and a polynomial of degree 6.
// The coefficients are those of the processor's kernels (SIMDKernels/Functions.swift).
FUNCTION vec exponential_core(vec x) {
    vec clamped = larger(x, splat(-87.0f));
    // Adding 1.5 · 2^23 rounds to an integer, which then lies in the low bits.
    vec shifted = fma(clamped, splat(1.44269504f), splat(12582912.0f));
    vec n = shifted - splat(12582912.0f);
    vec r = fma(n, splat(-1.4286068e-6f), fma(n, splat(-0.69314575f), clamped));
    vec p = fma(r, splat(1.3888889e-3f), splat(8.3333335e-3f));
    p = fma(p, r, splat(4.1666668e-2f));
    p = fma(p, r, splat(1.6666667e-1f));
    p = fma(p, r, splat(0.5f));
    p = fma(p, r, splat(1.0f));
    p = fma(p, r, splat(1.0f));
    return AS_VEC(AS_INTS(p) + (AS_INTS(shifted) << 23));
}

// e^x for every x: 0 below -87.3, infinite above 88.7, NaN for NaN.
FUNCTION vec exponential(vec x) {
    vec y = exponential_core(smaller(x, splat(88.0f)));
    // Between 88 and 88.72 in two steps, so that nothing overflows on the way.
    y = y * exponential_core(larger(smaller(x - splat(88.0f), splat(1.0f)), splat(0.0f)));
    y = x > splat(88.72284f) ? splat(INFINITY) : y;
    y = x < splat(-87.33655f) ? splat(0.0f) : y;
    return x != x ? x : y;
}

// erf x as x · P(x²) / Q(x²) for |x| <= 3.92, beyond which it is ±1 in float32.
FUNCTION vec error_function(vec value) {
    vec x = larger(smaller(value, splat(3.92f)), splat(-3.92f));
    vec u = x * x;
    vec p = fma(u, splat(2.0501145e-6f), splat(2.8488282e-4f));
    p = fma(p, u, splat(3.7655605e-3f));
    p = fma(p, u, splat(5.274855e-2f));
    p = fma(p, u, splat(0.19040495f));
    p = fma(p, u, splat(1.1283791f));
    vec q = fma(u, splat(3.8092006e-5f), splat(1.1625245e-3f));
    q = fma(q, u, splat(1.4969100e-2f));
    q = fma(q, u, splat(0.11410851f));
    q = fma(q, u, splat(0.5020747f));
    q = fma(q, u, splat(1.0f));
    vec y = x * p / q;
    y = value > splat(3.92f) ? splat(1.0f) : y;
    return value < splat(-3.92f) ? splat(-1.0f) : y;
}

FUNCTION vec sigmoid(vec x) { return splat(1.0f) / (splat(1.0f) + exponential(-x)); }

// The function of a number: -1 is none, the others are in the order of `UnaryKind`.
FUNCTION vec apply(int kind, vec x) {
    switch (kind) {
    case 0: return -x;
    case 1: return fabs(x);
    case 2: return x * x;
    case 3: return sqrt(x);
    case 4: return splat(1.0f) / x;
    case 5: return exponential(x);
    case 6: return log(x);
    case 7: return tanh(x);
    case 8: return sigmoid(x);
    case 9: return x < splat(0.0f) ? splat(0.0f) : x;
    case 10: return x < splat(0.0f) ? x * splat(0.01f) : x;
    case 11: return x * sigmoid(x);
    case 12: {
        vec half_x = x * splat(0.5f);
        return fma(half_x, error_function(x * splat(0.70710677f)), half_x);
    }
    // (1 + tanh u) / 2 = σ(2u), which doesn't cancel where the tanh is near -1.
    case 13: return x * sigmoid(fma(x * x * x, splat(0.044715f), x) * splat(1.5957691f));
    case 14: return x * sigmoid(x * splat(1.702f));
    default: return x;
    }
}

FUNCTION bfloat_bits bfloat_of_float(float x) {
    uint bits = bits_of_float(x);
    return x != x ? (bfloat_bits)(bits >> 16 | 0x40) : (bfloat_bits)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
FUNCTION float float_of_bfloat(bfloat_bits x) { return float_of_bits((uint)x << 16); }

// What float16 can't hold is its largest number; NaN stays.
FUNCTION float in_half_range(float x) { return x > 65504.0f ? 65504.0f : (x < -65504.0f ? -65504.0f : x); }

// Numbers of 16 bits as products take them: type 1 is float16, 2 bfloat16.
FUNCTION half_bits bits_of_number(float x, int type) {
    return type == 1 ? half_bits_of_float(in_half_range(x)) : bfloat_of_float(x);
}
FUNCTION float number_of_bits(half_bits x, int type) {
    return type == 1 ? float_of_half_bits(x) : float_of_bfloat(x);
}

// As `store_first`, as numbers of a type; 0 is float32, the only one that vectors are stored as.
FUNCTION void store_first_as(vec v, GLOBAL void *y, int type, long index, int count) {
#if LANES == 1
    if (type != 0) {
        if (count > 0) ((GLOBAL half_bits *)y)[index] = bits_of_number(v, type);
        return;
    }
#endif
    store_first(v, (GLOBAL float *)y + index, count);
}

// Walks the part of [0, count) that belongs to this thread of group `group`: blocks of BLOCK numbers a group,
// neighbours on neighbouring threads.
#define FOR_BLOCK(index, group, count)                                                                               \
    for (long index = (long)(group) * BLOCK + (long)LOCAL_ID * LANES;                                                \
         index < (count) && index < ((long)(group) + 1) * BLOCK; index += (long)LOCAL_COUNT * LANES)

// Walks the numbers of a row that belong to this thread.
#define FOR_ROW(index, count) for (int index = LOCAL_ID * LANES; index < (count); index += LOCAL_COUNT * LANES)
