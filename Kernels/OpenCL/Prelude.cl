// The words of the portable kernels in OpenCL C 1.2.

#define KERNEL __kernel void
#define GLOBAL __global
#define LOCAL __local
#define FUNCTION inline

#define LOCAL_ID get_local_id(0)
#define LOCAL_COUNT get_local_size(0)
#define GROUP_X get_group_id(0)
#define GROUP_Y get_group_id(1)
#define GROUP_Z get_group_id(2)
#define GLOBAL_X get_global_id(0)
#define GLOBAL_SIZE_X get_global_size(0)
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)

#define FLOAT_OF_BITS(bits) as_float(bits)
#define BITS_OF_FLOAT(x) as_uint(x)

// Of storage types that have no arithmetic here, only the bits are known.
typedef ushort half_bits;
typedef ushort bfloat_bits;
