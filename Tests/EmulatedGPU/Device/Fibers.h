#ifndef FIBERS_H
#define FIBERS_H

// A group of threads as fibers on one processor thread.

#include <stddef.h>
#include <stdint.h>

// How a launch ended.
enum EmulationOutcome : int32_t {
    emulationDone = 0,
    // Threads waited for each other in ways that would hang a GPU.
    emulationStuck,
    // A move of 16 or 8 bytes was not aligned, at which a GPU stops.
    emulationMisaligned,
    // A product read shared memory that was not there for it yet, or that changed before it was over.
    emulationRaced,
    // The group was given less memory than it uses.
    emulationOutOfMemory,
    // So many threads are no whole warps, or too many.
    emulationHasNoSuchGroups,
};

// The index of the running thread in its group, and of its group; how many there are.
extern int emulatedThread, emulatedThreadCount;
extern int emulatedGroup[3], emulatedGroupCount[3];

// Waits until all threads of the group are here.
void emulatedBarrier(void);

// Waits until so many threads of the group are at the barrier of that number.
void emulatedThreadsBarrier(int number, int threads);

// Waits until the condition holds.
void emulatedWait(int (*condition)(const void *context), const void *context);

// Waits until all lanes of the warp are here with an operand each; the last one calls `combine` with all 32 in lane
// order, which may write into them.
void emulatedCollective(void *operand, void (*combine)(void *operands[32]));

// The same of the 128 threads of a warpgroup.
void emulatedWarpgroupCollective(void *operand, void (*combine)(void *operands[128]));

// Notes a move of so many bytes that isn't aligned to them.
void emulatedMove(const void *address, int byteCount);

// Ends the launch with that outcome unless it has failed already.
void emulatedFault(enum EmulationOutcome outcome);

// What is to run: `body` as every thread of every group, group after group.
typedef struct {
    int groups[3];
    int threads;
    void (*body)(const void *context);
    const void *context;
    // What the kernel declares as shared.
    char *statics;
    size_t staticByteCount;
    // What a group has besides, by the launch.
    size_t memoryByteCount;
} EmulatedLaunch;

enum EmulationOutcome emulateLaunch(const EmulatedLaunch *launch);

#endif
