// One variant of attention: defines `VARIANT`, which launches it. COMPUTE_TYPE, HEAD_SIZE, QUERIES and VARIANT are
// defined before.

#define PART_FIELDS 5

#define LANES 1
#include "Prelude.h"
#include "../../Kernels/Portable/Functions.cl"
#include "TensorCore.h"

#include "../../Kernels/CUDA/TensorAttention.cu"

static void run(const void *context) {
    const EmulatedAttention *p = context;
    attention(p->x, p->parts, p->y, p->yType, p->heads, p->scale);
}

enum EmulationOutcome VARIANT(const EmulatedAttention *p) {
    return emulateLaunch(&(EmulatedLaunch){
        .groups = {p->partCount, p->heads, 1}, .threads = THREADS, .body = run, .context = p, STATICS});
}
