#include "Fibers.h"

#include <stdlib.h>
#include <ucontext.h>

int emulatedThread;
int emulatedGroup[3];

enum { largestGroup = 1024, warp = 32, stackByteCount = 128 << 10 };

typedef enum { ready, atBarrier, atCollective, finished } State;

typedef struct {
    ucontext_t context;
    State state;
    void *operand;
    void (*combine)(void *operands[32]);
} Fiber;

static Fiber *fibers;
static int fiberCount;
static ucontext_t scheduler;
static void (*fiberBody)(const void *);
static const void *fiberContext;

static void run(void) {
    fiberBody(fiberContext);
    fibers[emulatedThread].state = finished;
}

static void wait(State state) {
    int thread = emulatedThread;
    fibers[thread].state = state;
    swapcontext(&fibers[thread].context, &scheduler);
}

void emulatedBarrier(void) { wait(atBarrier); }

void emulatedCollective(void *operand, void (*combine)(void *operands[32])) {
    fibers[emulatedThread].operand = operand;
    fibers[emulatedThread].combine = combine;
    wait(atCollective);
}

static int isMisaligned;

void emulatedMove(const void *address, int byteCount) {
    if ((uintptr_t)address % (uintptr_t)byteCount != 0) isMisaligned = 1;
}

static int count(int first, int last, State state) {
    int count = 0;
    for (int index = first; index < last; index++) count += fibers[index].state == state;
    return count;
}

// Lets go whom everybody has come for. Returns whether anyone may run.
static int release(void) {
    if (count(0, fiberCount, atBarrier) == fiberCount) {
        for (int index = 0; index < fiberCount; index++) fibers[index].state = ready;
    }
    for (int first = 0; first + warp <= fiberCount; first += warp) {
        if (count(first, first + warp, atCollective) < warp) continue;
        void *operands[warp];
        int isSame = 1;
        for (int lane = 0; lane < warp; lane++) {
            operands[lane] = fibers[first + lane].operand;
            isSame &= fibers[first + lane].combine == fibers[first].combine;
        }
        // Lanes that are at different instructions would hang.
        if (!isSame) return 0;
        fibers[first].combine(operands);
        for (int lane = 0; lane < warp; lane++) fibers[first + lane].state = ready;
    }
    return count(0, fiberCount, ready) > 0;
}

static enum EmulationOutcome runGroup(char *stacks) {
    for (int index = 0; index < fiberCount; index++) {
        getcontext(&fibers[index].context);
        fibers[index].context.uc_stack.ss_sp = stacks + (size_t)index * stackByteCount;
        fibers[index].context.uc_stack.ss_size = stackByteCount;
        fibers[index].context.uc_link = &scheduler;
        fibers[index].state = ready;
        makecontext(&fibers[index].context, run, 0);
    }
    while (count(0, fiberCount, finished) < fiberCount) {
        if (!release()) return emulationStuck;
        for (int index = 0; index < fiberCount; index++) {
            if (fibers[index].state != ready) continue;
            emulatedThread = index;
            swapcontext(&scheduler, &fibers[index].context);
        }
    }
    return emulationDone;
}

enum EmulationOutcome emulateLaunch(
    int groupsX, int groupsY, int groupsZ, int threads, void (*body)(const void *), const void *context) {
    if (threads > largestGroup || threads % warp != 0) return emulationHasNoVariant;
    enum EmulationOutcome outcome = emulationDone;
    isMisaligned = 0;
    char *stacks = malloc((size_t)threads * stackByteCount);
    fibers = malloc(sizeof(Fiber) * threads);
    fiberCount = threads;
    fiberBody = body;
    fiberContext = context;
    for (int z = 0; z < groupsZ; z++)
        for (int y = 0; y < groupsY; y++)
            for (int x = 0; x < groupsX && outcome == emulationDone; x++) {
                emulatedGroup[0] = x;
                emulatedGroup[1] = y;
                emulatedGroup[2] = z;
                outcome = runGroup(stacks);
            }
    free(fibers);
    free(stacks);
    return isMisaligned ? emulationMisaligned : outcome;
}
