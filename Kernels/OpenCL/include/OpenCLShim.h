#ifndef OPENCL_SHIM_H
#define OPENCL_SHIM_H

// The part of OpenCL 1.2 that we call, declared here so that building needs no OpenCL headers.
// `.ci/check-declarations` compares every line of it with the real ones.

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct _cl_platform_id *cl_platform_id;
typedef struct _cl_device_id *cl_device_id;
typedef struct _cl_context *cl_context;
typedef struct _cl_command_queue *cl_command_queue;
typedef struct _cl_mem *cl_mem;
typedef struct _cl_program *cl_program;
typedef struct _cl_kernel *cl_kernel;
typedef struct _cl_event *cl_event;

// MARK: Constants: our name, the standard's, the value

#define OPENCL_PLATFORM_INFO(X) \
    X(openCLPlatformVersion, CL_PLATFORM_VERSION, 0x0901) \
    X(openCLPlatformName, CL_PLATFORM_NAME, 0x0902) \
    X(openCLPlatformVendor, CL_PLATFORM_VENDOR, 0x0903)

#define OPENCL_DEVICE_INFO(X) \
    X(openCLDeviceType, CL_DEVICE_TYPE, 0x1000) \
    X(openCLDeviceComputeUnitCount, CL_DEVICE_MAX_COMPUTE_UNITS, 0x1002) \
    X(openCLDeviceLargestGroupSize, CL_DEVICE_MAX_WORK_GROUP_SIZE, 0x1004) \
    X(openCLDeviceLargestBlockByteCount, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 0x1010) \
    X(openCLDeviceSingleFloatConfiguration, CL_DEVICE_SINGLE_FP_CONFIG, 0x101B) \
    X(openCLDeviceMemoryByteCount, CL_DEVICE_GLOBAL_MEM_SIZE, 0x101F) \
    X(openCLDeviceLocalMemoryByteCount, CL_DEVICE_LOCAL_MEM_SIZE, 0x1023) \
    X(openCLDeviceIsAvailable, CL_DEVICE_AVAILABLE, 0x1027) \
    X(openCLDeviceHasCompiler, CL_DEVICE_COMPILER_AVAILABLE, 0x1028) \
    X(openCLDeviceName, CL_DEVICE_NAME, 0x102B) \
    X(openCLDeviceVendor, CL_DEVICE_VENDOR, 0x102C) \
    X(openCLDriverVersion, CL_DRIVER_VERSION, 0x102D) \
    X(openCLDeviceVersion, CL_DEVICE_VERSION, 0x102F) \
    X(openCLDeviceFloatVectorWidth, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, 0x103A)

#define OPENCL_PROGRAM_INFO(X) \
    X(openCLProgramBinarySizes, CL_PROGRAM_BINARY_SIZES, 0x1165) \
    X(openCLProgramBinaries, CL_PROGRAM_BINARIES, 0x1166)

#define OPENCL_BUILD_INFO(X) X(openCLBuildLog, CL_PROGRAM_BUILD_LOG, 0x1183)
#define OPENCL_EVENT_INFO(X) X(openCLEventExecutionStatus, CL_EVENT_COMMAND_EXECUTION_STATUS, 0x11D3)
#define OPENCL_CONTEXT_PROPERTIES(X) X(openCLContextPlatform, CL_CONTEXT_PLATFORM, 0x1084)

#define OPENCL_DEVICE_TYPES(X) \
    X(openCLDeviceTypeCPU, CL_DEVICE_TYPE_CPU, 1 << 1) \
    X(openCLDeviceTypeGPU, CL_DEVICE_TYPE_GPU, 1 << 2) \
    X(openCLDeviceTypeAccelerator, CL_DEVICE_TYPE_ACCELERATOR, 1 << 3) \
    X(openCLDeviceTypeAll, CL_DEVICE_TYPE_ALL, 0xFFFFFFFF)

#define OPENCL_FLAGS(X) \
    X(openCLCorrectlyRoundedDivision, CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT, 1 << 7) \
    X(openCLMemoryReadWrite, CL_MEM_READ_WRITE, 1 << 0) \
    X(openCLTrue, CL_TRUE, 1) \
    X(openCLFalse, CL_FALSE, 0)

// An event's execution status is greater than this before it is complete, and negative when its command failed.
#define OPENCL_EVENT_STATUSES(X) X(openCLComplete, CL_COMPLETE, 0)

