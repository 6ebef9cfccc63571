// For MAP_ANONYMOUS.
#define _GNU_SOURCE
#include "FakeCUDA.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// MARK: State

enum Kind {
    CONTEXT = 1, STREAM, EVENT, MEMORY, PINNED, MODULE, FUNCTION, PROGRAM, GRAPH, EXECUTABLE, PRODUCT_HANDLE, DESCRIPTION,
    LAYOUT, PREFERENCE
};

// What lies behind all handles. One that was released stays in the list, so that its use shows.
typedef struct Object {
    struct Object *next;
    enum Kind kind;
    bool isAlive;
    struct Object *context;
    // Of memory; of a function, what a group may share.
    char *bytes;
    size_t byteCount;
    // Of memory, what it lies in.
    char *pages;
    size_t pagesByteCount;
    // Of a context.
    int device, retainCount;
    uint32_t failure;
    // Of a stream: what waits, or was captured. Of graphs: what is in them.
    struct Command *first;
    bool isCapturing;
    // Of a stream: how many came, and ran. Of an event: how many had come when it was recorded.
    int64_t enqueuedCount, doneCount;
    // Of an event: the stream that it was recorded in last. Of a function: its module.
    struct Object *origin;
    // Of a program, whose text is in `bytes`.
    bool isPortable, isWrong, isCompiled;
    char *image, *log;
    size_t imageByteCount;
    // Of a module, what was loaded; of a function, its kernel.
    void *library;
    const void *kernel;
    // Of cuBLASLt's objects.
    uint64_t values[5];
} Object;

// A product of cuBLASLt: `d[m, n] = alpha · aᵀ · b + beta · c + bias`, by columns.
typedef struct Product {
    uint64_t type, dType, m, n, depth, aStep, bStep, dStep;
    const void *a, *b, *c;
    const float *bias;
    void *d;
    float alpha, beta;
} Product;

enum { largestArgumentCount = 24 };

typedef struct Command {
    struct Command *next;
    void *target;
    const void *source;
    size_t byteCount;
    bool isBad, isKernel;
    // What it uses: memory, a kernel's module.
    Object *uses[largestArgumentCount + 1];
    int useCount;
    // With a `d` where it is one.
    Product product;
    // Of a kernel that is run.
    const void *kernel;
    unsigned groups[3], threads;
    size_t sharedByteCount;
    uint64_t arguments[largestArgumentCount];
} Command;

