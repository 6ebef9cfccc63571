// A GPU on the processor, as one library that stands for NVIDIA's driver, NVRTC and cuBLASLt: the fake ones of
// Tests/FakeCUDA, and kernels that are compiled by clang and run as fibers over the words beside this file. What the
// host passes to kernels and how it launches them is thus run as on a GPU, only slower by some thousand times.
//
// EMULATED_GPU_CAPABILITY (90), EMULATED_GPU_COUNT (1) and EMULATED_GPU_MULTIPROCESSORS (132) say what there is;
// EMULATED_GPU_OPTION is one more option for the compiler. With EMULATED_GPU_REPORT the end says how much ran.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "EmulatedKernel.h"
#include "FakeCUDA.h"

extern char **environ;

// MARK: Files

// Bytes of a file, with a zero behind them; NULL if it can't be read.
static char *contents(const char *path, size_t *byteCount) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    struct stat status;
    fstat(fileno(file), &status);
    char *bytes = calloc(1, (size_t)status.st_size + 1);
    *byteCount = bytes ? fread(bytes, 1, (size_t)status.st_size, file) : 0;
    fclose(file);
    return bytes;
}

// MARK: The text

// What stands for a file of the kernels here.
static const char *replacement(const char *file, size_t length) {
    static const char *const pairs[][2] = {
        {"CUDA/Prelude.cu", "Prelude.h"}, {"CUDA/TensorCore.cu", "TensorCore.h"}, {"CUDA/Warpgroup.cu", "Warpgroup.h"}};
    for (size_t index = 0; index < sizeof(pairs) / sizeof(pairs[0]); index++)
        if (strlen(pairs[index][0]) == length && strncmp(file, pairs[index][0], length) == 0) return pairs[index][1];
    return NULL;
}

// Files begin with a line that names them.
static const char mark[] = "#line 1 \"";

static void writeText(FILE *target, const char *text) {
    fprintf(target, "extern \"C\" {\n#include \"EmulatedKernel.h\"\n}\n");
    for (const char *file = strstr(text, mark); file;) {
        const char *name = file + strlen(mark);
        const char *next = strstr(name, mark);
        const char *header = replacement(name, strcspn(name, "\""));
        if (header) {
            fprintf(target, "#include \"%s\"\n", header);
        } else {
            fwrite(file, 1, next ? (size_t)(next - file) : strlen(file), target);
        }
        file = next;
    }
    fprintf(target, "\n#include \"Kernels.h\"\n");
}

