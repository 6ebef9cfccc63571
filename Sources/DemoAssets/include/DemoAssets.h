#pragma once

#include <stddef.h>

/// One embedded file.
typedef struct {
    /// Its path from this target's folder: "model/config.json".
    const char *_Nonnull name;
    const unsigned char *_Nonnull bytes;
    size_t byteCount;
} XLSRDemoAsset;

/// The embedded file at `index`; null past the last. Valid for as long as the process lives.
const XLSRDemoAsset *_Nullable xlsrDemoAsset(size_t index);