enum { largestDeviceCount = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FakeCUDASettings settings;
static FakeCUDAKernels kernels;
static int64_t callCount, commandCount, compilationCount, objectCount, kernelCount, graphCount, heuristicCount,
    tf32Count;
static size_t usedByteCount;
static const char *failedCall;
static char misuseText[200];
static bool isInitialized;
static Object *objects, *primary[largestDeviceCount];
static _Thread_local Object *current;

FakeCUDASettings fakeCUDADefaults(void) {
    return (FakeCUDASettings){
        .deviceCount = 1,
        .capability = 90,
        .driverVersion = 12090,
        .compilerMajorVersion = 12,
        .status = cudaLaunchFailed,
        .compilerStatus = 6,
        .productLibraryVersion = 120901,
        .productStatus = cublasInternalError,
        .multiprocessorCount = 132,
    };
}

void fakeCUDASetKernels(FakeCUDAKernels new) { kernels = new; }

void fakeCUDAReset(FakeCUDASettings new) {
    pthread_mutex_lock(&lock);
    settings = new;
    callCount = commandCount = compilationCount = kernelCount = graphCount = heuristicCount = tf32Count = 0;
    failedCall = NULL;
    misuseText[0] = 0;
    isInitialized = false;
    for (Object **place = &objects; *place;) {
        Object *object = *place;
        if (object->isAlive || object == current) {
            place = &object->next;
            continue;
        }
        *place = object->next;
        free(object);
    }
    pthread_mutex_unlock(&lock);
}

#define GETTER(type, name, value) \
    type name(void) { \
        pthread_mutex_lock(&lock); \
        type copy = value; \
        pthread_mutex_unlock(&lock); \
        return copy; \
    }
GETTER(int64_t, fakeCUDACallCount, callCount)
GETTER(int64_t, fakeCUDACommandCount, commandCount)
GETTER(int64_t, fakeCUDACompilationCount, compilationCount)
GETTER(int64_t, fakeCUDAObjectCount, objectCount)
GETTER(int64_t, fakeCUDAKernelCount, kernelCount)
GETTER(int64_t, fakeCUDAGraphCount, graphCount)
GETTER(int64_t, fakeCUDAHeuristicCount, heuristicCount)
GETTER(int64_t, fakeCUDATF32Count, tf32Count)
GETTER(size_t, fakeCUDAUsedByteCount, usedByteCount)
GETTER(const char *, fakeCUDAFailedCall, failedCall)
GETTER(const char *, fakeCUDAMisuse, misuseText[0] ? misuseText : NULL)

static void unlock(pthread_mutex_t **held) { pthread_mutex_unlock(*held); }

static uint32_t misuse(const char *name, const char *what) {
    if (!misuseText[0]) snprintf(misuseText, sizeof(misuseText), "%s: %s", name, what);
    if (kernels.run) fprintf(stderr, "emulated GPU: %s: %s\n", name, what);
    return 1;
}

static bool fails(const char *name) {
    if (++callCount != settings.failingCall) return false;
    failedCall = name;
    return true;
}

#define NAME (__func__ + strlen("fake_"))
// From here to the end of the function the caller holds the lock.
#define LOCKED() \
    pthread_mutex_lock(&lock); \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *held = &lock
#define BEGIN() \
    LOCKED(); \
    if (fails(NAME)) return settings.status
#define BEGIN_COMPILER() \
    LOCKED(); \
    if (fails(NAME)) return settings.compilerStatus
#define NEEDS(condition, what) \
    if (!(condition)) return misuse(NAME, what)
// A context whose kernel failed gives that failure from then on.
#define BEGIN_IN_CONTEXT() \
    BEGIN(); \
    NEEDS(current && current->isAlive, "no context is current"); \
    if (current->failure) return current->failure

// MARK: Objects

static Object *made(enum Kind kind) {
    Object *object = calloc(1, sizeof(Object));
    if (!object) abort();
    *object = (Object){.next = objects, .kind = kind, .isAlive = true, .context = current};
    objects = object;
    objectCount++;
    return object;
}

static void end(Object *object) {
    object->isAlive = false;
    if (object->kind == MEMORY) usedByteCount -= object->byteCount;
    if (object->library) kernels.unload(object->library);
    if (object->pages) {
        munmap(object->pages, object->pagesByteCount);
    } else {
        free(object->bytes);
    }
    free(object->image);
    free(object->log);
    object->bytes = object->image = object->log = NULL;
    while (object->first) {
        Command *command = object->first;
        object->first = command->next;
        free(command);
    }
    objectCount--;
}

static bool is(const void *handle, enum Kind kind) {
    const Object *object = handle;
    return object && object->kind == kind && object->isAlive && (kind == PROGRAM || object->context == current);
}

// The live allocation that has these bytes.
static Object *holder(const void *address, size_t byteCount, enum Kind kind) {
    for (Object *object = objects; object; object = object->next) {
        size_t offset = (size_t)((const char *)address - object->bytes);
        if (object->kind == kind && object->isAlive && object->context == current && offset <= object->byteCount
            && byteCount <= object->byteCount - offset) {
            return object;
        }
    }
    return NULL;
}

static void multiply(const Product *product);

// MARK: Streams

static void runKernel(Object *context, const Command *command) {
    const char *fault = kernels.run(
        command->kernel, command->groups, command->threads, command->sharedByteCount, command->arguments);
    if (!fault) return;
    misuse("a kernel", fault);
    context->failure = cudaLaunchFailed;
}

static void runUntil(Object *stream, int64_t count) {
    while (stream->first && stream->doneCount < count) {
        Command *command = stream->first;
        stream->first = command->next;
        stream->doneCount++;
        if (command->isBad) stream->context->failure = settings.status;
        if (!stream->context->failure && command->isKernel) kernelCount++;
        if (!stream->context->failure && command->kernel) runKernel(stream->context, command);
        if (!stream->context->failure && command->product.d) multiply(&command->product);
        if (!stream->context->failure && command->byteCount > 0) {
            memmove(command->target, command->source, command->byteCount);
        }
        free(command);
    }
}

static void runAll(Object *stream) { runUntil(stream, INT64_MAX); }

static void runContext(Object *context) {
    for (Object *object = objects; object; object = object->next) {
        bool runs = object->kind == STREAM && object->isAlive && !object->isCapturing;
        if (runs && object->context == context) runAll(object);
    }
}

static void enqueue(Object *stream, Command command) {
    Command *copy = malloc(sizeof(Command));
    if (!copy) abort();
    *copy = command;
    copy->next = NULL;
    // What is captured isn't queued yet.
    copy->isBad = !stream->isCapturing && ++commandCount == settings.failingCommand;
    if (!stream->isCapturing) stream->enqueuedCount++;
    Command **last = &stream->first;
    while (*last) last = &(*last)->next;
    *last = copy;
}

// MARK: Driver

static uint32_t fake_cuInit(unsigned flags) {
    BEGIN();
    if (settings.deviceCount == 0) return cudaNoDevice;
    isInitialized = true;
    return flags;
}

static uint32_t fake_cuDriverGetVersion(int *version) {
    BEGIN();
    *version = (int)settings.driverVersion;
    return cudaSuccess;
}

// These two are not counted: they are called after something failed.
static uint32_t fake_cuGetErrorName(uint32_t status, const char **name) {
    switch (status) {
#define CUDA_NAME(ours, vendors, value) case value: *name = #vendors; return cudaSuccess;
        CUDA_STATUSES(CUDA_NAME)
    default: return 1;
    }
}

static uint32_t fake_cuGetErrorString(uint32_t status, const char **text) {
    *text = "as the fake was told";
    return cudaSuccess;
}

static uint32_t fake_cuDeviceGetCount(int *count) {
    BEGIN();
    NEEDS(isInitialized, "before cuInit");
    *count = (int)settings.deviceCount;
    return cudaSuccess;
}

static uint32_t fake_cuDeviceGet(int *device, int index) {
    BEGIN();
    if (index < 0 || index >= (int)settings.deviceCount) return cudaInvalidDevice;
    *device = index;
    return cudaSuccess;
}

static uint32_t fake_cuDeviceGetName(char *name, int capacity, int device) {
    BEGIN();
    snprintf(name, (size_t)capacity, "Fake GPU %d", device);
    return cudaSuccess;
}

static uint32_t fake_cuDeviceGetAttribute(int *value, uint32_t attribute, int device) {
    BEGIN();
    switch (attribute) {
    case cudaLargestGroupSize: *value = 1024; break;
    case cudaSharedMemoryByteCount: *value = 48 << 10; break;
    case cudaMultiprocessorCount: *value = (int)settings.multiprocessorCount; break;
    case cudaComputeCapabilityMajor: *value = (int)settings.capability / 10; break;
    case cudaComputeCapabilityMinor: *value = (int)settings.capability % 10; break;
    default: *value = 1;
    }
    return cudaSuccess;
}

static uint32_t fake_cuDeviceTotalMem_v2(size_t *byteCount, int device) {
    BEGIN();
    *byteCount = (size_t)1 << 30;
    return cudaSuccess;
}

static uint32_t fake_cuDevicePrimaryCtxRetain(CUcontext *context, int device) {
    BEGIN();
    NEEDS(isInitialized && device >= 0 && device < largestDeviceCount, "no such device");
    if (!primary[device]) {
        primary[device] = made(CONTEXT);
        primary[device]->device = device;
    }
    primary[device]->retainCount++;
    *context = (CUcontext)primary[device];
    return cudaSuccess;
}

// A release that is made to fail releases all the same: the caller can do no more about it.
static uint32_t fake_cuDevicePrimaryCtxRelease_v2(int device) {
    LOCKED();
    bool isFailing = fails(NAME);
    NEEDS(device >= 0 && device < largestDeviceCount && primary[device], "was not retained");
    Object *context = primary[device];
    if (--context->retainCount > 0) return isFailing ? settings.status : cudaSuccess;
    for (Object *object = objects; object; object = object->next) {
        bool isTied = object->kind != CONTEXT && object->kind != PROGRAM && object->kind != FUNCTION;
        if (object->isAlive && object->context == context && isTied) {
            misuse(NAME, "objects of the context were not released");
        }
    }
    primary[device] = NULL;
    end(context);
    return isFailing ? settings.status : cudaSuccess;
}

static uint32_t fake_cuCtxSetCurrent(CUcontext context) {
    BEGIN();
    Object *object = (Object *)context;
    NEEDS(!object || (object->kind == CONTEXT && object->isAlive), "not a context");
    current = object;
    return cudaSuccess;
}

static uint32_t fake_cuStreamCreate(CUstream *stream, unsigned flags) {
    BEGIN_IN_CONTEXT();
    NEEDS(flags == cudaStreamNonBlocking, "waits for the default stream");
    *stream = (CUstream)made(STREAM);
    return cudaSuccess;
}

static uint32_t fake_cuEventCreate(CUevent *event, unsigned flags) {
    BEGIN_IN_CONTEXT();
    *event = (CUevent)made(EVENT);
    return cudaSuccess;
}

// Waiting fails only because what is waited for has failed.
static uint32_t waitFor(const char *name, Object *stream, int64_t count) {
    if (stream->isCapturing) {
        misuse(name, "nothing that is captured ends");
        return cudaCaptureUnsupported;
    }
    if (fails(name)) current->failure = settings.status;
    runUntil(stream, count);
    return current->failure;
}

static uint32_t fake_cuStreamSynchronize(CUstream stream) {
    LOCKED();
    NEEDS(current && current->isAlive && is(stream, STREAM), "not a stream of this context");
    return waitFor(NAME, (Object *)stream, INT64_MAX);
}

static uint32_t fake_cuEventRecord(CUevent event, CUstream stream) {
    BEGIN_IN_CONTEXT();
    NEEDS(is(event, EVENT) && is(stream, STREAM), "not an event and a stream of this context");
    ((Object *)event)->origin = (Object *)stream;
    ((Object *)event)->enqueuedCount = ((Object *)stream)->enqueuedCount;
    return cudaSuccess;
}

static uint32_t fake_cuEventSynchronize(CUevent event) {
    LOCKED();
    NEEDS(current && current->isAlive && is(event, EVENT), "not an event of this context");
    Object *stream = ((Object *)event)->origin;
    NEEDS(!stream || stream->isAlive, "its stream is gone");
    return stream ? waitFor(NAME, stream, ((Object *)event)->enqueuedCount) : current->failure;
}

static uint32_t fake_cuMemAlloc_v2(unsigned long long *address, size_t byteCount) {
    BEGIN_IN_CONTEXT();
    if (byteCount == 0) return 1;
    if (settings.memoryByteCount && usedByteCount + byteCount > settings.memoryByteCount) return cudaOutOfMemory;
    // Aligned as a GPU's, and as near to a page that nobody may touch as that allows.
    size_t page = (size_t)sysconf(_SC_PAGESIZE), aligned = (byteCount + 255) & ~(size_t)255;
    size_t pagesByteCount = (aligned + page - 1) / page * page + page;
    char *pages = mmap(NULL, pagesByteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return cudaOutOfMemory;
    mprotect(pages + pagesByteCount - page, page, PROT_NONE);
    Object *memory = made(MEMORY);
    memory->pages = pages;
    memory->pagesByteCount = pagesByteCount;
    // What nobody wrote is no number.
    char *bytes = memset(pages + pagesByteCount - page - aligned, 0xFF, byteCount);
    memory->bytes = bytes;
    memory->byteCount = byteCount;
    usedByteCount += byteCount;
    *address = (unsigned long long)(uintptr_t)bytes;
    return cudaSuccess;
}

static uint32_t fake_cuMemAllocHost_v2(void **address, size_t byteCount) {
    BEGIN_IN_CONTEXT();
    if (settings.hasNoPinnedMemory) return cudaOutOfMemory;
    Object *memory = made(PINNED);
    memory->bytes = malloc(byteCount);
    memory->byteCount = byteCount;
    *address = memory->bytes;
    return cudaSuccess;
}

static bool uses(Object *executable, Object *module) {
    for (Command *command = executable->first; command; command = command->next) {
        if (command->useCount > 0 && command->uses[0] == module) return true;
    }
    return false;
}

#define RELEASE(name, type, objectKind, handle) \
    static uint32_t fake_##name(type object) { \
        LOCKED(); \
        bool isFailing = fails(NAME); \
        NEEDS(current && current->isAlive, "no context is current"); \
        Object *target = handle; \
        NEEDS(is(target, objectKind), "was released before, or belongs to another context"); \
        NEEDS(objectKind != STREAM || !target->isCapturing, "still captures"); \
        if (objectKind == STREAM) runAll(target); \
        if (objectKind == MEMORY) runContext(current); \
        bool isIdle = true; \
        for (Object *each = objects; each; each = each->next) { \
            bool isQueued = each->kind == STREAM && !each->isCapturing && each->first; \
            if (isQueued && each->isAlive && each->context == current) isIdle = false; \
            if (objectKind == MODULE && each->kind == EXECUTABLE && uses(each, target)) isIdle = false; \
        } \
        NEEDS(isIdle || (objectKind != PINNED && objectKind != MODULE), "what is queued still uses it"); \
        end(target); \
        return isFailing ? settings.status : current->failure; \
    }
RELEASE(cuStreamDestroy_v2, CUstream, STREAM, (Object *)object)
RELEASE(cuEventDestroy_v2, CUevent, EVENT, (Object *)object)
RELEASE(cuModuleUnload, CUmodule, MODULE, (Object *)object)
RELEASE(cuGraphDestroy, CUgraph, GRAPH, (Object *)object)
RELEASE(cuGraphExecDestroy, CUgraphExec, EXECUTABLE, (Object *)object)
RELEASE(cuMemFreeHost, void *, PINNED, holder(object, 1, PINNED))
RELEASE(cuMemFree_v2, unsigned long long, MEMORY, holder((void *)(uintptr_t)object, 1, MEMORY))

static uint32_t copy(const char *name, void *target, const void *source, size_t byteCount, CUstream stream) {
    if (!is(stream, STREAM)) return misuse(name, "not a stream of this context");
    // Ordinary memory too is read late, as where the GPU reaches it.
    Command command = {.target = target, .source = source, .byteCount = byteCount};
    Object *ends[] = {holder(target, byteCount, MEMORY), holder(source, byteCount, MEMORY)};
    for (int index = 0; index < 2; index++) {
        if (ends[index]) command.uses[command.useCount++] = ends[index];
    }
    if (((Object *)stream)->isCapturing && command.useCount < 2) return misuse(name, "the host's memory in a graph");
    enqueue((Object *)stream, command);
    return cudaSuccess;
}

#define MEMORY_AT(address) ((void *)(uintptr_t)(address))
#define NEEDS_MEMORY(address) NEEDS(holder(MEMORY_AT(address), byteCount, MEMORY), "beyond memory")

static uint32_t fake_cuMemcpyHtoDAsync_v2(
    unsigned long long target, const void *source, size_t byteCount, CUstream stream) {
    BEGIN_IN_CONTEXT();
    NEEDS_MEMORY(target);
    return copy(NAME, MEMORY_AT(target), source, byteCount, stream);
}

static uint32_t fake_cuMemcpyDtoHAsync_v2(
    void *target, unsigned long long source, size_t byteCount, CUstream stream) {
    BEGIN_IN_CONTEXT();
    NEEDS_MEMORY(source);
    return copy(NAME, target, MEMORY_AT(source), byteCount, stream);
}

static uint32_t fake_cuMemcpyDtoDAsync_v2(
    unsigned long long target, unsigned long long source, size_t byteCount, CUstream stream) {
    BEGIN_IN_CONTEXT();
    NEEDS_MEMORY(target);
    NEEDS_MEMORY(source);
    return copy(NAME, MEMORY_AT(target), MEMORY_AT(source), byteCount, stream);
}

// MARK: Modules

static const char machineCode[] = "fake machine code", portableCode[] = "fake portable code";

static uint32_t fake_cuModuleLoadData(CUmodule *module, const void *image) {
    BEGIN_IN_CONTEXT();
    bool isOurs = strcmp(image, machineCode) == 0 || strcmp(image, portableCode) == 0;
    void *library = kernels.load ? kernels.load(image) : NULL;
    if ((!isOurs && !library) || settings.refusesImages) return cudaUnsupportedPTXVersion;
    *module = (CUmodule)made(MODULE);
    ((Object *)*module)->library = library;
    return cudaSuccess;
}

static uint32_t fake_cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    BEGIN_IN_CONTEXT();
    NEEDS(is(module, MODULE), "not a module of this context");
    void *library = ((Object *)module)->library;
    const void *kernel = library ? kernels.find(library, name) : NULL;
    NEEDS(!library || kernel, "the module has no such kernel");
    Object *object = made(FUNCTION);
    object->kernel = kernel;
    // It goes with its module.
    objectCount--;
    object->origin = (Object *)module;
    *function = (CUfunction)object;
    return cudaSuccess;
}

