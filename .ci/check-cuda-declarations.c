// Compiles only if Kernels/CUDA/include/CUDAShim.h says what NVIDIA's headers say.

#include <cuda.h>
#include <nvrtc.h>

#include "CUDAShim.h"

#define SAME_IN(table, name) \
    _Static_assert( \
        __builtin_types_compatible_p(__typeof__(&name), __typeof__(((table *)0)->name)), #name " is declared otherwise");
#define SAME_DRIVER_FUNCTION(result, name, parameters) SAME_IN(CUDAFunctions, name)
#define SAME_COMPILER_FUNCTION(result, name, parameters) SAME_IN(NVRTCFunctions, name)
CUDA_FUNCTIONS(SAME_DRIVER_FUNCTION)
CUDA_GRAPH_FUNCTIONS(SAME_DRIVER_FUNCTION)
NVRTC_FUNCTIONS(SAME_COMPILER_FUNCTION)

#define SAME_CONSTANT(name, vendorName, value) \
    _Static_assert((long)vendorName == (long)name, #vendorName " has another value");
CUDA_STATUSES(SAME_CONSTANT)
CUDA_DEVICE_ATTRIBUTES(SAME_CONSTANT)
CUDA_FLAGS(SAME_CONSTANT)
CUDA_COMPILER_STATUSES(SAME_CONSTANT)
