// One variant of the product: defines `VARIANT`, which launches it. WEIGHT_TYPE, COMPUTE_TYPE, TILE and VARIANT are
// defined before.

#define TILE_M TILE
#define TILE_N TILE
#define WARPS_M 2
#define WARPS_N (TILE / 32)

#include "Prelude.h"

#include "../../Kernels/Portable/Weights.cl"
#include "../../Kernels/CUDA/TensorProduct.cu"

static void run(const void *context) {
    const EmulatedProduct *p = context;
    product(
        p->a, p->starts, p->aRow, p->aBatch, p->weight, p->weightBatch, p->scales, p->bias, p->residual, p->c, p->cRow,
        p->cBatch, p->m, p->n, p->depth, p->activation);
}

enum EmulationOutcome VARIANT(const EmulatedProduct *p) {
    return emulateLaunch(
        (p->m + TILE - 1) / TILE, (p->n + TILE - 1) / TILE, p->batches, 32 * WARPS_M * WARPS_N, run, p);
}