static uint32_t fake_cuFuncSetAttribute(CUfunction function, uint32_t attribute, int value) {
    BEGIN_IN_CONTEXT();
    Object *object = (Object *)function;
    NEEDS(is(function, FUNCTION) && is(object->origin, MODULE), "its module is gone");
    NEEDS(attribute == cudaLargestSharedByteCount && value > 0 && value <= 227 << 10, "more than a GPU has");
    object->byteCount = (size_t)value;
    return cudaSuccess;
}

static uint32_t fake_cuLaunchKernel(
    CUfunction function, unsigned groupsX, unsigned groupsY, unsigned groupsZ, unsigned threadsX, unsigned threadsY,
    unsigned threadsZ, unsigned sharedByteCount, CUstream stream, void **arguments, void **extra) {
    BEGIN_IN_CONTEXT();
    NEEDS(is(function, FUNCTION) && is(((Object *)function)->origin, MODULE), "its module is gone");
    NEEDS(is(stream, STREAM), "not a stream of this context");
    uint64_t threads = (uint64_t)threadsX * threadsY * threadsZ;
    bool fits = threads > 0 && threads <= 1024 && groupsX > 0 && groupsX <= INT32_MAX && groupsY > 0 && groupsY <= 65535
        && groupsZ > 0 && groupsZ <= 65535;
    NEEDS(fits, "sizes that no GPU takes");
    bool isAllowed = sharedByteCount <= 48 << 10 || sharedByteCount <= ((Object *)function)->byteCount;
    NEEDS(isAllowed, "more shared memory than was asked for");
    Command command = {
        .isKernel = true,
        .uses = {((Object *)function)->origin},
        .useCount = 1,
        .kernel = ((Object *)function)->kernel,
        .groups = {groupsX, groupsY, groupsZ},
        .threads = (unsigned)threads,
        .sharedByteCount = sharedByteCount,
    };
    // Our driver ends the list with NULL, and gives eight bytes for each. What is an address of memory is one.
    int count = 0;
    for (; arguments[count]; count++) {
        NEEDS(count < largestArgumentCount, "more arguments than any kernel takes");
        memcpy(&command.arguments[count], arguments[count], sizeof(uint64_t));
        Object *memory = holder(*(void **)arguments[count], 1, MEMORY);
        if (memory) command.uses[command.useCount++] = memory;
    }
    bool isComplete = !command.kernel || count == kernels.parameterCount(command.kernel);
    NEEDS(isComplete, "not as many arguments as the kernel takes");
    enqueue((Object *)stream, command);
    return cudaSuccess;
}

