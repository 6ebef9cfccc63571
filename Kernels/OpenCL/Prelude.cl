// The words of the portable kernels in OpenCL C 1.2.
//
// LANES is how many float32 a thread handles at a time: 1 on a GPU, a vector register's worth on a processor.

#define KERNEL __kernel void
#define GLOBAL __global
// `LOCAL` qualifies a pointer to the memory that a group shares, `SHARED` declares such memory.
#define LOCAL __local
#define SHARED __local
#define FUNCTION inline

#define LOCAL_ID ((int)get_local_id(0))
#define LOCAL_COUNT ((int)get_local_size(0))
#define GROUP_X ((int)get_group_id(0))
#define GROUP_Y ((int)get_group_id(1))
#define GROUP_Z ((int)get_group_id(2))
#define GROUPS_Y ((int)get_num_groups(1))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
// Before a loop over an array that must be in registers; there is no such word that all compilers know.
#define UNROLL

#define JOINED(a, b) a##b
#define JOIN(a, b) JOINED(a, b)

#if LANES == 1
typedef float vec;
typedef int ivec;
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define AS_VEC(x) as_float(x)
#define AS_INTS(x) as_int(x)
#define TO_VEC(x) ((float)(x))
#define TO_INTS(x) ((int)(x))
#define LOAD_HALF(p) vload_half(0, (GLOBAL const half *)(p))
#else
typedef JOIN(float, LANES) vec;
typedef JOIN(int, LANES) ivec;
#define LOAD(p) JOIN(vload, LANES)(0, p)
#define STORE(v, p) JOIN(vstore, LANES)(v, 0, p)
#define AS_VEC(x) JOIN(as_float, LANES)(x)
#define AS_INTS(x) JOIN(as_int, LANES)(x)
#define TO_VEC(x) JOIN(convert_float, LANES)(x)
#define TO_INTS(x) JOIN(convert_int, LANES)(x)
#define LOAD_HALF(p) JOIN(vload_half, LANES)(0, (GLOBAL const half *)(p))
#endif

// Without cl_khr_fp16 and with no bfloat16 anywhere, of these only the bits are known.
typedef ushort half_bits;
typedef ushort bfloat_bits;
typedef char signed_byte;

FUNCTION float float_of_bits(uint bits) { return as_float(bits); }
FUNCTION uint bits_of_float(float x) { return as_uint(x); }
FUNCTION float float_of_half(GLOBAL const half_bits *p, long index) {
    return vload_half(index, (GLOBAL const half *)p);
}
FUNCTION void store_half(float x, GLOBAL half_bits *p, long index) { vstore_half_rte(x, index, (GLOBAL half *)p); }
FUNCTION float float_of_half_bits(half_bits bits) { return vload_half(0, (const half *)&bits); }
FUNCTION half_bits half_bits_of_float(float x) {
    half_bits result;
    vstore_half_rte(x, 0, (half *)&result);
    return result;
}
FUNCTION float rounded_to_even(float x) { return rint(x); }
