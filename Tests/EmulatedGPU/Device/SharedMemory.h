#ifndef SHARED_MEMORY_H
#define SHARED_MEMORY_H

// The memory of a group whose size a launch says, with what is on its way into it and who may read it: threads see what
// they have written, products only what a thread has published to them.

#include "Fibers.h"

enum { emulatedMemoryByteCount = 227 << 10 };

// A group begins with that much memory, and forgets what the last one left.
void emulatedMemoryBegins(size_t byteCount);

// The group's memory; its address as an instruction sees it is that of `emulatedMemoryAddress`.
unsigned char *emulatedMemory(void);
unsigned emulatedMemoryAddress(const void *p);

// A thread's store.
void emulatedStore(void *target, const void *source, int byteCount);
// Copies of 16 bytes that arrive only when they are waited for.
void emulatedCopyAsync(void *target, const void *source, int byteCount);
void emulatedEndCopies(void);
// Waits for all but the last so many groups of copies.
void emulatedWaitForCopies(int groupsLeft);
// Lets products read what this thread has stored, and what it has waited for.
void emulatedPublish(void);
// 16 bytes that a product reads.
const unsigned char *emulatedProductRead(unsigned address);

// Barriers of phases, in 8 bytes of the group's memory.
void emulatedBeginPhases(void *barrier, int arrivals);
void emulatedArrive(void *barrier);
void emulatedWaitForPhase(void *barrier, int parity);

#endif