// MARK: Graphs

static uint32_t fake_cuStreamBeginCapture_v2(CUstream stream, uint32_t mode) {
    BEGIN_IN_CONTEXT();
    NEEDS(is(stream, STREAM) && !((Object *)stream)->isCapturing, "not a stream of this context, or it captures");
    NEEDS(!((Object *)stream)->first, "what is queued would seem to be captured");
    ((Object *)stream)->isCapturing = true;
    return mode == cudaCaptureRelaxed ? cudaSuccess : misuse(NAME, "a mode in which no memory can be had");
}

// One that is made to fail ends the capture all the same.
static uint32_t fake_cuStreamEndCapture(CUstream stream, CUgraph *graph) {
    LOCKED();
    bool isFailing = fails(NAME);
    NEEDS(current && current->isAlive && is(stream, STREAM), "not a stream of this context");
    Object *object = (Object *)stream;
    NEEDS(object->isCapturing, "captures nothing");
    object->isCapturing = false;
    Object *result = made(GRAPH);
    result->first = object->first;
    object->first = NULL;
    if (isFailing || current->failure) {
        end(result);
        return isFailing ? settings.status : current->failure;
    }
    *graph = (CUgraph)result;
    return cudaSuccess;
}

static uint32_t fake_cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags) {
    BEGIN_IN_CONTEXT();
    NEEDS(is(graph, GRAPH), "not a graph of this context");
    Object *copy = made(EXECUTABLE);
    for (Command *command = ((Object *)graph)->first; command; command = command->next) {
        // Not a command of the stream's yet.
        copy->isCapturing = true;
        enqueue(copy, *command);
    }
    *executable = (CUgraphExec)copy;
    return flags == 0 ? cudaSuccess : misuse(NAME, "flags");
}

