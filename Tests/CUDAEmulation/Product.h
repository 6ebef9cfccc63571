// One variant of the product: defines `VARIANT`, which launches it. WEIGHT_TYPE, COMPUTE_TYPE, TILE_M, TILE_N, WARPS_M,
// WARPS_N and VARIANT are defined before.

#define LANES 1
#include "Prelude.h"
#include "../../Kernels/Portable/Functions.cl"
#include "TensorCore.h"

#include "../../Kernels/Portable/Weights.cl"
#include "../../Kernels/CUDA/TensorTile.cu"
#include "../../Kernels/CUDA/TensorProduct.cu"

static void run(const void *context) {
    const EmulatedProduct *p = context;
    product(
        p->a, p->starts, p->aRow, p->aBatch, p->weight, p->weightBatch, p->scales, p->bias, p->residual, p->c, p->cRow,
        p->cBatch, p->m, p->n, p->depth, p->activation);
}

enum EmulationOutcome VARIANT(const EmulatedProduct *p) {
    int tiles = (p->m + TILE_M - 1) / TILE_M * ((p->n + TILE_N - 1) / TILE_N);
    return emulateLaunch(&(EmulatedLaunch){
        .groups = {tiles, 1, p->batches}, .threads = THREADS, .body = run, .context = p, STATICS});
}
