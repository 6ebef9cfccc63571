// Compiles only if Kernels/OpenCL/include/OpenCLShim.h says what Khronos' headers say. Types that both name must be the
// same for a compiler to take both.

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include "OpenCLShim.h"

#define SAME_FUNCTION(result, name, parameters) \
    _Static_assert( \
        __builtin_types_compatible_p(__typeof__(&name), __typeof__(((OpenCLFunctions *)0)->name)), \
        #name " is declared otherwise");
OPENCL_FUNCTIONS(SAME_FUNCTION)

#define SAME_CONSTANT(name, standardName, value) \
    _Static_assert((long long)standardName == (long long)name, #standardName " has another value");
OPENCL_PLATFORM_INFO(SAME_CONSTANT)
OPENCL_DEVICE_INFO(SAME_CONSTANT)
OPENCL_PROGRAM_INFO(SAME_CONSTANT)
OPENCL_BUILD_INFO(SAME_CONSTANT)
OPENCL_EVENT_INFO(SAME_CONSTANT)
OPENCL_CONTEXT_PROPERTIES(SAME_CONSTANT)
OPENCL_DEVICE_TYPES(SAME_CONSTANT)
OPENCL_FLAGS(SAME_CONSTANT)
OPENCL_EVENT_STATUSES(SAME_CONSTANT)
OPENCL_STATUSES(SAME_CONSTANT)
OPENCL_LOADER_STATUSES(SAME_CONSTANT)

// What values of the queries are stored in.
#define SAME_SIZE(name, type) _Static_assert(sizeof(name) == sizeof(type), #name " has another size");
SAME_SIZE(cl_bool, uint32_t)
SAME_SIZE(cl_uint, uint32_t)
SAME_SIZE(cl_ulong, uint64_t)
SAME_SIZE(cl_device_type, uint64_t)
SAME_SIZE(cl_device_fp_config, uint64_t)
SAME_SIZE(cl_context_properties, intptr_t)