// All that the calls below can give.
#define OPENCL_STATUSES(X) \
    X(openCLSuccess, CL_SUCCESS, 0) \
    X(openCLDeviceNotFound, CL_DEVICE_NOT_FOUND, -1) \
    X(openCLDeviceNotAvailable, CL_DEVICE_NOT_AVAILABLE, -2) \
    X(openCLCompilerNotAvailable, CL_COMPILER_NOT_AVAILABLE, -3) \
    X(openCLMemoryAllocationFailure, CL_MEM_OBJECT_ALLOCATION_FAILURE, -4) \
    X(openCLOutOfResources, CL_OUT_OF_RESOURCES, -5) \
    X(openCLOutOfHostMemory, CL_OUT_OF_HOST_MEMORY, -6) \
    X(openCLOverlappingCopy, CL_MEM_COPY_OVERLAP, -8) \
    X(openCLBuildProgramFailure, CL_BUILD_PROGRAM_FAILURE, -11) \
    X(openCLMisalignedOffset, CL_MISALIGNED_SUB_BUFFER_OFFSET, -13) \
    X(openCLWaitedEventFailed, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14) \
    X(openCLInvalidValue, CL_INVALID_VALUE, -30) \
    X(openCLInvalidPlatform, CL_INVALID_PLATFORM, -32) \
    X(openCLInvalidDevice, CL_INVALID_DEVICE, -33) \
    X(openCLInvalidContext, CL_INVALID_CONTEXT, -34) \
    X(openCLInvalidQueueProperties, CL_INVALID_QUEUE_PROPERTIES, -35) \
    X(openCLInvalidCommandQueue, CL_INVALID_COMMAND_QUEUE, -36) \
    X(openCLInvalidHostPointer, CL_INVALID_HOST_PTR, -37) \
    X(openCLInvalidBuffer, CL_INVALID_MEM_OBJECT, -38) \
    X(openCLInvalidBinary, CL_INVALID_BINARY, -42) \
    X(openCLInvalidBuildOptions, CL_INVALID_BUILD_OPTIONS, -43) \
    X(openCLInvalidProgram, CL_INVALID_PROGRAM, -44) \
    X(openCLInvalidProgramExecutable, CL_INVALID_PROGRAM_EXECUTABLE, -45) \
    X(openCLInvalidKernelName, CL_INVALID_KERNEL_NAME, -46) \
    X(openCLInvalidKernelDefinition, CL_INVALID_KERNEL_DEFINITION, -47) \
    X(openCLInvalidKernel, CL_INVALID_KERNEL, -48) \
    X(openCLInvalidArgumentIndex, CL_INVALID_ARG_INDEX, -49) \
    X(openCLInvalidArgumentValue, CL_INVALID_ARG_VALUE, -50) \
    X(openCLInvalidArgumentSize, CL_INVALID_ARG_SIZE, -51) \
    X(openCLInvalidKernelArguments, CL_INVALID_KERNEL_ARGS, -52) \
    X(openCLInvalidAxisCount, CL_INVALID_WORK_DIMENSION, -53) \
    X(openCLInvalidGroupSize, CL_INVALID_WORK_GROUP_SIZE, -54) \
    X(openCLInvalidItemSize, CL_INVALID_WORK_ITEM_SIZE, -55) \
    X(openCLInvalidGlobalOffset, CL_INVALID_GLOBAL_OFFSET, -56) \
    X(openCLInvalidWaitList, CL_INVALID_EVENT_WAIT_LIST, -57) \
    X(openCLInvalidEvent, CL_INVALID_EVENT, -58) \
    X(openCLInvalidOperation, CL_INVALID_OPERATION, -59) \
    X(openCLInvalidBufferSize, CL_INVALID_BUFFER_SIZE, -61) \
    X(openCLInvalidGlobalSize, CL_INVALID_GLOBAL_WORK_SIZE, -63) \
    X(openCLInvalidProperty, CL_INVALID_PROPERTY, -64)

// The loader's own status, from its extension's header: no driver is installed.
#define OPENCL_LOADER_STATUSES(X) X(openCLPlatformNotFound, CL_PLATFORM_NOT_FOUND_KHR, -1001)

#define OPENCL_ENUMERATOR(name, standardName, value) name = value,
enum OpenCLPlatformInfo : uint32_t { OPENCL_PLATFORM_INFO(OPENCL_ENUMERATOR) };
enum OpenCLDeviceInfo : uint32_t { OPENCL_DEVICE_INFO(OPENCL_ENUMERATOR) };
enum OpenCLProgramInfo : uint32_t { OPENCL_PROGRAM_INFO(OPENCL_ENUMERATOR) };
enum OpenCLBuildInfo : uint32_t { OPENCL_BUILD_INFO(OPENCL_ENUMERATOR) };
enum OpenCLEventInfo : uint32_t { OPENCL_EVENT_INFO(OPENCL_ENUMERATOR) };
enum OpenCLContextProperty : intptr_t { OPENCL_CONTEXT_PROPERTIES(OPENCL_ENUMERATOR) };
enum OpenCLDeviceType : uint64_t { OPENCL_DEVICE_TYPES(OPENCL_ENUMERATOR) };
enum OpenCLFlag : uint64_t { OPENCL_FLAGS(OPENCL_ENUMERATOR) };
enum OpenCLEventStatus : int32_t { OPENCL_EVENT_STATUSES(OPENCL_ENUMERATOR) };
enum OpenCLStatus : int32_t { OPENCL_STATUSES(OPENCL_ENUMERATOR) OPENCL_LOADER_STATUSES(OPENCL_ENUMERATOR) };
#undef OPENCL_ENUMERATOR

