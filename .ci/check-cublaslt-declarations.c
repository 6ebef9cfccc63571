// Compiles only if Kernels/CUDA/include/CUBLASLtShim.h says what NVIDIA's headers say.

#include <cublasLt.h>

#define CUBLASLT_TYPES_ARE_NVIDIAS
#include "CUBLASLtShim.h"

#define SAME_FUNCTION(result, name, parameters) \
    _Static_assert( \
        __builtin_types_compatible_p(__typeof__(&name), __typeof__(((CUBLASLtFunctions *)0)->name)), \
        #name " is declared otherwise");
CUBLASLT_FUNCTIONS(SAME_FUNCTION)

#define SAME_CONSTANT(name, vendorName, value) \
    _Static_assert((long)vendorName == (long)name, #vendorName " has another value");
CUBLASLT_STATUSES(SAME_CONSTANT)
CUBLASLT_CONSTANTS(SAME_CONSTANT)

#define SAME_FIELD(ours, theirs) \
    _Static_assert( \
        offsetof(CUBLASLtHeuristic, ours) == offsetof(cublasLtMatmulHeuristicResult_t, theirs) \
            && sizeof(((CUBLASLtHeuristic *)0)->ours) == sizeof(((cublasLtMatmulHeuristicResult_t *)0)->theirs), \
        #theirs " lies elsewhere");
SAME_FIELD(algorithm, algo)
SAME_FIELD(workspaceByteCount, workspaceSize)
SAME_FIELD(status, state)
SAME_FIELD(waveCount, wavesCount)
SAME_FIELD(reserved, reserved)
_Static_assert(sizeof(CUBLASLtHeuristic) == sizeof(cublasLtMatmulHeuristicResult_t), "another size");
