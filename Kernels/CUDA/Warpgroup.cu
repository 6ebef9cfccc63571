// What a warpgroup, four warps of 128 threads, has from sm_90a on: products of tiles in shared memory that run beside
// the threads, and barriers that count arrivals by phases.
//
// Sources: PTX ISA, "Asynchronous Warpgroup Level Matrix Multiply-Accumulate", "Matrix descriptor format", "mbarrier",
// "Async proxy". The tests run the kernels on a processor with the same functions written out, which find operands that
// aren't there yet and operands that change too early (Tests/EmulatedGPU/Device).

// Memory of the group whose size the launch says.
#define GROUP_MEMORY(name) extern __shared__ unsigned char name[]
#define GROUP_LIMITS(threads) __launch_bounds__(threads, 1)

// MARK: Phases

// Completes a phase whenever so many arrivals have come. Phases are told apart by their parity, 0 for the first.
typedef unsigned long long phase_barrier;

FUNCTION void begin_phases(phase_barrier *barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
FUNCTION void arrive(phase_barrier *barrier) {
    asm volatile("{ .reg .b64 state; mbarrier.arrive.shared::cta.b64 state, [%0]; }" ::"r"(shared_address(barrier))
                 : "memory");
}
// Waits for the end of the phase of that parity; the one before the first has ended.
FUNCTION void wait_for_phase(phase_barrier *barrier, int parity) {
    uint is_over;
    do {
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
            : "=r"(is_over)
            : "r"(shared_address(barrier)), "r"(parity)
            : "memory");
    } while (!is_over);
}
// Waits until so many threads are at the barrier of that number, of 1 to 15.
FUNCTION void wait_for_threads(int number, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

// MARK: Products

// What this thread has written to shared memory may be read by products that begin after it arrives somewhere.
FUNCTION void publish_to_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// The sums are this thread's from here on until `begin_products` hands them to the products.
FUNCTION void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
FUNCTION void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// The registers of a thread's sums, and the operands after them.
#define REGISTERS_32                                                                                                 \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, " \
    "%24, %25, %26, %27, %28, %29, %30, %31"
#define REGISTERS_40 REGISTERS_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define REGISTERS_64                                                                                                 \
    REGISTERS_40                                                                                                     \
    ", %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, "    \
    "%61, %62, %63"
#define REGISTERS_128                                                                                                \
    REGISTERS_64                                                                                                     \
    ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, "    \
    "%85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103, %104, "      \
    "%105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, "   \
    "%123, %124, %125, %126, %127"

#define SUMS_8(s, i)                                                                                                 \
    "+f"(s[i]), "+f"(s[i + 1]), "+f"(s[i + 2]), "+f"(s[i + 3]), "+f"(s[i + 4]), "+f"(s[i + 5]), "+f"(s[i + 6]),      \
        "+f"(s[i + 7])
#define SUMS_32(s, i) SUMS_8(s, i), SUMS_8(s, i + 8), SUMS_8(s, i + 16), SUMS_8(s, i + 24)

#if GROUP_N == 64
#define SUMS(s) SUMS_32(s, 0)
#define PRODUCT_OF "m64n64k16"
#define OPERANDS "{" REGISTERS_32 "}, %32, %33"
#elif GROUP_N == 80
#define SUMS(s) SUMS_32(s, 0), SUMS_8(s, 32)
#define PRODUCT_OF "m64n80k16"
#define OPERANDS "{" REGISTERS_40 "}, %40, %41"
#elif GROUP_N == 128
#define SUMS(s) SUMS_32(s, 0), SUMS_32(s, 32)
#define PRODUCT_OF "m64n128k16"
#define OPERANDS "{" REGISTERS_64 "}, %64, %65"
#else
#define SUMS(s) SUMS_32(s, 0), SUMS_32(s, 32), SUMS_32(s, 64), SUMS_32(s, 96)
#define PRODUCT_OF "m64n256k16"
#define OPERANDS "{" REGISTERS_128 "}, %128, %129"
#endif

// sums[64, GROUP_N] += a[64, 16] · w[GROUP_N, 16]ᵀ by the four warps; nothing may touch the sums before they are waited
// for. Warp i holds rows 16 i and up; its lane l, of each eight columns, what `multiply_add` gives.
FUNCTION void begin_multiply_add(float sums[GROUP_N / 2], unsigned long long a, unsigned long long w) {
    asm volatile(
        "{ .reg .pred adds; setp.eq.u32 adds, 0, 0; wgmma.mma_async.sync.aligned." PRODUCT_OF ".f32." MMA_TYPE
        "." MMA_TYPE " " OPERANDS ", adds, 1, 1, 0, 0; }"
        : SUMS(sums)
        : "l"(a), "l"(w));
}
// Waits for all products but those before the last `end_products`, or for all.
FUNCTION void wait_for_products_but_last(float sums[GROUP_N / 2]) {
    asm volatile("wgmma.wait_group.sync.aligned 1;" : SUMS(sums)::"memory");
}
FUNCTION void wait_for_products(float sums[GROUP_N / 2]) {
    asm volatile("wgmma.wait_group.sync.aligned 0;" : SUMS(sums)::"memory");
}
