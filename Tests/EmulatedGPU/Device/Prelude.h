#ifndef PRELUDE_H
#define PRELUDE_H

// The words of Kernels/CUDA/Prelude.cu for a processor.

#include <math.h>
#include <string.h>

#include "SharedMemory.h"

#define KERNEL static void
#define GLOBAL
#define LOCAL
// Groups run one after the other; what the last one left is no number for the next.
#define SHARED static __attribute__((section("emulated_shared")))
#define FUNCTION static inline __attribute__((unused))

#define LOCAL_ID emulatedThread
#define LOCAL_COUNT emulatedThreadCount
#define GROUP_X emulatedGroup[0]
#define GROUP_Y emulatedGroup[1]
#define GROUP_Z emulatedGroup[2]
#define GROUPS_Y emulatedGroupCount[1]
// Without them, what needs them shows that it does.
#ifdef EMULATED_WITHOUT_BARRIERS
#define BARRIER() ((void)0)
#else
#define BARRIER() emulatedBarrier()
#endif
#define UNROLL _Pragma("unroll")

typedef unsigned int uint;
typedef unsigned short half_bits;
typedef unsigned short bfloat_bits;
typedef signed char signed_byte;
typedef float vec;
typedef int ivec;
typedef struct {
    uint x, y, z, w;
} uint4;

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define fma fmaf
#define sqrt sqrtf
#define fabs fabsf
#define log logf
#define tanh tanhf

FUNCTION float float_of_bits(uint bits) {
    float result;
    memcpy(&result, &bits, sizeof(result));
    return result;
}
FUNCTION uint bits_of_float(float x) {
    uint result;
    memcpy(&result, &x, sizeof(result));
    return result;
}
FUNCTION float float_of_half_bits(half_bits bits) {
    _Float16 half;
    memcpy(&half, &bits, sizeof(half));
    return half;
}
FUNCTION half_bits half_bits_of_float(float x) {
    _Float16 half = x;
    half_bits bits;
    memcpy(&bits, &half, sizeof(bits));
    return bits;
}
FUNCTION float float_of_half(const half_bits *p, long index) { return float_of_half_bits(p[index]); }
FUNCTION void store_half(float x, half_bits *p, long index) { p[index] = half_bits_of_float(x); }
FUNCTION float rounded_to_even(float x) { return rintf(x); }

#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define AS_VEC(x) float_of_bits((uint)(x))
#define AS_INTS(x) ((int)bits_of_float(x))
#define TO_VEC(x) ((float)(x))
#define TO_INTS(x) ((int)(x))
#define LOAD_HALF(p) float_of_half_bits(*(p))

#endif
