#include "OpenCLShim.h"

#include <dlfcn.h>
#include <stdatomic.h>
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
            return openCLFunctionMissing;
        }
        memcpy((char *)functions + entries[index].offset, &address, sizeof(address));
    }
    return openCLLoaded;
}

// MARK: Objects, counted

static _Atomic int64_t liveObjectCount;

int64_t openCLLiveObjectCount(void) {
    return liveObjectCount;
}

static void *counted(void *object) {
    if (object) liveObjectCount++;
    return object;
}

static int32_t countedEvent(int32_t status, cl_event *event) {
    if (status != openCLSuccess) *event = NULL;
    counted(*event);
    return status;
}

cl_context openCLCreateContext(
    const OpenCLFunctions *functions, cl_platform_id platform, cl_device_id device, int32_t *status) {
    intptr_t properties[] = {openCLContextPlatform, (intptr_t)platform, 0};
    return counted(functions->clCreateContext(properties, 1, &device, NULL, NULL, status));
}

cl_command_queue openCLCreateQueue(
    const OpenCLFunctions *functions, cl_context context, cl_device_id device, int32_t *status) {
    return counted(functions->clCreateCommandQueue(context, device, 0, status));
}

cl_mem openCLCreateBuffer(const OpenCLFunctions *functions, cl_context context, size_t byteCount, int32_t *status) {
    return counted(functions->clCreateBuffer(context, openCLMemoryReadWrite, byteCount, NULL, status));
}

cl_program openCLCreateProgramFromSource(
    const OpenCLFunctions *functions, cl_context context, const char *text, size_t byteCount, int32_t *status) {
    return counted(functions->clCreateProgramWithSource(context, 1, &text, &byteCount, status));
}

cl_program openCLCreateProgramFromBinary(
    const OpenCLFunctions *functions, cl_context context, cl_device_id device, const unsigned char *binary,
    size_t byteCount, int32_t *status) {
    int32_t binaryStatus = openCLSuccess;
    cl_program program = functions->clCreateProgramWithBinary(
        context, 1, &device, &byteCount, &binary, &binaryStatus, status);
    return counted(program);
}

cl_kernel openCLCreateKernel(
    const OpenCLFunctions *functions, cl_program program, const char *name, int32_t *status) {
    return counted(functions->clCreateKernel(program, name, status));
}

int32_t openCLEnqueueKernel(
    const OpenCLFunctions *functions, cl_command_queue queue, cl_kernel kernel, const size_t globalSizes[3],
    const size_t localSizes[3], cl_event *event) {
    *event = NULL;
    int32_t status =
        functions->clEnqueueNDRangeKernel(queue, kernel, 3, NULL, globalSizes, localSizes, 0, NULL, event);
    return countedEvent(status, event);
}

int32_t openCLEnqueueUpload(
    const OpenCLFunctions *functions, cl_command_queue queue, cl_mem target, const void *bytes, size_t byteCount,
    cl_event *event) {
    *event = NULL;
    int32_t status =
        functions->clEnqueueWriteBuffer(queue, target, openCLFalse, 0, byteCount, bytes, 0, NULL, event);
    return countedEvent(status, event);
}

int32_t openCLEnqueueCopy(
    const OpenCLFunctions *functions, cl_command_queue queue, cl_mem source, cl_mem target, size_t targetOffset,
    size_t byteCount, cl_event *event) {
    *event = NULL;
    int32_t status =
        functions->clEnqueueCopyBuffer(queue, source, target, 0, targetOffset, byteCount, 0, NULL, event);
    return countedEvent(status, event);
}

#define OPENCL_RELEASE(shimName, name, type) \
    void shimName(const OpenCLFunctions *functions, type object) { \
        functions->name(object); \
        liveObjectCount--; \
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
