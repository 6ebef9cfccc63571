#include "FakeOpenCL.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// MARK: State

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FakeOpenCLSettings settings;
static int64_t callCount, commandCount, compilationCount, objectCount, waitingCount, longestQueue;
static size_t usedByteCount;
static const char *failedCall;

FakeOpenCLSettings fakeOpenCLDefaults(void) {
    return (FakeOpenCLSettings){
        .platformCount = 1,
        .deviceCount = 1,
        .deviceTypes = {openCLDeviceTypeGPU, openCLDeviceTypeGPU, openCLDeviceTypeGPU, openCLDeviceTypeGPU},
        .isAvailable = 1,
        .hasCompiler = 1,
    };
}

void fakeOpenCLReset(FakeOpenCLSettings new) {
    pthread_mutex_lock(&lock);
    settings = new;
    callCount = commandCount = compilationCount = longestQueue = 0;
    failedCall = NULL;
    pthread_mutex_unlock(&lock);
}

static int64_t locked(const int64_t *value) {
    pthread_mutex_lock(&lock);
    int64_t copy = *value;
    pthread_mutex_unlock(&lock);
    return copy;
}
int64_t fakeOpenCLCallCount(void) { return locked(&callCount); }
int64_t fakeOpenCLCommandCount(void) { return locked(&commandCount); }
int64_t fakeOpenCLCompilationCount(void) { return locked(&compilationCount); }
int64_t fakeOpenCLLongestQueue(void) { return locked(&longestQueue); }
int64_t fakeOpenCLObjectCount(void) { return locked(&objectCount); }
const char *fakeOpenCLFailedCall(void) { return failedCall; }

static void unlock(pthread_mutex_t **held) { pthread_mutex_unlock(*held); }

// Whether this call is the one to fail. From here to the end of the function the caller holds the lock.
static bool fails(const char *name) {
    if (++callCount != settings.failingCall) return false;
    failedCall = name;
    return true;
}
#define BEGIN(failure) \
    pthread_mutex_lock(&lock); \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *held = &lock; \
    if (fails(__func__ + strlen("fake_"))) return failure
#define BEGIN_MAKING() \
    pthread_mutex_lock(&lock); \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *held = &lock; \
    if (fails(__func__ + strlen("fake_"))) return refused(settings.status, status)

static void *refused(int32_t reason, int32_t *status) {
    if (status) *status = reason;
    return NULL;
}

// MARK: Objects

enum Kind { CONTEXT = 1, QUEUE, MEMORY, PROGRAM, KERNEL_OBJECT, EVENT };

// What lies behind all of the standard's tags.
typedef struct Object {
    enum Kind kind;
    int32_t references;
    // Of buffers and programs.
    char *bytes;
    size_t byteCount;
    bool isBuilt, isBinary;
    // Of a queue: what waits.
    struct Command *first;
    // Of an event: how far it is, and whose it is.
    int32_t status;
    struct Object *queue;
} Object;

typedef struct Command {
    struct Command *next;
    Object *event;
    // Buffers that must stay until it is done.
    Object *held[2];
    void *target;
    const void *source;
    size_t byteCount;
    bool isBad;
} Command;

static void *made(enum Kind kind, int32_t *status) {
    Object *object = calloc(1, sizeof(Object));
    if (!object) return refused(openCLOutOfHostMemory, status);
    object->kind = kind;
    object->references = 1;
    objectCount++;
    if (status) *status = openCLSuccess;
    return object;
}

static bool is(void *pointer, enum Kind kind) {
    return pointer && ((Object *)pointer)->kind == kind && ((Object *)pointer)->references > 0;
}

static Object *retain(Object *object) {
    if (object) object->references++;
    return object;
}

static void release(Object *object) {
    if (!object || --object->references > 0) return;
    release(object->queue);
    if (object->kind == MEMORY) usedByteCount -= object->byteCount;
    free(object->bytes);
    object->kind = 0;
    free(object);
    objectCount--;
}

// MARK: Queues

static void runAll(Object *queue) {
    retain(queue);
    while (queue->first) {
        Command *command = queue->first;
        queue->first = command->next;
        waitingCount--;
        if (!command->isBad && command->byteCount > 0) {
            memmove(command->target, command->source, command->byteCount);
        }
        command->event->status = command->isBad ? settings.status : openCLComplete;
        release(command->event);
        release(command->held[0]);
        release(command->held[1]);
        free(command);
    }
    release(queue);
}

// Takes a command, whose event starts as CL_QUEUED.
static int32_t enqueue(Object *queue, Command command, cl_event *result) {
    int32_t status;
    Object *event = made(EVENT, &status);
    Command *copy = calloc(1, sizeof(Command));
    if (!event || !copy) abort();
    event->status = 3;
    event->queue = retain(queue);
    *copy = command;
    copy->event = event;
    copy->isBad = ++commandCount == settings.failingCommand;
    retain(copy->held[0]);
    retain(copy->held[1]);
    Command **last = &queue->first;
    while (*last) last = &(*last)->next;
    *last = copy;
    if (++waitingCount > longestQueue) longestQueue = waitingCount;
    if (result) *result = (cl_event)retain(event);
    return openCLSuccess;
}

