// For dladdr.
#define _GNU_SOURCE
#include "CUDAShim.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

// MARK: Loading

typedef struct {
    const char *name;
    size_t offset;
    // Whether the library may do without.
    bool isOptional;
} Entry;

static const Entry driverEntries[] = {
#define CUDA_ENTRY(result, name, parameters) {#name, offsetof(CUDAFunctions, name)},
#define CUDA_OPTIONAL_ENTRY(result, name, parameters) {#name, offsetof(CUDAFunctions, name), true},
    CUDA_FUNCTIONS(CUDA_ENTRY)
    CUDA_GRAPH_FUNCTIONS(CUDA_OPTIONAL_ENTRY)
};

static const Entry compilerEntries[] = {
#define NVRTC_ENTRY(result, name, parameters) {#name, offsetof(NVRTCFunctions, name)},
    NVRTC_FUNCTIONS(NVRTC_ENTRY)
};

static const Entry productEntries[] = {
#define CUBLASLT_ENTRY(result, name, parameters) {#name, offsetof(CUBLASLtFunctions, name)},
    CUBLASLT_FUNCTIONS(CUBLASLT_ENTRY)
};

static enum CUDALoadOutcome load(
    const char *path, const Entry *entries, size_t count, void *functions, const char **detail) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        *detail = dlerror();
        return cudaLibraryMissing;
    }
    for (size_t index = 0; index < count; index++) {
        void *address = dlsym(library, entries[index].name);
        if (!address && !entries[index].isOptional) {
            *detail = entries[index].name;
            dlclose(library);
            return cudaFunctionMissing;
        }
        memcpy((char *)functions + entries[index].offset, &address, sizeof(address));
        if (!address) continue;
        Dl_info information;
        *detail = dladdr(address, &information) && information.dli_fname ? information.dli_fname : path;
    }
    return cudaLoaded;
}

enum CUDALoadOutcome cudaLoad(const char *path, CUDAFunctions *functions, const char **detail) {
    functions->liveObjectCount = 0;
    return load(path, driverEntries, sizeof(driverEntries) / sizeof(Entry), functions, detail);
}

enum CUDALoadOutcome nvrtcLoad(const char *path, NVRTCFunctions *functions, const char **detail) {
    return load(path, compilerEntries, sizeof(compilerEntries) / sizeof(Entry), functions, detail);
}

enum CUDALoadOutcome cublasLtLoad(const char *path, CUBLASLtFunctions *functions, const char **detail) {
    return load(path, productEntries, sizeof(productEntries) / sizeof(Entry), functions, detail);
}

// MARK: Objects, counted

int64_t cudaLiveObjectCount(const CUDAFunctions *functions) {
    return __atomic_load_n(&functions->liveObjectCount, __ATOMIC_RELAXED);
}

static void count(CUDAFunctions *functions, int64_t change) {
    __atomic_fetch_add(&functions->liveObjectCount, change, __ATOMIC_RELAXED);
}

static uint32_t counted(CUDAFunctions *functions, uint32_t status) {
    if (status == cudaSuccess) count(functions, 1);
    return status;
}

uint32_t cudaRetainContext(CUDAFunctions *functions, int device, CUcontext *context) {
    return counted(functions, functions->cuDevicePrimaryCtxRetain(context, device));
}

uint32_t cudaCreateStream(CUDAFunctions *functions, CUstream *stream) {
    return counted(functions, functions->cuStreamCreate(stream, cudaStreamNonBlocking));
}

uint32_t cudaCreateEvent(CUDAFunctions *functions, CUevent *event) {
    return counted(functions, functions->cuEventCreate(event, cudaEventDisableTiming));
}

uint32_t cudaLoadModule(CUDAFunctions *functions, const void *image, CUmodule *module) {
    return counted(functions, functions->cuModuleLoadData(module, image));
}

uint32_t cudaAllocate(CUDAFunctions *functions, size_t byteCount, unsigned long long *address) {
    return counted(functions, functions->cuMemAlloc_v2(address, byteCount));
}

uint32_t cudaAllocateHost(CUDAFunctions *functions, size_t byteCount, void **address) {
    return counted(functions, functions->cuMemAllocHost_v2(address, byteCount));
}

#define CUDA_RELEASE(shimName, name, type) \
    void shimName(CUDAFunctions *functions, type object) { \
        functions->name(object); \
        count(functions, -1); \
    }
CUDA_RELEASE(cudaReleaseContext, cuDevicePrimaryCtxRelease_v2, int)
CUDA_RELEASE(cudaDestroyStream, cuStreamDestroy_v2, CUstream)
CUDA_RELEASE(cudaDestroyEvent, cuEventDestroy_v2, CUevent)
CUDA_RELEASE(cudaUnloadModule, cuModuleUnload, CUmodule)
CUDA_RELEASE(cudaFree, cuMemFree_v2, unsigned long long)
CUDA_RELEASE(cudaFreeHost, cuMemFreeHost, void *)
CUDA_RELEASE(cudaDestroyExecutable, cuGraphExecDestroy, CUgraphExec)
CUDA_RELEASE(cudaDestroyGraph, cuGraphDestroy, CUgraph)

// MARK: Graphs

int cudaHasGraphs(const CUDAFunctions *functions) {
#define CUDA_IS_THERE(result, name, parameters) && functions->name
    return 1 CUDA_GRAPH_FUNCTIONS(CUDA_IS_THERE);
}

// The pool may need memory meanwhile, which other modes forbid.
uint32_t cudaBeginCapture(CUDAFunctions *functions, CUstream stream) {
    if (!cudaHasGraphs(functions)) return cudaNotSupported;
    return functions->cuStreamBeginCapture_v2(stream, cudaCaptureRelaxed);
}

uint32_t cudaEndCapture(CUDAFunctions *functions, CUstream stream, CUgraph *graph) {
    *graph = NULL;
    uint32_t status = functions->cuStreamEndCapture(stream, graph);
    if (*graph) count(functions, 1);
    return status;
}

uint32_t cudaInstantiate(CUDAFunctions *functions, CUgraph graph, CUgraphExec *executable) {
    return counted(functions, functions->cuGraphInstantiateWithFlags(executable, graph, 0));
}

uint32_t cudaLaunchGraph(CUDAFunctions *functions, CUgraphExec executable, CUstream stream) {
    return functions->cuGraphLaunch(executable, stream);
}
