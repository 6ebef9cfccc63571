#include "Fibers.h"

#include "SharedMemory.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

int emulatedThread, emulatedThreadCount;
int emulatedGroup[3], emulatedGroupCount[3];

enum { largestGroup = 1024, warp = 32, warpgroup = 128, stackByteCount = 128 << 10 };

// With tops a few cache lines apart, so that they don't all fall on the same lines of a cache.
enum { stackStep = stackByteCount + 9 * 64 };

typedef enum { ready, atBarrier, atCollective, atCondition, finished } State;

// MARK: Stacks

// Leaves the running stack, notes in `from` where, and goes on at `to`.
#ifdef __x86_64__
typedef void *Place;

__attribute__((naked, noinline)) static void change(Place *from, const Place *to) {
    __asm__(
        "pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15;"
        "movq %rsp, (%rdi); movq (%rsi), %rsp;"
        "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp; ret");
}

// Where `run` begins on a stack: what `change` takes off it, and above that an address that is never returned to.
static void place(Place *place, char *stack, void (*run)(void)) {
    void **top = (void **)((uintptr_t)(stack + stackByteCount) & ~(uintptr_t)15) - 8;
    memset(top, 0, 8 * sizeof(void *));
    top[6] = (void *)run;
    *place = top;
}
#else
// Calls the system each time.
typedef ucontext_t Place;

static void change(Place *from, const Place *to) { swapcontext(from, to); }

static void place(Place *place, char *stack, void (*run)(void)) {
    getcontext(place);
    place->uc_stack.ss_sp = stack;
    place->uc_stack.ss_size = stackByteCount;
    makecontext(place, run, 0);
}
#endif

// MARK: Fibers

typedef struct {
    Place place;
    // Of a barrier: its number and how many it lets go together.
    int barrier, barrierCount;
    // Of a collective.
    void *operand;
    void (*combine)(void **operands);
    int lanes;
    int (*condition)(const void *context);
    const void *conditionContext;
} Fiber;

// They stay for the next group and the next launch. After a fault, where threads stop halfway, they are made anew.
static Fiber fibers[largestGroup];
static unsigned char states[largestGroup];
// How many are in each state.
static int counts[finished + 1];
static char *stacks;
static int madeCount;
static Place scheduler;
static const EmulatedLaunch *current;

static void set(int thread, State state) {
    counts[states[thread]]--;
    counts[state]++;
    states[thread] = state;
}

static void wait(State state) {
    set(emulatedThread, state);
    change(&fibers[emulatedThread].place, &scheduler);
}

static void run(void) {
    for (;;) {
        current->body(current->context);
        wait(finished);
    }
}

static void resume(int thread) {
    emulatedThread = thread;
    for (; madeCount <= thread; madeCount++)
        place(&fibers[madeCount].place, stacks + (size_t)madeCount * stackStep, run);
    change(&scheduler, &fibers[thread].place);
}

void emulatedThreadsBarrier(int number, int threads) {
    fibers[emulatedThread].barrier = number;
    fibers[emulatedThread].barrierCount = threads;
    wait(atBarrier);
}

void emulatedBarrier(void) { emulatedThreadsBarrier(0, emulatedThreadCount); }

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

static void releaseBarriers(void) {
    for (int first = 0; first < emulatedThreadCount; first++) {
        if (states[first] != atBarrier) continue;
        int arrived = 0;
        for (int index = first; index < emulatedThreadCount; index++)
            arrived += states[index] == atBarrier && fibers[index].barrier == fibers[first].barrier;
        if (arrived < fibers[first].barrierCount) continue;
        int barrier = fibers[first].barrier;
        for (int index = first; index < emulatedThreadCount; index++)
            if (states[index] == atBarrier && fibers[index].barrier == barrier) set(index, ready);
    }
}

static void releaseConditions(void) {
    for (int index = 0; index < emulatedThreadCount; index++) {
        Fiber *fiber = &fibers[index];
        if (states[index] == atCondition && fiber->condition(fiber->conditionContext)) set(index, ready);
    }
}

static void releaseCollectives(void) {
    for (int first = 0; first < emulatedThreadCount; first += warp) {
        int lanes = states[first] == atCollective ? fibers[first].lanes : 0;
        if (lanes == 0 || first % lanes != 0 || first + lanes > emulatedThreadCount) continue;
        void *operands[warpgroup];
        int arrived = 0;
        for (int lane = 0; lane < lanes; lane++) {
            const Fiber *fiber = &fibers[first + lane];
            operands[lane] = fiber->operand;
            arrived += states[first + lane] == atCollective && fiber->combine == fibers[first].combine;
        }
        // Lanes that are at different instructions never meet.
        if (arrived < lanes) continue;
        fibers[first].combine(operands);
        for (int lane = 0; lane < lanes; lane++) set(first + lane, ready);
    }
}

// Lets go whom everybody has come for. Returns whether anyone may run.
static int release(void) {
    if (counts[atBarrier] > 0) releaseBarriers();
    if (counts[atCondition] > 0) releaseConditions();
    if (counts[atCollective] > 0) releaseCollectives();
    return counts[ready] > 0;
}

static enum EmulationOutcome runGroup(int isReversed) {
    emulatedMemoryBegins(current->memoryByteCount);
    if (current->staticByteCount > 0) memset(current->statics, 0xFF, current->staticByteCount);
    memset(counts, 0, sizeof(counts));
    memset(states, ready, sizeof(states));
    counts[ready] = emulatedThreadCount;
    while (counts[finished] < emulatedThreadCount) {
        if (fault != emulationDone) return fault;
        if (!release()) return emulationStuck;
        for (int index = 0; index < emulatedThreadCount; index++) {
            int thread = isReversed ? emulatedThreadCount - 1 - index : index;
            if (states[thread] == ready) resume(thread);
        }
    }
    return fault;
}

enum EmulationOutcome emulateLaunch(const EmulatedLaunch *launch) {
    if (launch->threads > largestGroup || launch->threads % warp != 0) return emulationHasNoSuchGroups;
    if (!stacks) stacks = malloc((size_t)largestGroup * stackStep);
    if (!stacks) abort();
    fault = emulationDone;
    current = launch;
    emulatedThreadCount = launch->threads;
    memcpy(emulatedGroupCount, launch->groups, sizeof(emulatedGroupCount));
    enum EmulationOutcome outcome = emulationDone;
    for (int z = 0; z < launch->groups[2]; z++)
        for (int y = 0; y < launch->groups[1]; y++)
            for (int x = 0; x < launch->groups[0] && outcome == emulationDone; x++) {
                emulatedGroup[0] = x;
                emulatedGroup[1] = y;
                emulatedGroup[2] = z;
                // Who reads what another thread writes without a barrier between gets it wrong in one order or the
                // other.
                outcome = runGroup((x + y + z) & 1);
            }
    if (outcome != emulationDone) madeCount = 0;
    return outcome;
}