static uint32_t fake_cuGraphLaunch(CUgraphExec executable, CUstream stream) {
    BEGIN_IN_CONTEXT();
    NEEDS(is(executable, EXECUTABLE) && is(stream, STREAM), "not a graph and a stream of this context");
    for (Command *command = ((Object *)executable)->first; command; command = command->next) {
        for (int index = 0; index < command->useCount; index++) {
            NEEDS(command->uses[index]->isAlive, "what was captured uses what is gone");
        }
        enqueue((Object *)stream, *command);
    }
    graphCount++;
    return cudaSuccess;
}

// MARK: NVRTC

static uint32_t fake_nvrtcVersion(int *major, int *minor) {
    BEGIN_COMPILER();
    *major = (int)settings.compilerMajorVersion;
    *minor = 9;
    return nvrtcSuccess;
}

static const char *fake_nvrtcGetErrorString(uint32_t status) { return "NVRTC_ERROR"; }

static const int architectures[] = {75, 80, 86, 89, 90, 100};

static uint32_t fake_nvrtcGetNumSupportedArchs(int *count) {
    BEGIN_COMPILER();
    *count = sizeof(architectures) / sizeof(int);
    return nvrtcSuccess;
}

static uint32_t fake_nvrtcGetSupportedArchs(int *list) {
    BEGIN_COMPILER();
    memcpy(list, architectures, sizeof(architectures));
    return nvrtcSuccess;
}

