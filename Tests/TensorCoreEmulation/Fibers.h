#ifndef FIBERS_H
#define FIBERS_H

// A group of threads as fibers on one processor thread.

#include "TensorCoreEmulation.h"

// The index of the running thread in its group, and of its group.
extern int emulatedThread;
extern int emulatedGroup[3];

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

// Runs `body` as every thread of every group, group after group.
enum EmulationOutcome emulateLaunch(
    int groupsX, int groupsY, int groupsZ, int threads, void (*body)(const void *), const void *context);

#endif
