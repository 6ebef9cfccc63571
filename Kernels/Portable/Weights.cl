// How the numbers of a weight are stored: WEIGHT_TYPE 0 float32, 1 float16, 2 bfloat16, 3 int8 with a scale an output.

#if WEIGHT_TYPE == 0
typedef float weight;
FUNCTION vec load_weights(GLOBAL const weight *p) { return LOAD(p); }
#elif WEIGHT_TYPE == 1
typedef half_bits weight;
FUNCTION vec load_weights(GLOBAL const weight *p) { return LOAD_HALF(p); }
#elif WEIGHT_TYPE == 2
typedef bfloat_bits weight;
FUNCTION vec load_weights(GLOBAL const weight *p) { return AS_VEC(TO_INTS(LOAD(p)) << 16); }
#else
typedef signed_byte weight;
FUNCTION vec load_weights(GLOBAL const weight *p) { return TO_VEC(LOAD(p)); }
#endif

// The operands of a product, the same for every shape of kernel:
// C[i, j] = f(Σ A[i, k] · W[j, k] · scale[j] + bias[j]) + residual[i, j].
//
// Row i of A begins at (starts ? starts[i] : i) · a_row, so rows may overlap. A batch is a_batch, w_batch, c_batch
// further on, its scales and biases n further on. The residual lies like C.
#define PRODUCT_OPERANDS                                                                                             \
    GLOBAL const float *a, GLOBAL const int *starts, long a_row, long a_batch, GLOBAL const weight *w, long w_batch, \
        GLOBAL const float *scales, GLOBAL const float *bias, GLOBAL const float *residual, GLOBAL float *c,          \
        long c_row, long c_batch, int m, int n, int depth, int activation

// What follows the sum: scale, bias, function, residual. `column` counts through the batches.
FUNCTION void store_result(
    float sum, GLOBAL const float *scales, GLOBAL const float *bias, GLOBAL const float *residual, GLOBAL float *c,
    int column, long index, int activation) {
    if (scales) sum *= scales[column];
    if (bias) sum += bias[column];
    float result = lane_sum(apply(activation, splat(sum))) / LANES;
    if (residual) result += residual[index];
    c[index] = result;
}