static uint32_t fake_nvrtcCreateProgram(
    nvrtcProgram *program, const char *text, const char *name, int headerCount, const char *const *headers,
    const char *const *headerNames) {
    BEGIN_COMPILER();
    *program = (nvrtcProgram)made(PROGRAM);
    ((Object *)*program)->bytes = strdup(text);
    return nvrtcSuccess;
}

static uint32_t fake_nvrtcDestroyProgram(nvrtcProgram *program) {
    LOCKED();
    bool isFailing = fails(NAME);
    NEEDS(is(*program, PROGRAM), "was destroyed before");
    end((Object *)*program);
    *program = NULL;
    return isFailing ? settings.compilerStatus : nvrtcSuccess;
}

static uint32_t fake_nvrtcCompileProgram(nvrtcProgram program, int optionCount, const char *const *options) {
    BEGIN_COMPILER();
    NEEDS(is(program, PROGRAM), "not a program");
    Object *object = (Object *)program;
    for (int index = 0; index < optionCount; index++) {
        if (strstr(options[index], "--gpu-architecture=compute_") == options[index]) object->isPortable = true;
        if (strcmp(options[index], "-DWRONG=1") == 0) object->isWrong = true;
    }
    if (!object->isWrong && kernels.compile) {
        object->image = kernels.compile(object->bytes, optionCount, options, &object->imageByteCount, &object->log);
        object->isWrong = !object->image;
    }
    if (object->isWrong) return 6;
    object->isCompiled = true;
    compilationCount++;
    return nvrtcSuccess;
}

