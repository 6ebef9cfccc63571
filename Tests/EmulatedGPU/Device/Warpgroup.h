#ifndef WARPGROUP_H
#define WARPGROUP_H

// The words of Warpgroup.cu for a processor. Included after TensorCore.h; GROUP_N is defined before.

#define GROUP_MEMORY(name) unsigned char *name = emulatedMemory()
#define GROUP_LIMITS(threads)

typedef unsigned long long phase_barrier;

FUNCTION uint shared_address(const void *p) { return emulatedMemoryAddress(p); }
FUNCTION void begin_phases(phase_barrier *barrier, int arrivals) { emulatedBeginPhases(barrier, arrivals); }
FUNCTION void arrive(phase_barrier *barrier) { emulatedArrive(barrier); }
FUNCTION void wait_for_phase(phase_barrier *barrier, int parity) { emulatedWaitForPhase(barrier, parity); }
FUNCTION void wait_for_threads(int number, int threads) { emulatedThreadsBarrier(number, threads); }
FUNCTION void publish_to_products(void) { emulatedPublish(); }

// MARK: Products

// One product of a warpgroup: what it read when it began, which must still be there when it ends.
typedef struct {
    float *sums[128];
    unsigned long long a, w;
    half_bits a_numbers[64][16];
    half_bits w_numbers[GROUP_N][16];
    int group;
} PendingProduct;

enum { largestWarpgroup = 8, largestPending = 16 };

static struct {
    PendingProduct products[largestPending];
    int count, group, hasBegun;
} pending[largestWarpgroup];

#define PENDING pending[emulatedWarpgroup(operands)]

typedef struct {
    int thread;
    float *sums;
    unsigned long long a, w;
    int groups_left;
} WarpgroupOperand;

FUNCTION int emulatedWarpgroup(void *operands[128]) { return ((WarpgroupOperand *)operands[0])->thread / 128; }

// By the manual: bits 0-13 the address, 32-45 from eight rows to the next eight, both in 16 bytes; 49-51 where the
// pattern begins; 62-63 the pattern: 1 exchanges bits 4-6 of an address by bits 7-9.
FUNCTION void read_tile(unsigned long long descriptor, int rows, half_bits (*numbers)[16]) {
    uint address = (descriptor & 0x3FFF) << 4;
    uint stride = (descriptor >> 32 & 0x3FFF) << 4;
    if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0) emulatedFault(emulationRaced);
    for (int row = 0; row < rows; row++)
        for (int half = 0; half < 2; half++) {
            uint linear = address + row / 8 * stride + row % 8 * 128 + half * 16;
            memcpy(numbers[row] + 8 * half, emulatedProductRead(linear ^ (linear >> 7 & 7) << 4), 16);
        }
}

FUNCTION void combine_begin(void *operands[128]) { PENDING.hasBegun = 1; }

FUNCTION void combine_multiply_tiles(void *operands[128]) {
    if (PENDING.count == largestPending || !PENDING.hasBegun) return emulatedFault(emulationRaced);
    PendingProduct *product = &PENDING.products[PENDING.count++];
    const WarpgroupOperand *first = (const WarpgroupOperand *)operands[0];
    product->a = first->a;
    product->w = first->w;
    product->group = PENDING.group;
    for (int thread = 0; thread < 128; thread++) {
        const WarpgroupOperand *operand = (const WarpgroupOperand *)operands[thread];
        if (operand->a != first->a || operand->w != first->w) emulatedFault(emulationRaced);
        product->sums[thread] = operand->sums;
    }
    read_tile(product->a, 64, product->a_numbers);
    read_tile(product->w, GROUP_N, product->w_numbers);
}

FUNCTION void combine_end(void *operands[128]) {
    PENDING.group++;
    PENDING.hasBegun = 0;
}

