#include "OpenCLShim.h"

#include <dlfcn.h>
#include <string.h>

// MARK: Loading

static const struct {
    const char *name;
    size_t offset;
} entries[] = {
#define OPENCL_ENTRY(result, name, parameters) {#name, offsetof(OpenCLFunctions, name)},
    OPENCL_FUNCTIONS(OPENCL_ENTRY)
};

enum OpenCLLoadOutcome openCLLoad(const char *path, OpenCLFunctions *functions, const char **detail) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        *detail = dlerror();
        return openCLLibraryMissing;
    }
    for (size_t index = 0; index < sizeof(entries) / sizeof(entries[0]); index++) {
        void *address = dlsym(library, entries[index].name);
        if (!address) {
            *detail = entries[index].name;
            dlclose(library);
            return openCLFunctionMissing;
        }
        memcpy((char *)functions + entries[index].offset, &address, sizeof(address));
    }
    functions->liveObjectCount = 0;
    return openCLLoaded;
}

// MARK: Objects, counted

int64_t openCLLiveObjectCount(const OpenCLFunctions *functions) {
    return __atomic_load_n(&functions->liveObjectCount, __ATOMIC_RELAXED);
}

static void count(OpenCLFunctions *functions, int64_t change) {
    __atomic_fetch_add(&functions->liveObjectCount, change, __ATOMIC_RELAXED);
}

static void *counted(OpenCLFunctions *functions, void *object) {
    if (object) count(functions, 1);
    return object;
}

static int32_t countedEvent(OpenCLFunctions *functions, int32_t status, cl_event *event) {
    if (status != openCLSuccess) *event = NULL;
    counted(functions, *event);
    return status;
}

cl_context openCLCreateContext(
    OpenCLFunctions *functions, cl_platform_id platform, cl_device_id device, int32_t *status) {
    intptr_t properties[] = {openCLContextPlatform, (intptr_t)platform, 0};
    return counted(functions, functions->clCreateContext(properties, 1, &device, NULL, NULL, status));
}

cl_command_queue openCLCreateQueue(
    OpenCLFunctions *functions, cl_context context, cl_device_id device, int32_t *status) {
    return counted(functions, functions->clCreateCommandQueue(context, device, 0, status));
}

cl_mem openCLCreateBuffer(OpenCLFunctions *functions, cl_context context, size_t byteCount, int32_t *status) {
    return counted(functions, functions->clCreateBuffer(context, openCLMemoryReadWrite, byteCount, NULL, status));
}

cl_program openCLCreateProgramFromSource(
    OpenCLFunctions *functions, cl_context context, const char *text, size_t byteCount, int32_t *status) {
    return counted(functions, functions->clCreateProgramWithSource(context, 1, &text, &byteCount, status));
}

cl_program openCLCreateProgramFromBinary(
    OpenCLFunctions *functions, cl_context context, cl_device_id device, const unsigned char *binary,
    size_t byteCount, int32_t *status) {
    int32_t binaryStatus = openCLSuccess;
    cl_program program = functions->clCreateProgramWithBinary(
        context, 1, &device, &byteCount, &binary, &binaryStatus, status);
    return counted(functions, program);
}

cl_kernel openCLCreateKernel(
    OpenCLFunctions *functions, cl_program program, const char *name, int32_t *status) {
    return counted(functions, functions->clCreateKernel(program, name, status));
}

int32_t openCLEnqueueKernel(
    OpenCLFunctions *functions, cl_command_queue queue, cl_kernel kernel, const size_t globalSizes[3],
    const size_t localSizes[3], cl_event *event) {
    *event = NULL;
    int32_t status =
        functions->clEnqueueNDRangeKernel(queue, kernel, 3, NULL, globalSizes, localSizes, 0, NULL, event);
    return countedEvent(functions, status, event);
}

int32_t openCLEnqueueUpload(
    OpenCLFunctions *functions, cl_command_queue queue, cl_mem target, const void *bytes, size_t byteCount,
    cl_event *event) {
    *event = NULL;
    int32_t status =
        functions->clEnqueueWriteBuffer(queue, target, openCLFalse, 0, byteCount, bytes, 0, NULL, event);
    return countedEvent(functions, status, event);
}

int32_t openCLEnqueueCopy(
    OpenCLFunctions *functions, cl_command_queue queue, cl_mem source, cl_mem target, size_t targetOffset,
    size_t byteCount, cl_event *event) {
    *event = NULL;
    int32_t status =
        functions->clEnqueueCopyBuffer(queue, source, target, 0, targetOffset, byteCount, 0, NULL, event);
    return countedEvent(functions, status, event);
}

#define OPENCL_RELEASE(shimName, name, type) \
    void shimName(OpenCLFunctions *functions, type object) { \
        functions->name(object); \
        count(functions, -1); \
    }
OPENCL_RELEASE(openCLReleaseContext, clReleaseContext, cl_context)
OPENCL_RELEASE(openCLReleaseQueue, clReleaseCommandQueue, cl_command_queue)
OPENCL_RELEASE(openCLReleaseBuffer, clReleaseMemObject, cl_mem)
OPENCL_RELEASE(openCLReleaseProgram, clReleaseProgram, cl_program)
OPENCL_RELEASE(openCLReleaseKernel, clReleaseKernel, cl_kernel)
OPENCL_RELEASE(openCLReleaseEvent, clReleaseEvent, cl_event)

// MARK: Names

const char *openCLStatusName(int32_t status) {
    switch (status) {
#define OPENCL_CASE(name, standardName, value) \
    case value: \
        return #standardName;
        OPENCL_STATUSES(OPENCL_CASE)
        OPENCL_LOADER_STATUSES(OPENCL_CASE)
    default:
        return NULL;
    }
}
