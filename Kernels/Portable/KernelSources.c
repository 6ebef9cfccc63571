#include "KernelSources.h"

#include <string.h>

static const unsigned char openCLPrelude[] = {
#embed "../OpenCL/Prelude.cl"
};
static const unsigned char cudaPrelude[] = {
#embed "../CUDA/Prelude.cu"
};
static const unsigned char tensorCore[] = {
#embed "../CUDA/TensorCore.cu"
};
static const unsigned char tensorProduct[] = {
#embed "../CUDA/TensorProduct.cu"
};
static const unsigned char tensorAttention[] = {
#embed "../CUDA/TensorAttention.cu"
};
static const unsigned char tensorTile[] = {
#embed "../CUDA/TensorTile.cu"
};
static const unsigned char warpgroup[] = {
#embed "../CUDA/Warpgroup.cu"
};
static const unsigned char warpgroupProduct[] = {
#embed "../CUDA/WarpgroupProduct.cu"
};
static const unsigned char functions[] = {
#embed "Functions.cl"
};
static const unsigned char elementwise[] = {
#embed "Elementwise.cl"
};
static const unsigned char movement[] = {
#embed "Movement.cl"
};
static const unsigned char rows[] = {
#embed "Rows.cl"
};
static const unsigned char product[] = {
#embed "Product.cl"
};
static const unsigned char attention[] = {
#embed "Attention.cl"
};
static const unsigned char rowAttention[] = {
#embed "RowAttention.cl"
};
static const unsigned char weights[] = {
#embed "Weights.cl"
};
static const unsigned char tile[] = {
#embed "../OpenCL/Tile.cl"
};
static const unsigned char wideProduct[] = {
#embed "../OpenCL/WideProduct.cl"
};
static const unsigned char wideAttention[] = {
#embed "../OpenCL/WideAttention.cl"
};

#define SOURCE(path, text) {path, text, sizeof(text)}

static const KernelSourceText sources[] = {
    SOURCE("CUDA/Prelude.cu", cudaPrelude),
    SOURCE("CUDA/TensorAttention.cu", tensorAttention),
    SOURCE("CUDA/TensorCore.cu", tensorCore),
    SOURCE("CUDA/TensorProduct.cu", tensorProduct),
    SOURCE("CUDA/TensorTile.cu", tensorTile),
    SOURCE("CUDA/Warpgroup.cu", warpgroup),
    SOURCE("CUDA/WarpgroupProduct.cu", warpgroupProduct),
    SOURCE("OpenCL/Prelude.cl", openCLPrelude),
    SOURCE("OpenCL/Tile.cl", tile),
    SOURCE("OpenCL/WideAttention.cl", wideAttention),
    SOURCE("OpenCL/WideProduct.cl", wideProduct),
    SOURCE("Portable/Attention.cl", attention),
    SOURCE("Portable/Elementwise.cl", elementwise),
    SOURCE("Portable/Functions.cl", functions),
    SOURCE("Portable/Movement.cl", movement),
    SOURCE("Portable/Product.cl", product),
    SOURCE("Portable/RowAttention.cl", rowAttention),
    SOURCE("Portable/Rows.cl", rows),
    SOURCE("Portable/Weights.cl", weights),
};

const KernelSourceText *kernelSourceNamed(const char *path) {
    for (size_t index = 0; index < sizeof(sources) / sizeof(sources[0]); index++) {
        if (strcmp(sources[index].path, path) == 0) return &sources[index];
    }
    return NULL;
}