static bool fits(Object *memory, size_t offset, size_t byteCount) {
    return is(memory, MEMORY) && offset <= memory->byteCount && byteCount <= memory->byteCount - offset;
}

// MARK: Values

static int32_t give(const void *value, size_t byteCount, size_t capacity, void *target, size_t *size) {
    if (size) *size = byteCount;
    if (target && capacity < byteCount) return openCLInvalidValue;
    if (target) memcpy(target, value, byteCount);
    return openCLSuccess;
}

static int32_t giveText(const char *text, size_t capacity, void *target, size_t *size) {
    return give(text, strlen(text) + 1, capacity, target, size);
}

#define GIVE(type, expression) \
    do { \
        type value_ = (expression); \
        return give(&value_, sizeof(value_), capacity, value, byteCount); \
    } while (0)

// MARK: Platforms and devices

static char platforms[8], devices[8][4];

static int32_t fake_clGetPlatformIDs(uint32_t capacity, cl_platform_id *list, uint32_t *count) {
    BEGIN(settings.status);
    if (settings.platformCount == 0) return openCLPlatformNotFound;
    if (count) *count = settings.platformCount;
    for (uint32_t index = 0; list && index < capacity && index < settings.platformCount; index++) {
        list[index] = (cl_platform_id)&platforms[index];
    }
    return openCLSuccess;
}

static int32_t fake_clGetPlatformInfo(
    cl_platform_id platform, uint32_t name, size_t capacity, void *value, size_t *byteCount) {
    BEGIN(settings.status);
    if (!platform) return openCLInvalidPlatform;
    return giveText(name == openCLPlatformVersion ? "OpenCL 1.2 fake" : "Fake platform ", capacity, value, byteCount);
}

static int32_t fake_clGetDeviceIDs(
    cl_platform_id platform, uint64_t type, uint32_t capacity, cl_device_id *list, uint32_t *count) {
    BEGIN(settings.status);
    if (!platform || type != openCLDeviceTypeAll) return openCLInvalidPlatform;
    if (settings.deviceCount == 0) return openCLDeviceNotFound;
    if (count) *count = settings.deviceCount;
    for (uint32_t index = 0; list && index < capacity && index < settings.deviceCount; index++) {
        list[index] = (cl_device_id)&devices[(char *)platform - platforms][index];
    }
    return openCLSuccess;
}

static int32_t fake_clGetDeviceInfo(
    cl_device_id device, uint32_t name, size_t capacity, void *value, size_t *byteCount) {
    BEGIN(settings.status);
    switch (name) {
    case openCLDeviceType:
        GIVE(uint64_t, settings.deviceTypes[((char *)device - devices[0]) % 4]);
    case openCLDeviceComputeUnitCount:
        GIVE(uint32_t, 4);
    case openCLDeviceFloatVectorWidth:
        GIVE(uint32_t, 32);
    case openCLDeviceLargestGroupSize:
        GIVE(size_t, 256);
    case openCLDeviceLargestBlockByteCount:
    case openCLDeviceMemoryByteCount:
        GIVE(uint64_t, 1 << 30);
    case openCLDeviceLocalMemoryByteCount:
        GIVE(uint64_t, 1 << 16);
    case openCLDeviceSingleFloatConfiguration:
        GIVE(uint64_t, openCLCorrectlyRoundedDivision);
    case openCLDeviceIsAvailable:
        GIVE(uint32_t, settings.isAvailable);
    case openCLDeviceHasCompiler:
        GIVE(uint32_t, settings.hasCompiler);
    case openCLDeviceName:
        return giveText("Fake device", capacity, value, byteCount);
    default:
        return giveText("1", capacity, value, byteCount);
    }
}

// MARK: Contexts, queues, buffers

static cl_context fake_clCreateContext(
    const intptr_t *properties, uint32_t deviceCount, const cl_device_id *list,
    void (*notify)(const char *, const void *, size_t, void *), void *userData, int32_t *status) {
    BEGIN_MAKING();
    if (!properties || properties[0] != openCLContextPlatform || deviceCount != 1 || !list[0]) {
        return refused(openCLInvalidValue, status);
    }
    return made(CONTEXT, status);
}

static cl_command_queue fake_clCreateCommandQueue(
    cl_context context, cl_device_id device, uint64_t properties, int32_t *status) {
    BEGIN_MAKING();
    if (!is(context, CONTEXT) || properties != 0) return refused(openCLInvalidContext, status);
    return made(QUEUE, status);
}