// What a program has to give.
typedef struct {
    const char *bytes;
    size_t byteCount;
} Text;

static Text textOf(const char *text, bool isThere) { return (Text){text, isThere ? strlen(text) + 1 : 0}; }

static Text imageOf(const Object *program, const char *otherwise, bool isThere) {
    return program->image ? (Text){program->image, program->imageByteCount} : textOf(otherwise, isThere);
}

#define GIVE(kind, text) \
    static uint32_t fake_nvrtcGet##kind##Size(nvrtcProgram program, size_t *byteCount) { \
        BEGIN_COMPILER(); \
        Object *object = (Object *)program; \
        NEEDS(is(object, PROGRAM), "not a program"); \
        *byteCount = text.byteCount; \
        return nvrtcSuccess; \
    } \
    static uint32_t fake_nvrtcGet##kind(nvrtcProgram program, char *target) { \
        BEGIN_COMPILER(); \
        Object *object = (Object *)program; \
        NEEDS(is(object, PROGRAM), "not a program"); \
        memcpy(target, text.bytes, text.byteCount); \
        return nvrtcSuccess; \
    }
GIVE(PTX, imageOf(object, portableCode, object->isCompiled))
GIVE(CUBIN, imageOf(object, machineCode, object->isCompiled && !object->isPortable))
GIVE(ProgramLog, textOf(object->log ? object->log : "Portable/Rows.cl(7): error: no such thing\n", object->isWrong))

