#ifndef CUBLASLT_SHIM_H
#define CUBLASLT_SHIM_H

// The part of NVIDIA's cuBLASLt that we call. `.ci/check-declarations` compares it with the real header, whose types
// are defined already where CUBLASLT_TYPES_ARE_NVIDIAS is.

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct CUstream_st *CUstream;

// What cublasLtMatmulAlgoGetHeuristic writes: an algorithm, and what it needs.
typedef struct CUBLASLtHeuristic {
    struct {
        uint64_t data[8];
    } algorithm;
    size_t workspaceByteCount;
    uint32_t status;
    float waveCount;
    int reserved[4];
} CUBLASLtHeuristic;

#ifndef CUBLASLT_TYPES_ARE_NVIDIAS
typedef struct cublasLtContext *cublasLtHandle_t;
typedef struct CUBLASLtProductDescription *cublasLtMatmulDesc_t;
typedef struct CUBLASLtLayout *cublasLtMatrixLayout_t;
typedef struct CUBLASLtPreference *cublasLtMatmulPreference_t;
typedef CUBLASLtHeuristic cublasLtMatmulHeuristicResult_t;
typedef void cublasLtMatmulAlgo_t;
#endif

// MARK: Constants: our name, the vendor's, the value

#define CUBLASLT_STATUSES(X) \
    X(cublasSuccess, CUBLAS_STATUS_SUCCESS, 0) \
    X(cublasNotInitialized, CUBLAS_STATUS_NOT_INITIALIZED, 1) \
    X(cublasOutOfMemory, CUBLAS_STATUS_ALLOC_FAILED, 3) \
    X(cublasInvalidValue, CUBLAS_STATUS_INVALID_VALUE, 7) \
    X(cublasArchitectureMismatch, CUBLAS_STATUS_ARCH_MISMATCH, 8) \
    X(cublasExecutionFailed, CUBLAS_STATUS_EXECUTION_FAILED, 13) \
    X(cublasInternalError, CUBLAS_STATUS_INTERNAL_ERROR, 14) \
    X(cublasNotSupported, CUBLAS_STATUS_NOT_SUPPORTED, 15)

#define CUBLASLT_CONSTANTS(X) \
    X(cublasFloat32, CUDA_R_32F, 0) \
    X(cublasFloat16, CUDA_R_16F, 2) \
    X(cublasBFloat16, CUDA_R_16BF, 14) \
    X(cublasComputeFloat32, CUBLAS_COMPUTE_32F, 68) \
    X(cublasComputeTF32, CUBLAS_COMPUTE_32F_FAST_TF32, 77) \
    X(cublasNotTransposed, CUBLAS_OP_N, 0) \
    X(cublasTransposed, CUBLAS_OP_T, 1) \
    X(cublasLtTransposeA, CUBLASLT_MATMUL_DESC_TRANSA, 3) \
    X(cublasLtTransposeB, CUBLASLT_MATMUL_DESC_TRANSB, 4) \
    X(cublasLtEpilogue, CUBLASLT_MATMUL_DESC_EPILOGUE, 7) \
    X(cublasLtBiasPointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER, 8) \
    X(cublasLtEpilogueNone, CUBLASLT_EPILOGUE_DEFAULT, 1) \
    X(cublasLtEpilogueBias, CUBLASLT_EPILOGUE_BIAS, 4) \
    X(cublasLtLargestWorkspace, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, 1)

#define CUBLASLT_ENUMERATOR(name, vendorName, value) name = value,
enum CUBLASStatus : uint32_t { CUBLASLT_STATUSES(CUBLASLT_ENUMERATOR) };
enum CUBLASLtConstant : uint32_t { CUBLASLT_CONSTANTS(CUBLASLT_ENUMERATOR) };
#undef CUBLASLT_ENUMERATOR

// MARK: Functions: result, name in the library, parameters

#define CUBLASLT_FUNCTIONS(X) \
    X(size_t, cublasLtGetVersion, (void)) \
    X(uint32_t, cublasLtCreate, (cublasLtHandle_t _Nullable *_Nonnull handle)) \
    X(uint32_t, cublasLtDestroy, (cublasLtHandle_t handle)) \
    X(uint32_t, cublasLtMatmulDescCreate, \
        (cublasLtMatmulDesc_t _Nullable *_Nonnull description, uint32_t computeType, uint32_t scaleType)) \
    X(uint32_t, cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t description)) \
    X(uint32_t, cublasLtMatmulDescSetAttribute, \
        (cublasLtMatmulDesc_t description, uint32_t attribute, const void *value, size_t byteCount)) \
    X(uint32_t, cublasLtMatrixLayoutCreate, \
        (cublasLtMatrixLayout_t _Nullable *_Nonnull layout, uint32_t type, uint64_t rows, uint64_t columns, \
            int64_t leadingDimension)) \
    X(uint32_t, cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t layout)) \
    X(uint32_t, cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t _Nullable *_Nonnull preference)) \
    X(uint32_t, cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t preference)) \
    X(uint32_t, cublasLtMatmulPreferenceSetAttribute, \
        (cublasLtMatmulPreference_t preference, uint32_t attribute, const void *value, size_t byteCount)) \
    X(uint32_t, cublasLtMatmulAlgoGetHeuristic, \
        (cublasLtHandle_t handle, cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a, \
            cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d, \
            cublasLtMatmulPreference_t preference, int wantedCount, cublasLtMatmulHeuristicResult_t *results, \
            int *count)) \
    X(uint32_t, cublasLtMatmul, \
        (cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void *alpha, const void *a, \
            cublasLtMatrixLayout_t aLayout, const void *b, cublasLtMatrixLayout_t bLayout, const void *beta, \
            const void *c, cublasLtMatrixLayout_t cLayout, void *d, cublasLtMatrixLayout_t dLayout, \
            const cublasLtMatmulAlgo_t *_Nullable algorithm, void *_Nullable workspace, size_t workspaceByteCount, \
            CUstream stream))

// The entries of libcublasLt, under their names there.
#define CUBLASLT_POINTER(result, name, parameters) result(*_Nonnull name) parameters;
typedef struct CUBLASLtFunctions {
    CUBLASLT_FUNCTIONS(CUBLASLT_POINTER)
} CUBLASLtFunctions;
#undef CUBLASLT_POINTER

#pragma clang assume_nonnull end

#endif