FUNCTION void finish(const PendingProduct *product) {
    static half_bits numbers[GROUP_N > 64 ? GROUP_N : 64][16];
    read_tile(product->a, 64, numbers);
    if (memcmp(numbers, product->a_numbers, sizeof(product->a_numbers)) != 0) emulatedFault(emulationRaced);
    read_tile(product->w, GROUP_N, numbers);
    if (memcmp(numbers, product->w_numbers, sizeof(product->w_numbers)) != 0) emulatedFault(emulationRaced);
    static float a[64][16], w[16][GROUP_N];
    for (int k = 0; k < 16; k++) {
        for (int row = 0; row < 64; row++) a[row][k] = NUMBER(product->a_numbers[row][k]);
        for (int column = 0; column < GROUP_N; column++) w[k][column] = NUMBER(product->w_numbers[column][k]);
    }
    for (int row = 0; row < 64; row++) {
        float sums[GROUP_N] = {0};
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < GROUP_N; column++) sums[column] += a[row][k] * w[k][column];
        // By the manual's table of the sums: warp row / 16 holds the row, and of it the lanes of row % 8.
        for (int column = 0; column < GROUP_N; column++) {
            int thread = row / 16 * 32 + row % 8 * 4 + column % 8 / 2;
            product->sums[thread][column / 8 * 4 + row % 16 / 8 * 2 + column % 2] += sums[column];
        }
    }
}

FUNCTION void combine_wait(void *operands[128]) {
    int groups_left = ((WarpgroupOperand *)operands[0])->groups_left;
    int count = 0;
    for (int index = 0; index < PENDING.count; index++) {
        PendingProduct *product = &PENDING.products[index];
        if (product->group < PENDING.group - groups_left) {
            finish(product);
        } else {
            if (count != index) PENDING.products[count] = *product;
            count++;
        }
    }
    PENDING.count = count;
}

FUNCTION void meet_warpgroup(WarpgroupOperand operand, void (*combine)(void *operands[128])) {
    operand.thread = emulatedThread;
    emulatedWarpgroupCollective(&operand, combine);
}

FUNCTION void begin_products(void) { meet_warpgroup((WarpgroupOperand){0}, combine_begin); }
FUNCTION void end_products(void) { meet_warpgroup((WarpgroupOperand){0}, combine_end); }
FUNCTION void begin_multiply_add(float *sums, unsigned long long a, unsigned long long w) {
    meet_warpgroup((WarpgroupOperand){.sums = sums, .a = a, .w = w}, combine_multiply_tiles);
}
FUNCTION void wait_for_products_but_last(float *sums) {
    meet_warpgroup((WarpgroupOperand){.groups_left = 1}, combine_wait);
}
FUNCTION void wait_for_products(float *sums) { meet_warpgroup((WarpgroupOperand){0}, combine_wait); }

// Before a launch, and whether products were begun that nobody waited for, after it.
FUNCTION void forget_products(void) { memset(pending, 0, sizeof(pending)); }
FUNCTION int has_products_left(void) {
    int count = 0;
    for (int index = 0; index < largestWarpgroup; index++) count += pending[index].count;
    return count > 0;
}

// What a faulty product leaves out of what a GPU needs, so that tests can see that it is noticed: the fault of that
// number.
#ifdef EMULATED_FAULT
#define UNLESS_FAULT(number, statement) ((number) == EMULATED_FAULT ? (void)0 : statement)
#define publish_to_products() UNLESS_FAULT(1, publish_to_products())
#define wait_for_copies_but_last() UNLESS_FAULT(2, wait_for_copies_but_last())
#define wait_for_phase(barrier, parity) UNLESS_FAULT(3, wait_for_phase(barrier, parity))
#define begin_products() UNLESS_FAULT(4, begin_products())
#define wait_for_products_but_last(sums) UNLESS_FAULT(5, wait_for_products_but_last(sums))
#define wait_for_products(sums) UNLESS_FAULT(6, wait_for_products(sums))
#endif

#endif
