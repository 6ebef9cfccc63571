#ifndef CUDA_SHIM_H
#define CUDA_SHIM_H

// The part of NVIDIA's driver interface and of NVRTC that we call, declared here so that building needs no toolkit.
// `.ci/check-declarations` compares every line of it with the real headers.

#include <stddef.h>
#include <stdint.h>

#include "CUBLASLtShim.h"

#pragma clang assume_nonnull begin

typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct _nvrtcProgram *nvrtcProgram;

// MARK: Constants: our name, the vendor's, the value

#define CUDA_STATUSES(X) \
    X(cudaSuccess, CUDA_SUCCESS, 0) \
    X(cudaOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY, 2) \
    X(cudaNotInitialized, CUDA_ERROR_NOT_INITIALIZED, 3) \
    X(cudaNoDevice, CUDA_ERROR_NO_DEVICE, 100) \
    X(cudaInvalidDevice, CUDA_ERROR_INVALID_DEVICE, 101) \
    X(cudaInvalidImage, CUDA_ERROR_INVALID_IMAGE, 200) \
    X(cudaNoBinaryForDevice, CUDA_ERROR_NO_BINARY_FOR_GPU, 209) \
    X(cudaInvalidPTX, CUDA_ERROR_INVALID_PTX, 218) \
    X(cudaUnsupportedPTXVersion, CUDA_ERROR_UNSUPPORTED_PTX_VERSION, 222) \
    X(cudaNotReady, CUDA_ERROR_NOT_READY, 600) \
    X(cudaIllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS, 700) \
    X(cudaLaunchOutOfResources, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 701) \
    X(cudaLaunchFailed, CUDA_ERROR_LAUNCH_FAILED, 719) \
    X(cudaNotSupported, CUDA_ERROR_NOT_SUPPORTED, 801) \
    X(cudaCaptureUnsupported, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, 900) \
    X(cudaCaptureInvalidated, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, 901)

#define CUDA_DEVICE_ATTRIBUTES(X) \
    X(cudaLargestGroupSize, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1) \
    X(cudaSharedMemoryByteCount, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 8) \
    X(cudaMultiprocessorCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 16) \
    X(cudaComputeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 75) \
    X(cudaComputeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 76)

#define CUDA_FUNCTION_ATTRIBUTES(X) \
    X(cudaLargestSharedByteCount, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 8)

#define CUDA_FLAGS(X) \
    X(cudaStreamNonBlocking, CU_STREAM_NON_BLOCKING, 1) \
    X(cudaEventDisableTiming, CU_EVENT_DISABLE_TIMING, 2) \
    X(cudaCaptureRelaxed, CU_STREAM_CAPTURE_MODE_RELAXED, 2)

#define CUDA_COMPILER_STATUSES(X) X(nvrtcSuccess, NVRTC_SUCCESS, 0)

#define CUDA_ENUMERATOR(name, vendorName, value) name = value,
enum CUDAStatus : uint32_t { CUDA_STATUSES(CUDA_ENUMERATOR) };
enum CUDADeviceAttribute : uint32_t { CUDA_DEVICE_ATTRIBUTES(CUDA_ENUMERATOR) };
enum CUDAFunctionAttribute : uint32_t { CUDA_FUNCTION_ATTRIBUTES(CUDA_ENUMERATOR) };
enum CUDAFlag : uint32_t { CUDA_FLAGS(CUDA_ENUMERATOR) };
enum CUDACompilerStatus : uint32_t { CUDA_COMPILER_STATUSES(CUDA_ENUMERATOR) };
#undef CUDA_ENUMERATOR

// MARK: Functions: result, name in the library, parameters