static cl_mem fake_clCreateBuffer(
    cl_context context, uint64_t flags, size_t byteCount, void *host, int32_t *status) {
    BEGIN_MAKING();
    if (!is(context, CONTEXT)) return refused(openCLInvalidContext, status);
    if (byteCount == 0 || byteCount > (size_t)1 << 30) return refused(openCLInvalidBufferSize, status);
    if (settings.memoryByteCount && usedByteCount + byteCount > settings.memoryByteCount) {
        return refused(openCLMemoryAllocationFailure, status);
    }
    Object *memory = made(MEMORY, status);
    memory->bytes = calloc(1, byteCount);
    memory->byteCount = byteCount;
    usedByteCount += byteCount;
    return (cl_mem)memory;
}

// A release that is made to fail releases all the same: the caller can do no more about it.
#define RELEASE(name, type, objectKind) \
    static int32_t fake_##name(type object) { \
        pthread_mutex_lock(&lock); \
        __attribute__((cleanup(unlock), unused)) pthread_mutex_t *held = &lock; \
        bool isFailing = fails(#name); \
        if (!is(object, objectKind)) return openCLInvalidValue; \
        if (objectKind == QUEUE) runAll((Object *)object); \
        release((Object *)object); \
        return isFailing ? settings.status : openCLSuccess; \
    }
RELEASE(clReleaseContext, cl_context, CONTEXT)
RELEASE(clReleaseCommandQueue, cl_command_queue, QUEUE)
RELEASE(clReleaseMemObject, cl_mem, MEMORY)
RELEASE(clReleaseProgram, cl_program, PROGRAM)
RELEASE(clReleaseKernel, cl_kernel, KERNEL_OBJECT)
RELEASE(clReleaseEvent, cl_event, EVENT)

// MARK: Programs

static cl_program program(const void *bytes, size_t byteCount, bool isBinary, int32_t *status) {
    Object *object = made(PROGRAM, status);
    object->bytes = malloc(byteCount + 1);
    memcpy(object->bytes, bytes, byteCount);
    object->byteCount = byteCount;
    object->isBinary = isBinary;
    return (cl_program)object;
}

static cl_program fake_clCreateProgramWithSource(
    cl_context context, uint32_t count, const char **texts, const size_t *byteCounts, int32_t *status) {
    BEGIN_MAKING();
    if (!is(context, CONTEXT) || count != 1 || !byteCounts) return refused(openCLInvalidValue, status);
    return program(texts[0], byteCounts[0], false, status);
}

static const char binaryTitle[] = "fake binary";

static cl_program fake_clCreateProgramWithBinary(
    cl_context context, uint32_t deviceCount, const cl_device_id *list, const size_t *byteCounts,
    const unsigned char **binaries, int32_t *binaryStatuses, int32_t *status) {
    BEGIN_MAKING();
    bool isOurs = byteCounts[0] == sizeof(binaryTitle) && memcmp(binaries[0], binaryTitle, sizeof(binaryTitle)) == 0;
    if (!isOurs || settings.refusesBinaries) return refused(openCLInvalidBinary, status);
    return program(binaries[0], byteCounts[0], true, status);
}

static int32_t fake_clBuildProgram(
    cl_program program, uint32_t deviceCount, const cl_device_id *list, const char *options,
    void (*notify)(cl_program, void *), void *userData) {
    BEGIN(settings.status);
    if (!is(program, PROGRAM)) return openCLInvalidProgram;
    if (strstr(options, "-DWRONG=1")) return openCLBuildProgramFailure;
    Object *object = (Object *)program;
    object->isBuilt = true;
    if (!object->isBinary) compilationCount++;
    return openCLSuccess;
}

static int32_t fake_clGetProgramInfo(
    cl_program program, uint32_t name, size_t capacity, void *value, size_t *byteCount) {
    BEGIN(settings.status);
    if (!is(program, PROGRAM) || !((Object *)program)->isBuilt) return openCLInvalidProgram;
    if (name == openCLProgramBinarySizes) GIVE(size_t, sizeof(binaryTitle));
    if (name != openCLProgramBinaries || capacity != sizeof(void *)) return openCLInvalidValue;
    memcpy(*(void **)value, binaryTitle, sizeof(binaryTitle));
    return openCLSuccess;
}

static int32_t fake_clGetProgramBuildInfo(
    cl_program program, cl_device_id device, uint32_t name, size_t capacity, void *value, size_t *byteCount) {
    BEGIN(settings.status);
    return giveText("Portable/Rows.cl:7: error: no such thing\n", capacity, value, byteCount);
}

static cl_kernel fake_clCreateKernel(cl_program program, const char *name, int32_t *status) {
    BEGIN_MAKING();
    if (!is(program, PROGRAM) || !((Object *)program)->isBuilt) {
        return refused(openCLInvalidProgramExecutable, status);
    }
    return made(KERNEL_OBJECT, status);
}

