// The words of the portable kernels in CUDA C++, with no header but what NVRTC has built in.
//
// LANES is 1: a thread handles one float32 at a time.

#define KERNEL extern "C" __global__ void
#define GLOBAL
// `LOCAL` qualifies a pointer to the memory that a group shares, `SHARED` declares such memory.
#define LOCAL
#define SHARED __shared__
#define FUNCTION static __device__ __forceinline__

#define LOCAL_ID ((int)threadIdx.x)
#define LOCAL_COUNT ((int)blockDim.x)
#define GROUP_X ((int)blockIdx.x)
#define GROUP_Y ((int)blockIdx.y)
#define GROUP_Z ((int)blockIdx.z)
#define GROUPS_Y ((int)gridDim.y)
#define BARRIER() __syncthreads()
// Before a loop over an array that must be in registers.
#define UNROLL _Pragma("unroll")

typedef unsigned int uint;
typedef unsigned short half_bits;
typedef unsigned short bfloat_bits;
typedef signed char signed_byte;
typedef float vec;
typedef int ivec;

#define INFINITY __int_as_float(0x7F800000)
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define AS_VEC(x) __int_as_float(x)
#define AS_INTS(x) __float_as_int(x)
#define TO_VEC(x) ((float)(x))
#define TO_INTS(x) ((int)(x))
#define LOAD_HALF(p) float_of_half(p, 0)

FUNCTION float float_of_bits(uint bits) { return __uint_as_float(bits); }
FUNCTION uint bits_of_float(float x) { return __float_as_uint(x); }
FUNCTION float float_of_half_bits(half_bits bits) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
    return result;
}
FUNCTION half_bits half_bits_of_float(float x) {
    half_bits result;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(x));
    return result;
}
FUNCTION float float_of_half(const half_bits *p, long index) { return float_of_half_bits(p[index]); }
FUNCTION void store_half(float x, half_bits *p, long index) { p[index] = half_bits_of_float(x); }
FUNCTION float rounded_to_even(float x) { return rintf(x); }