#define CUDA_FUNCTIONS(X) \
    X(uint32_t, cuInit, (unsigned flags)) \
    X(uint32_t, cuDriverGetVersion, (int *version)) \
    X(uint32_t, cuGetErrorName, (uint32_t status, const char *_Nullable *_Nonnull name)) \
    X(uint32_t, cuGetErrorString, (uint32_t status, const char *_Nullable *_Nonnull text)) \
    X(uint32_t, cuDeviceGetCount, (int *count)) \
    X(uint32_t, cuDeviceGet, (int *device, int index)) \
    X(uint32_t, cuDeviceGetName, (char *name, int capacity, int device)) \
    X(uint32_t, cuDeviceGetAttribute, (int *value, uint32_t attribute, int device)) \
    X(uint32_t, cuDeviceTotalMem_v2, (size_t *byteCount, int device)) \
    X(uint32_t, cuDevicePrimaryCtxRetain, (CUcontext _Nullable *_Nonnull context, int device)) \
    X(uint32_t, cuDevicePrimaryCtxRelease_v2, (int device)) \
    X(uint32_t, cuCtxSetCurrent, (CUcontext _Nullable context)) \
    X(uint32_t, cuStreamCreate, (CUstream _Nullable *_Nonnull stream, unsigned flags)) \
    X(uint32_t, cuStreamDestroy_v2, (CUstream stream)) \
    X(uint32_t, cuStreamSynchronize, (CUstream stream)) \
    X(uint32_t, cuEventCreate, (CUevent _Nullable *_Nonnull event, unsigned flags)) \
    X(uint32_t, cuEventDestroy_v2, (CUevent event)) \
    X(uint32_t, cuEventRecord, (CUevent event, CUstream stream)) \
    X(uint32_t, cuEventSynchronize, (CUevent event)) \
    X(uint32_t, cuMemAlloc_v2, (unsigned long long *address, size_t byteCount)) \
    X(uint32_t, cuMemFree_v2, (unsigned long long address)) \
    X(uint32_t, cuMemAllocHost_v2, (void *_Nullable *_Nonnull address, size_t byteCount)) \
    X(uint32_t, cuMemFreeHost, (void *address)) \
    X(uint32_t, cuMemcpyHtoDAsync_v2, \
        (unsigned long long target, const void *source, size_t byteCount, CUstream stream)) \
    X(uint32_t, cuMemcpyDtoHAsync_v2, (void *target, unsigned long long source, size_t byteCount, CUstream stream)) \
    X(uint32_t, cuMemcpyDtoDAsync_v2, \
        (unsigned long long target, unsigned long long source, size_t byteCount, CUstream stream)) \
    X(uint32_t, cuModuleLoadData, (CUmodule _Nullable *_Nonnull module, const void *image)) \
    X(uint32_t, cuModuleUnload, (CUmodule module)) \
    X(uint32_t, cuModuleGetFunction, (CUfunction _Nullable *_Nonnull function, CUmodule module, const char *name)) \
    X(uint32_t, cuFuncSetAttribute, (CUfunction function, uint32_t attribute, int value)) \
    X(uint32_t, cuLaunchKernel, \
        (CUfunction function, unsigned groupsX, unsigned groupsY, unsigned groupsZ, unsigned threadsX, \
            unsigned threadsY, unsigned threadsZ, unsigned sharedByteCount, CUstream _Nullable stream, \
            void *_Nullable *_Nullable arguments, void *_Nullable *_Nullable extra))

// Since CUDA 11.4; a driver without them has no graphs.
#define CUDA_GRAPH_FUNCTIONS(X) \
    X(uint32_t, cuStreamBeginCapture_v2, (CUstream stream, uint32_t mode)) \
    X(uint32_t, cuStreamEndCapture, (CUstream stream, CUgraph _Nullable *_Nonnull graph)) \
    X(uint32_t, cuGraphInstantiateWithFlags, \
        (CUgraphExec _Nullable *_Nonnull executable, CUgraph graph, unsigned long long flags)) \
    X(uint32_t, cuGraphLaunch, (CUgraphExec executable, CUstream stream)) \
    X(uint32_t, cuGraphExecDestroy, (CUgraphExec executable)) \
    X(uint32_t, cuGraphDestroy, (CUgraph graph))

#define NVRTC_FUNCTIONS(X) \
    X(uint32_t, nvrtcVersion, (int *major, int *minor)) \
    X(const char *_Nullable, nvrtcGetErrorString, (uint32_t status)) \
    X(uint32_t, nvrtcGetNumSupportedArchs, (int *count)) \
    X(uint32_t, nvrtcGetSupportedArchs, (int *architectures)) \
    X(uint32_t, nvrtcCreateProgram, \
        (nvrtcProgram _Nullable *_Nonnull program, const char *text, const char *_Nullable name, int headerCount, \
            const char *_Nullable const *_Nullable headers, const char *_Nullable const *_Nullable headerNames)) \
    X(uint32_t, nvrtcDestroyProgram, (nvrtcProgram _Nullable *_Nonnull program)) \
    X(uint32_t, nvrtcCompileProgram, \
        (nvrtcProgram program, int optionCount, const char *_Nullable const *_Nullable options)) \
    X(uint32_t, nvrtcGetPTXSize, (nvrtcProgram program, size_t *byteCount)) \
    X(uint32_t, nvrtcGetPTX, (nvrtcProgram program, char *text)) \
    X(uint32_t, nvrtcGetCUBINSize, (nvrtcProgram program, size_t *byteCount)) \
    X(uint32_t, nvrtcGetCUBIN, (nvrtcProgram program, char *image)) \
    X(uint32_t, nvrtcGetProgramLogSize, (nvrtcProgram program, size_t *byteCount)) \
    X(uint32_t, nvrtcGetProgramLog, (nvrtcProgram program, char *text))

