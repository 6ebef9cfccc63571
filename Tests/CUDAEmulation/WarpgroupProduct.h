// One variant of the product by warpgroups: defines `VARIANT`, which launches it. WEIGHT_TYPE, COMPUTE_TYPE, CONSUMERS,
// GROUP_N, HAS_NORM, STAGES and VARIANT are defined before; FAULT, if anything is to be left out that a GPU needs.

#define LANES 1
#include "Prelude.h"
#include "../../Kernels/Portable/Functions.cl"
#include "TensorCore.h"
#include "Warpgroup.h"

#ifndef FAULT
#define FAULT emulationHasNoFault
#endif
#define IS_RIGHT(fault) (FAULT != fault)
#define publish_to_products() (IS_RIGHT(emulationNothingPublished) ? publish_to_products() : (void)0)
#define wait_for_copies_but_last() (IS_RIGHT(emulationCopiesNotWaitedFor) ? wait_for_copies_but_last() : (void)0)
#define wait_for_phase(barrier, parity) \
    (IS_RIGHT(emulationPhasesNotWaitedFor) ? wait_for_phase(barrier, parity) : (void)0)
#define begin_products() (IS_RIGHT(emulationSumsNotHandedOver) ? begin_products() : (void)0)
#define wait_for_products_but_last(sums) \
    (IS_RIGHT(emulationTilesGivenBackEarly) ? wait_for_products_but_last(sums) : (void)0)
#define wait_for_products(sums) (IS_RIGHT(emulationSumsReadEarly) ? wait_for_products(sums) : (void)0)

#include "../../Kernels/Portable/Weights.cl"
#include "../../Kernels/CUDA/TensorTile.cu"
#include "../../Kernels/CUDA/WarpgroupProduct.cu"

static void run(const void *context) {
    const EmulatedProduct *p = context;
    product(
        p->a, p->starts, p->aRow, p->aBatch, p->weight, p->weightBatch, p->scales, p->bias, p->residual, p->c, p->cRow,
        p->cBatch, p->m, p->n, p->depth, p->activation
#if HAS_NORM
        , p->gain, p->shift, p->epsilon
#endif
    );
}

enum EmulationOutcome VARIANT(const EmulatedProduct *p, long byteCount) {
    if ((long)GROUP_BYTES > byteCount || byteCount > emulatedMemoryByteCount) return emulationOutOfMemory;
    forget_products();
    int tiles = (p->m + TILE_M - 1) / TILE_M * ((p->n + TILE_N - 1) / TILE_N);
    enum EmulationOutcome outcome = emulateLaunch(&(EmulatedLaunch){
        .groups = {tiles, 1, p->batches}, .threads = THREADS, .body = run, .context = p, .memoryByteCount = byteCount});
    return outcome == emulationDone && has_products_left() ? emulationRaced : outcome;
}
