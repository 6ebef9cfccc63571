#include "SharedMemory.h"

#include <string.h>

enum { readable = 0, nobody = -1 };

enum { piece = 16, pieceCount = emulatedMemoryByteCount / piece, largestGroup = 1024, largestQueue = 64 };

// It doesn't begin at a multiple of 1024, which kernels may not take for granted.
enum { firstAddress = 1024 + 256 };

static _Alignas(1024) unsigned char memory[firstAddress + emulatedMemoryByteCount];

// Of a piece: readable by products, the thread that has written it or copies into it, plus 1, or nobody.
typedef struct {
    short writer;
    char isOnItsWay;
} Piece;

// The last one stands for the memory that kernels declare themselves.
static Piece pieces[pieceCount + 1];
static size_t givenByteCount;

typedef struct {
    unsigned char *target;
    unsigned char bytes[piece];
    int group;
} Copy;

static struct {
    Copy copies[largestQueue];
    int count, group;
} queues[largestGroup];

unsigned char *emulatedMemory(void) { return memory + firstAddress; }

unsigned emulatedMemoryAddress(const void *p) { return (unsigned)((const unsigned char *)p - memory); }

void emulatedMemoryBegins(size_t byteCount) {
    givenByteCount = byteCount;
    // Numbers that aren't any, and barriers that never let go.
    memset(emulatedMemory(), 0xFF, byteCount);
    for (size_t index = 0; index <= byteCount / piece; index++) pieces[index] = (Piece){.writer = nobody};
    pieces[pieceCount] = (Piece){.writer = nobody};
    for (int thread = 0; thread < emulatedThreadCount; thread++) queues[thread].count = queues[thread].group = 0;
}

// The piece at an address.
static Piece *pieceAt(const void *p) {
    uintptr_t offset = (uintptr_t)p - (uintptr_t)emulatedMemory();
    if (offset < emulatedMemoryByteCount && offset >= givenByteCount) emulatedFault(emulationOutOfMemory);
    return &pieces[offset < givenByteCount ? offset / piece : pieceCount];
}

void emulatedStore(void *target, const void *source, int byteCount) {
    emulatedMove(target, byteCount);
    if (pieceAt(target)->isOnItsWay) emulatedFault(emulationRaced);
    pieceAt(target)->writer = (short)(emulatedThread + 1);
    memcpy(target, source, (size_t)byteCount);
}

// MARK: Copies

void emulatedCopyAsync(void *target, const void *source, int byteCount) {
    emulatedMove(target, piece);
    emulatedMove(source, piece);
    if (queues[emulatedThread].count == largestQueue) return emulatedFault(emulationRaced);
    pieceAt(target)->writer = (short)(emulatedThread + 1);
    pieceAt(target)->isOnItsWay = 1;
    memset(target, 0xFF, piece);
    Copy *copy = &queues[emulatedThread].copies[queues[emulatedThread].count++];
    *copy = (Copy){.target = target, .group = queues[emulatedThread].group};
    memcpy(copy->bytes, source, (size_t)byteCount);
}

void emulatedEndCopies(void) { queues[emulatedThread].group++; }

void emulatedWaitForCopies(int groupsLeft) {
    int count = 0;
    for (int index = 0; index < queues[emulatedThread].count; index++) {
        Copy *copy = &queues[emulatedThread].copies[index];
        if (copy->group < queues[emulatedThread].group - groupsLeft) {
            memcpy(copy->target, copy->bytes, piece);
            pieceAt(copy->target)->isOnItsWay = 0;
        } else {
            queues[emulatedThread].copies[count++] = *copy;
        }
    }
    queues[emulatedThread].count = count;
}

// MARK: Products

void emulatedPublish(void) {
    for (size_t index = 0; index < givenByteCount / piece; index++)
        if (pieces[index].writer == emulatedThread + 1 && !pieces[index].isOnItsWay)
            pieces[index].writer = readable;
}

const unsigned char *emulatedProductRead(unsigned address) {
    if (address >= sizeof(memory) || pieceAt(memory + address)->writer != readable) emulatedFault(emulationRaced);
    return memory + address % sizeof(memory);
}

// MARK: Phases

typedef struct {
    short arrivals, missing;
    int phase;
} Phases;

void emulatedBeginPhases(void *barrier, int arrivals) {
    emulatedMove(barrier, sizeof(Phases));
    *(Phases *)barrier = (Phases){.arrivals = (short)arrivals, .missing = (short)arrivals};
}

void emulatedArrive(void *barrier) {
    Phases *phases = barrier;
    if (--phases->missing > 0) return;
    phases->missing = phases->arrivals;
    phases->phase++;
}

typedef struct {
    const Phases *phases;
    int parity;
} Phase;

static int isOver(const void *context) {
    const Phase *phase = context;
    return (phase->phases->phase & 1) != phase->parity;
}

void emulatedWaitForPhase(void *barrier, int parity) {
    Phase phase = {barrier, parity};
    emulatedWait(isOver, &phase);
}