// MARK: cuBLASLt

#include "FakeCUBLASLt.h"

// MARK: Tables

// As a library of its own it stands for libcuda, libnvrtc and libcublasLt.
#ifdef FAKE_CUDA_IS_LIBRARY
#define CUDA_EXPORT(result, name, parameters) extern __typeof(fake_##name) name __attribute__((alias("fake_" #name)));
CUDA_FUNCTIONS(CUDA_EXPORT)
CUDA_GRAPH_FUNCTIONS(CUDA_EXPORT)
NVRTC_FUNCTIONS(CUDA_EXPORT)
CUBLASLT_FUNCTIONS(CUDA_EXPORT)
#endif

CUDAFunctions fakeCUDAFunctions(void) {
    return (CUDAFunctions){
#define CUDA_FAKE(result, name, parameters) .name = fake_##name,
        CUDA_FUNCTIONS(CUDA_FAKE)
        CUDA_GRAPH_FUNCTIONS(CUDA_FAKE)
    };
}

CUBLASLtFunctions fakeCUBLASLtFunctions(void) { return (CUBLASLtFunctions){CUBLASLT_FUNCTIONS(CUDA_FAKE)}; }

NVRTCFunctions fakeNVRTCFunctions(void) { return (NVRTCFunctions){NVRTC_FUNCTIONS(CUDA_FAKE)}; }
