#ifndef KERNEL_SOURCES_H
#define KERNEL_SOURCES_H

#include <stddef.h>

// The text of a file under Kernels/; without a NUL at the end.
typedef struct KernelSourceText {
    const char *_Nonnull path;
    const unsigned char *_Nonnull text;
    size_t byteCount;
} KernelSourceText;

// NULL when no such file is embedded.
const KernelSourceText *_Nullable kernelSourceNamed(const char *_Nonnull path);

#endif
