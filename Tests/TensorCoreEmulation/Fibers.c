#include "Fibers.h"

#include "SharedMemory.h"

#include <stdlib.h>
#include <ucontext.h>

int emulatedThread;
int emulatedGroup[3];

enum { largestGroup = 1024, warp = 32, warpgroup = 128, stackByteCount = 128 << 10 };

typedef enum { ready, atBarrier, atCollective, atCondition, finished } State;

typedef struct {
    ucontext_t context;
    State state;
    // Of a barrier: its number and how many it lets go together.
    int barrier, barrierCount;
    // Of a collective.
    void *operand;
    void (*combine)(void **operands);
    int lanes;
    int (*condition)(const void *context);
    const void *conditionContext;
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

void emulatedThreadsBarrier(int number, int threads) {
    fibers[emulatedThread].barrier = number;
    fibers[emulatedThread].barrierCount = threads;
    wait(atBarrier);
}

void emulatedBarrier(void) { emulatedThreadsBarrier(0, fiberCount); }

void emulatedWait(int (*condition)(const void *context), const void *context) {
    fibers[emulatedThread].condition = condition;
    fibers[emulatedThread].conditionContext = context;
    wait(atCondition);
}

static void meet(void *operand, void (*combine)(void **operands), int lanes) {
    fibers[emulatedThread].operand = operand;
    fibers[emulatedThread].combine = combine;
    fibers[emulatedThread].lanes = lanes;
    wait(atCollective);
}

void emulatedCollective(void *operand, void (*combine)(void *operands[32])) { meet(operand, combine, warp); }

void emulatedWarpgroupCollective(void *operand, void (*combine)(void *operands[128])) {
    meet(operand, combine, warpgroup);
}

static enum EmulationOutcome fault;

void emulatedFault(enum EmulationOutcome outcome) {
    if (fault == emulationDone) fault = outcome;
}

void emulatedMove(const void *address, int byteCount) {
    if ((uintptr_t)address % (uintptr_t)byteCount != 0) emulatedFault(emulationMisaligned);
}

static int count(int first, int last, State state) {
    int count = 0;
    for (int index = first; index < last; index++) count += fibers[index].state == state;
    return count;
}

static void releaseBarriers(void) {
    for (int first = 0; first < fiberCount; first++) {
        if (fibers[first].state != atBarrier) continue;
        int arrived = 0;
        for (int index = first; index < fiberCount; index++)
            arrived += fibers[index].state == atBarrier && fibers[index].barrier == fibers[first].barrier;
        if (arrived < fibers[first].barrierCount) continue;
        int barrier = fibers[first].barrier;
        for (int index = first; index < fiberCount; index++)
            if (fibers[index].state == atBarrier && fibers[index].barrier == barrier) fibers[index].state = ready;
    }
}

// Lets go whom everybody has come for. Returns whether anyone may run.
static int release(void) {
    releaseBarriers();
    for (int index = 0; index < fiberCount; index++) {
        Fiber *fiber = &fibers[index];
        if (fiber->state == atCondition && fiber->condition(fiber->conditionContext)) fiber->state = ready;
    }
    for (int first = 0; first < fiberCount; first += warp) {
        int lanes = fibers[first].state == atCollective ? fibers[first].lanes : 0;
        if (lanes == 0 || first % lanes != 0 || first + lanes > fiberCount) continue;
        if (count(first, first + lanes, atCollective) < lanes) continue;
        void *operands[warpgroup];
        int isSame = 1;
        for (int lane = 0; lane < lanes; lane++) {
            operands[lane] = fibers[first + lane].operand;
            isSame &= fibers[first + lane].combine == fibers[first].combine;
        }
        // Lanes that are at different instructions would hang.
        if (!isSame) return 0;
        fibers[first].combine(operands);
        for (int lane = 0; lane < lanes; lane++) fibers[first + lane].state = ready;
    }
    return count(0, fiberCount, ready) > 0;
}

static enum EmulationOutcome runGroup(char *stacks) {
    emulatedMemoryBegins();
    for (int index = 0; index < fiberCount; index++) {
        getcontext(&fibers[index].context);
        fibers[index].context.uc_stack.ss_sp = stacks + (size_t)index * stackByteCount;
        fibers[index].context.uc_stack.ss_size = stackByteCount;
        fibers[index].context.uc_link = &scheduler;
        fibers[index].state = ready;
        makecontext(&fibers[index].context, run, 0);
    }
    while (count(0, fiberCount, finished) < fiberCount) {
        if (fault != emulationDone) return fault;
        if (!release()) return emulationStuck;
        for (int index = 0; index < fiberCount; index++) {
            if (fibers[index].state != ready) continue;
            emulatedThread = index;
            swapcontext(&scheduler, &fibers[index].context);
        }
    }
    return fault;
}

enum EmulationOutcome emulateLaunch(
    int groupsX, int groupsY, int groupsZ, int threads, void (*body)(const void *), const void *context) {
    if (threads > largestGroup || threads % warp != 0) return emulationHasNoVariant;
    enum EmulationOutcome outcome = emulationDone;
    fault = emulationDone;
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
    return outcome;
}