// The standard's name of a status; NULL for one that is none of the above.
const char *_Nullable openCLStatusName(int32_t status);

// MARK: Functions: result, name, parameters

#define OPENCL_FUNCTIONS(X) \
    X(int32_t, clGetPlatformIDs, \
        (uint32_t capacity, cl_platform_id _Nullable *_Nullable platforms, uint32_t *_Nullable count)) \
    X(int32_t, clGetPlatformInfo, \
        (cl_platform_id _Nullable platform, uint32_t name, size_t capacity, void *_Nullable value, \
            size_t *_Nullable byteCount)) \
    X(int32_t, clGetDeviceIDs, \
        (cl_platform_id _Nullable platform, uint64_t type, uint32_t capacity, \
            cl_device_id _Nullable *_Nullable devices, uint32_t *_Nullable count)) \
    X(int32_t, clGetDeviceInfo, \
        (cl_device_id device, uint32_t name, size_t capacity, void *_Nullable value, size_t *_Nullable byteCount)) \
    X(cl_context _Nullable, clCreateContext, \
        (const intptr_t *_Nullable properties, uint32_t deviceCount, const cl_device_id _Nullable *_Nonnull devices, \
            void (*_Nullable notify)(const char *_Nullable, const void *_Nullable, size_t, void *_Nullable), \
            void *_Nullable userData, int32_t *_Nullable status)) \
    X(int32_t, clReleaseContext, (cl_context context)) \
    X(cl_command_queue _Nullable, clCreateCommandQueue, \
        (cl_context context, cl_device_id device, uint64_t properties, int32_t *_Nullable status)) \
    X(int32_t, clReleaseCommandQueue, (cl_command_queue queue)) \
    X(cl_mem _Nullable, clCreateBuffer, \
        (cl_context context, uint64_t flags, size_t byteCount, void *_Nullable host, int32_t *_Nullable status)) \
    X(int32_t, clReleaseMemObject, (cl_mem memory)) \
    X(cl_program _Nullable, clCreateProgramWithSource, \
        (cl_context context, uint32_t count, const char *_Nullable *_Nonnull texts, \
            const size_t *_Nullable byteCounts, int32_t *_Nullable status)) \
    X(cl_program _Nullable, clCreateProgramWithBinary, \
        (cl_context context, uint32_t deviceCount, const cl_device_id _Nullable *_Nonnull devices, \
            const size_t *byteCounts, const unsigned char *_Nullable *_Nonnull binaries, \
            int32_t *_Nullable binaryStatuses, int32_t *_Nullable status)) \
    X(int32_t, clReleaseProgram, (cl_program program)) \
    X(int32_t, clBuildProgram, \
        (cl_program program, uint32_t deviceCount, const cl_device_id _Nullable *_Nullable devices, \
            const char *_Nullable options, void (*_Nullable notify)(cl_program _Nullable, void *_Nullable), \
            void *_Nullable userData)) \
    X(int32_t, clGetProgramInfo, \
        (cl_program program, uint32_t name, size_t capacity, void *_Nullable value, size_t *_Nullable byteCount)) \
    X(int32_t, clGetProgramBuildInfo, \
        (cl_program program, cl_device_id device, uint32_t name, size_t capacity, void *_Nullable value, \
            size_t *_Nullable byteCount)) \
    X(cl_kernel _Nullable, clCreateKernel, (cl_program program, const char *name, int32_t *_Nullable status)) \
    X(int32_t, clReleaseKernel, (cl_kernel kernel)) \
    X(int32_t, clSetKernelArg, (cl_kernel kernel, uint32_t index, size_t byteCount, const void *_Nullable value)) \
    X(int32_t, clEnqueueNDRangeKernel, \
        (cl_command_queue queue, cl_kernel kernel, uint32_t axisCount, const size_t *_Nullable offsets, \
            const size_t *globalSizes, const size_t *_Nullable localSizes, uint32_t waitCount, \
            const cl_event _Nullable *_Nullable waitList, cl_event _Nullable *_Nullable event)) \
    X(int32_t, clEnqueueWriteBuffer, \
        (cl_command_queue queue, cl_mem memory, uint32_t isBlocking, size_t offset, size_t byteCount, \
            const void *bytes, uint32_t waitCount, const cl_event _Nullable *_Nullable waitList, \
            cl_event _Nullable *_Nullable event)) \
    X(int32_t, clEnqueueReadBuffer, \
        (cl_command_queue queue, cl_mem memory, uint32_t isBlocking, size_t offset, size_t byteCount, void *bytes, \
            uint32_t waitCount, const cl_event _Nullable *_Nullable waitList, cl_event _Nullable *_Nullable event)) \
    X(int32_t, clEnqueueCopyBuffer, \
        (cl_command_queue queue, cl_mem source, cl_mem target, size_t sourceOffset, size_t targetOffset, \
            size_t byteCount, uint32_t waitCount, const cl_event _Nullable *_Nullable waitList, \
            cl_event _Nullable *_Nullable event)) \
    X(int32_t, clGetEventInfo, \
        (cl_event event, uint32_t name, size_t capacity, void *_Nullable value, size_t *_Nullable byteCount)) \
    X(int32_t, clWaitForEvents, (uint32_t count, const cl_event _Nullable *_Nonnull events)) \
    X(int32_t, clReleaseEvent, (cl_event event)) \
    X(int32_t, clFlush, (cl_command_queue queue)) \
    X(int32_t, clFinish, (cl_command_queue queue))