static bool isNameByte(char byte) { return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'); }

// An entry for each kernel of the text: `KERNEL name(`, with or without limits between, or by a macro that makes names.
static void writeEntries(FILE *target, const char *text) {
    char known[4096] = " ";
    for (const char *place = text; (place = strstr(place, "KERNEL ")); place++) {
        const char *name = place + strlen("KERNEL ");
        if (strncmp(name, "GROUP_LIMITS", strlen("GROUP_LIMITS")) == 0) name = strchr(name, ' ') + 1;
        size_t length = 0;
        while (isNameByte(name[length])) length++;
        char word[64];
        snprintf(word, sizeof(word), " %.*s ", (int)length, name);
        if (length == 0 || name[length] != '(' || strstr(known, word)) continue;
        strncat(known, word + 1, sizeof(known) - strlen(known) - 1);
        fprintf(target, "EMULATED_KERNEL(%.*s)\n", (int)length, name);
    }
    if (strstr(text, "\nPANELS("))
        for (int bits = 8; bits <= 32; bits *= 2)
            fprintf(target, "EMULATED_KERNEL(pack_%d)\nEMULATED_KERNEL(unpack_%d)\n", bits, bits);
}

// MARK: The compiler

static bool runCompiler(const char *const *arguments, const char *logPath) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, logPath, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t process;
    int status = posix_spawnp(&process, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) return false;
    return waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// In front of an image: `cuModuleLoadData` isn't told how long it is.
typedef struct {
    char title[16];
    size_t byteCount;
} ImageHead;

static const ImageHead head = {.title = "emulated GPU 1"};

static char *compile(const char *text, int optionCount, const char *const *options, size_t *byteCount, char **log) {
    char folder[] = "/tmp/emulated-gpu.XXXXXX", source[64], library[64], logPath[64];
    if (!mkdtemp(folder)) return NULL;
    snprintf(source, sizeof(source), "%s/program.cpp", folder);
    snprintf(library, sizeof(library), "%s/program.so", folder);
    snprintf(logPath, sizeof(logPath), "%s/log", folder);
    FILE *file = fopen(source, "w");
    if (file) {
        writeText(file, text);
        writeEntries(file, text);
        fclose(file);
    }
    Dl_info own;
    const char *arguments[64] = {"clang", "-xc++", source, "-xnone", "-o", library};
    int count = 6;
    // The program finds the functions of this library in this library.
    if (dladdr((const void *)compile, &own)) arguments[count++] = own.dli_fname;
    const char *const always[] = {
        "-shared", "-fPIC", "-std=c++20", "-nostdinc++", "-nostdlib++", "-O1", "-march=native", "-fno-exceptions",
        "-fno-math-errno", "-fvisibility=hidden", "-I" HEADERS, "-lm"};
    for (size_t index = 0; index < sizeof(always) / sizeof(always[0]); index++) arguments[count++] = always[index];
    if (getenv("EMULATED_GPU_OPTION")) arguments[count++] = getenv("EMULATED_GPU_OPTION");
    for (int index = 0; index < optionCount; index++)
        if (strncmp(options[index], "-D", 2) == 0 && count < 63) arguments[count++] = options[index];
    bool isCompiled = file && runCompiler(arguments, logPath);
    size_t logByteCount = 0, libraryByteCount = 0;
    char *bytes = isCompiled ? contents(library, &libraryByteCount) : NULL;
    *log = isCompiled ? NULL : contents(logPath, &logByteCount);
    if (!isCompiled && logByteCount == 0) {
        free(*log);
        *log = strdup("clang isn't on the PATH, or /tmp can't be written");
    }
    unlink(source);
    unlink(library);
    unlink(logPath);
    rmdir(folder);
    if (!bytes) return NULL;
    *byteCount = sizeof(head) + libraryByteCount;
    char *image = malloc(*byteCount);
    memcpy(image, &head, sizeof(head));
    ((ImageHead *)image)->byteCount = libraryByteCount;
    memcpy(image + sizeof(head), bytes, libraryByteCount);
    free(bytes);
    return image;
}

// MARK: Kernels

static void *load(const void *image) {
    const ImageHead *imageHead = image;
    if (memcmp(imageHead->title, head.title, sizeof(head.title)) != 0) return NULL;
    // A name that no library had before: the loader knows them by name.
    char path[] = "/tmp/emulated-gpu.XXXXXX";
    int file = mkstemp(path);
    if (file < 0) return NULL;
    const char *bytes = (const char *)image + sizeof(head);
    bool isWritten = write(file, bytes, imageHead->byteCount) == (ssize_t)imageHead->byteCount;
    close(file);
    void *library = isWritten ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) fprintf(stderr, "emulated GPU: %s\n", dlerror());
    unlink(path);
    return library;
}

static void unload(void *library) { dlclose(library); }

static const void *find(void *library, const char *name) {
    char entry[128];
    snprintf(entry, sizeof(entry), "emulated_%s", name);
    return dlsym(library, entry);
}

static int parameterCount(const void *kernel) { return ((const EmulatedKernel *)kernel)->parameterCount; }

static const char *run(
    const void *kernel, const unsigned *groups, unsigned threads, size_t sharedByteCount, const uint64_t *arguments) {
    switch (((const EmulatedKernel *)kernel)->run(groups, threads, sharedByteCount, arguments)) {
    case emulationDone: return NULL;
    case emulationStuck: return "its threads wait for each other for ever";
    case emulationMisaligned: return "it moves 8 or 16 bytes that aren't aligned";
    case emulationRaced: return "it reads shared memory that isn't there yet, or doesn't wait for its products";
    case emulationOutOfMemory: return "it uses more shared memory than the launch gave it";
    case emulationHasNoSuchGroups: return "so many threads are no whole warps, or too many";
    }
    return "it ended in an unknown way";
}

// MARK: The GPU

static uint32_t number(const char *name, uint32_t otherwise) {
    const char *text = getenv(name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void begin(void) {
    FakeCUDASettings settings = fakeCUDADefaults();
    settings.capability = number("EMULATED_GPU_CAPABILITY", settings.capability);
    settings.deviceCount = number("EMULATED_GPU_COUNT", settings.deviceCount);
    settings.multiprocessorCount = number("EMULATED_GPU_MULTIPROCESSORS", settings.multiprocessorCount);
    fakeCUDAReset(settings);
    fakeCUDASetKernels((FakeCUDAKernels){compile, load, unload, find, parameterCount, run});
}

__attribute__((destructor)) static void report(void) {
    if (!getenv("EMULATED_GPU_REPORT")) return;
    long long kernels = fakeCUDAKernelCount(), graphs = fakeCUDAGraphCount();
    fprintf(stderr, "emulated GPU: %lld kernels, %lld graphs\n", kernels, graphs);
}
