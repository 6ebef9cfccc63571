#ifndef XLSR_CPU_SHIM_H
#define XLSR_CPU_SHIM_H

// What Swift can't say about a processor. All of it is inlined: no symbol is left that copies of the kernels could share.

/// Asks for the cache line at an address, which may be anywhere: nothing is read, nothing can fail.
static inline __attribute__((always_inline)) void xlsr_prefetch(const void *_Nonnull address) {
    __builtin_prefetch(address);
}

/// Tells the processor that the thread only waits.
static inline __attribute__((always_inline)) void xlsr_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