#define OPENCL_POINTER(result, name, parameters) result(*_Nonnull name) parameters;
// A library's entries, under the standard's names.
typedef struct OpenCLFunctions {
    OPENCL_FUNCTIONS(OPENCL_POINTER)
    // Contexts, queues, programs, kernels, buffers and events that live: made by the functions below. Atomic.
    int64_t liveObjectCount;
} OpenCLFunctions;
#undef OPENCL_POINTER

enum OpenCLLoadOutcome : int32_t {
    openCLLoaded = 0,
    // `detail` is the loader's own message.
    openCLLibraryMissing,
    // `detail` is the function that the library lacks.
    openCLFunctionMissing,
};

// Opens a library, which stays open, and fills the table. `detail` says what is missing.
enum OpenCLLoadOutcome openCLLoad(
    const char *path, OpenCLFunctions *functions, const char *_Nullable *_Nonnull detail);

// MARK: Objects, counted

int64_t openCLLiveObjectCount(const OpenCLFunctions *functions);

cl_context _Nullable openCLCreateContext(
    OpenCLFunctions *functions, cl_platform_id platform, cl_device_id device, int32_t *status);
cl_command_queue _Nullable openCLCreateQueue(
    OpenCLFunctions *functions, cl_context context, cl_device_id device, int32_t *status);
cl_mem _Nullable openCLCreateBuffer(
    OpenCLFunctions *functions, cl_context context, size_t byteCount, int32_t *status);
cl_program _Nullable openCLCreateProgramFromSource(
    OpenCLFunctions *functions, cl_context context, const char *text, size_t byteCount, int32_t *status);
cl_program _Nullable openCLCreateProgramFromBinary(
    OpenCLFunctions *functions, cl_context context, cl_device_id device, const unsigned char *binary,
    size_t byteCount, int32_t *status);
cl_kernel _Nullable openCLCreateKernel(
    OpenCLFunctions *functions, cl_program program, const char *name, int32_t *status);

// Each makes an event, unless it fails.
int32_t openCLEnqueueKernel(
    OpenCLFunctions *functions, cl_command_queue queue, cl_kernel kernel, const size_t globalSizes[_Nonnull 3],
    const size_t localSizes[_Nonnull 3], cl_event _Nullable *_Nonnull event);
// The bytes must stay until the event is complete.
int32_t openCLEnqueueUpload(
    OpenCLFunctions *functions, cl_command_queue queue, cl_mem target, const void *bytes, size_t byteCount,
    cl_event _Nullable *_Nonnull event);
int32_t openCLEnqueueCopy(
    OpenCLFunctions *functions, cl_command_queue queue, cl_mem source, cl_mem target, size_t targetOffset,
    size_t byteCount, cl_event _Nullable *_Nonnull event);

// A driver that fails to release an object still has it; nothing more can be done, so it counts as released.
void openCLReleaseContext(OpenCLFunctions *functions, cl_context context);
void openCLReleaseQueue(OpenCLFunctions *functions, cl_command_queue queue);
void openCLReleaseBuffer(OpenCLFunctions *functions, cl_mem buffer);
void openCLReleaseProgram(OpenCLFunctions *functions, cl_program program);
void openCLReleaseKernel(OpenCLFunctions *functions, cl_kernel kernel);
void openCLReleaseEvent(OpenCLFunctions *functions, cl_event event);

#pragma clang assume_nonnull end

#endif