static int32_t fake_clSetKernelArg(cl_kernel kernel, uint32_t index, size_t byteCount, const void *value) {
    BEGIN(settings.status);
    return is(kernel, KERNEL_OBJECT) ? openCLSuccess : openCLInvalidKernel;
}

// MARK: Commands

static int32_t fake_clEnqueueNDRangeKernel(
    cl_command_queue queue, cl_kernel kernel, uint32_t axisCount, const size_t *offsets, const size_t *globalSizes,
    const size_t *localSizes, uint32_t waitCount, const cl_event *waitList, cl_event *event) {
    BEGIN(settings.status);
    if (!is(queue, QUEUE) || !is(kernel, KERNEL_OBJECT)) return openCLInvalidKernel;
    for (uint32_t axis = 0; axis < axisCount; axis++) {
        if (localSizes[axis] == 0 || globalSizes[axis] % localSizes[axis] != 0) return openCLInvalidGroupSize;
    }
    return enqueue((Object *)queue, (Command){0}, event);
}

static int32_t enqueueCopy(Object *queue, Command command, bool isBlocking, cl_event *event) {
    if (!is(queue, QUEUE) || !is(command.held[0], MEMORY)) return openCLInvalidBuffer;
    if (command.byteCount == 0) return openCLInvalidValue;
    int32_t status = enqueue(queue, command, event);
    if (!isBlocking) return status;
    runAll(queue);
    return commandCount == settings.failingCommand ? settings.status : status;
}

static int32_t fake_clEnqueueWriteBuffer(
    cl_command_queue queue, cl_mem memory, uint32_t isBlocking, size_t offset, size_t byteCount, const void *bytes,
    uint32_t waitCount, const cl_event *waitList, cl_event *event) {
    BEGIN(settings.status);
    Object *target = (Object *)memory;
    if (!fits(target, offset, byteCount)) return openCLInvalidValue;
    Command command = {
        .held = {target}, .target = target->bytes + offset, .source = bytes, .byteCount = byteCount};
    return enqueueCopy((Object *)queue, command, isBlocking, event);
}

static int32_t fake_clEnqueueReadBuffer(
    cl_command_queue queue, cl_mem memory, uint32_t isBlocking, size_t offset, size_t byteCount, void *bytes,
    uint32_t waitCount, const cl_event *waitList, cl_event *event) {
    BEGIN(settings.status);
    Object *source = (Object *)memory;
    if (!fits(source, offset, byteCount)) return openCLInvalidValue;
    Command command = {
        .held = {source}, .target = bytes, .source = source->bytes + offset, .byteCount = byteCount};
    return enqueueCopy((Object *)queue, command, isBlocking, event);
}

static int32_t fake_clEnqueueCopyBuffer(
    cl_command_queue queue, cl_mem from, cl_mem to, size_t sourceOffset, size_t targetOffset, size_t byteCount,
    uint32_t waitCount, const cl_event *waitList, cl_event *event) {
    BEGIN(settings.status);
    Object *source = (Object *)from, *target = (Object *)to;
    if (!fits(source, sourceOffset, byteCount) || !fits(target, targetOffset, byteCount)) return openCLInvalidValue;
    Command command = {
        .held = {source, target}, .target = target->bytes + targetOffset, .source = source->bytes + sourceOffset,
        .byteCount = byteCount};
    return enqueueCopy((Object *)queue, command, false, event);
}

static int32_t fake_clGetEventInfo(
    cl_event event, uint32_t name, size_t capacity, void *value, size_t *byteCount) {
    BEGIN(settings.status);
    if (!is(event, EVENT) || name != openCLEventExecutionStatus) return openCLInvalidEvent;
    GIVE(int32_t, ((Object *)event)->status);
}

static int32_t fake_clWaitForEvents(uint32_t count, const cl_event *events) {
    BEGIN(settings.status);
    for (uint32_t index = 0; index < count; index++) {
        if (!is(events[index], EVENT)) return openCLInvalidEvent;
        runAll(((Object *)events[index])->queue);
    }
    return openCLSuccess;
}

static int32_t fake_clFlush(cl_command_queue queue) {
    BEGIN(settings.status);
    return is(queue, QUEUE) ? openCLSuccess : openCLInvalidCommandQueue;
}

static int32_t fake_clFinish(cl_command_queue queue) {
    BEGIN(settings.status);
    if (!is(queue, QUEUE)) return openCLInvalidCommandQueue;
    runAll((Object *)queue);
    return openCLSuccess;
}

OpenCLFunctions fakeOpenCLFunctions(void) {
    return (OpenCLFunctions){
#define OPENCL_FAKE(result, name, parameters) .name = fake_##name,
        OPENCL_FUNCTIONS(OPENCL_FAKE)
    };
}