#define CUDA_POINTER(result, name, parameters) result(*_Nonnull name) parameters;
#define CUDA_OPTIONAL_POINTER(result, name, parameters) result(*_Nullable name) parameters;
// The entries of libcuda, under their names there.
typedef struct CUDAFunctions {
    CUDA_FUNCTIONS(CUDA_POINTER)
    CUDA_GRAPH_FUNCTIONS(CUDA_OPTIONAL_POINTER)
    // Contexts, streams, events, modules, memory and graphs that live: made by the functions below. Atomic.
    int64_t liveObjectCount;
} CUDAFunctions;

// The entries of libnvrtc, under their names there.
typedef struct NVRTCFunctions {
    NVRTC_FUNCTIONS(CUDA_POINTER)
} NVRTCFunctions;
#undef CUDA_POINTER
#undef CUDA_OPTIONAL_POINTER

enum CUDALoadOutcome : int32_t {
    // `detail` is the file.
    cudaLoaded = 0,
    // `detail` is the loader's own message.
    cudaLibraryMissing,
    // `detail` is the function that the library lacks.
    cudaFunctionMissing,
};

// Open a library, which stays open if it has everything, and fill the table. `detail` says what was found or is
// missing.
enum CUDALoadOutcome cudaLoad(const char *path, CUDAFunctions *functions, const char *_Nullable *_Nonnull detail);
enum CUDALoadOutcome nvrtcLoad(const char *path, NVRTCFunctions *functions, const char *_Nullable *_Nonnull detail);
enum CUDALoadOutcome cublasLtLoad(
    const char *path, CUBLASLtFunctions *functions, const char *_Nullable *_Nonnull detail);

// MARK: Objects, counted. What succeeds makes one, or gives one back.

int64_t cudaLiveObjectCount(const CUDAFunctions *functions);

uint32_t cudaRetainContext(CUDAFunctions *functions, int device, CUcontext _Nullable *_Nonnull context);
uint32_t cudaCreateStream(CUDAFunctions *functions, CUstream _Nullable *_Nonnull stream);
uint32_t cudaCreateEvent(CUDAFunctions *functions, CUevent _Nullable *_Nonnull event);
uint32_t cudaLoadModule(CUDAFunctions *functions, const void *image, CUmodule _Nullable *_Nonnull module);
uint32_t cudaAllocate(CUDAFunctions *functions, size_t byteCount, unsigned long long *address);
uint32_t cudaAllocateHost(CUDAFunctions *functions, size_t byteCount, void *_Nullable *_Nonnull address);

int cudaHasGraphs(const CUDAFunctions *functions);
// `cudaNotSupported` without graphs.
uint32_t cudaBeginCapture(CUDAFunctions *functions, CUstream stream);
// Ends it in any case, and may give a graph even then when it fails.
uint32_t cudaEndCapture(CUDAFunctions *functions, CUstream stream, CUgraph _Nullable *_Nonnull graph);
uint32_t cudaInstantiate(CUDAFunctions *functions, CUgraph graph, CUgraphExec _Nullable *_Nonnull executable);
uint32_t cudaLaunchGraph(CUDAFunctions *functions, CUgraphExec executable, CUstream stream);

// A driver that fails to release an object still has it; nothing more can be done, so it counts as released.
void cudaReleaseContext(CUDAFunctions *functions, int device);
void cudaDestroyStream(CUDAFunctions *functions, CUstream stream);
void cudaDestroyEvent(CUDAFunctions *functions, CUevent event);
void cudaUnloadModule(CUDAFunctions *functions, CUmodule module);
void cudaFree(CUDAFunctions *functions, unsigned long long address);
void cudaFreeHost(CUDAFunctions *functions, void *address);
void cudaDestroyExecutable(CUDAFunctions *functions, CUgraphExec executable);
void cudaDestroyGraph(CUDAFunctions *functions, CUgraph graph);

#pragma clang assume_nonnull end

#endif
