#ifndef XLSR_CPU_SHIM_H
#define XLSR_CPU_SHIM_H

#include <stddef.h>

// What Swift can't say about a processor. What kernels use is inlined: no symbol is left that their copies could share.

/// Asks for the cache line at an address, which may be anywhere: nothing is read, nothing can fail.
static inline __attribute__((always_inline)) void xlsr_prefetch(const void *_Nonnull address) {
    __builtin_prefetch(address);
}

/// The same into the second-level cache.
static inline __attribute__((always_inline)) void xlsr_prefetch_second(const void *_Nonnull address) {
    __builtin_prefetch(address, 0, 2);
}

/// Tells the processor that the thread only waits.
static inline __attribute__((always_inline)) void xlsr_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Asks the operating system to let this process use AMX's tiles. Returns whether it may.
_Bool xlsr_request_tiles(void);

/// Whether the processor is an arm64 with dot products of bytes (`asimddp`).
_Bool xlsr_has_byte_dots(void);

#if defined(__AVX2__)

#include <immintrin.h>

// Dot products of neighbours, for processors that have them (VNNI, AVX512_BF16). Assembler, because kernels ask for
// them at run time and are compiled for processors without.

#if defined(__AVX512F__)
typedef __m512i xlsr_words;
#define XLSR_VNNI ""
#else
typedef __m256i xlsr_words;
/// AVX-VNNI: without AVX-512 there is only this encoding.
#define XLSR_VNNI "%{vex%} "
#endif

/// The same words, which the compiler must have in a register here.
static inline __attribute__((always_inline)) xlsr_words xlsr_settled(xlsr_words words) {
    __asm__("" : "+v"(words));
    return words;
}

/// In each lane of 32 bits, adds to `sum` the products of four unsigned bytes with four signed ones.
static inline __attribute__((always_inline)) xlsr_words xlsr_dot_bytes(
    xlsr_words sum, xlsr_words unsigned_bytes, xlsr_words signed_bytes) {
    __asm__(XLSR_VNNI "vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unsigned_bytes), "v"(signed_bytes));
    return sum;
}

/// In each lane of 32 bits, adds to `sum` the products of two integers of 16 bits with two others.
static inline __attribute__((always_inline)) xlsr_words xlsr_dot_shorts(xlsr_words sum, xlsr_words a, xlsr_words b) {
    __asm__(XLSR_VNNI "vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

#if defined(__AVX512F__)

/// In each lane of 32 bits, adds to a float32 the products of two bfloat16 with two others.
static inline __attribute__((always_inline)) __m512 xlsr_dot_brain(__m512 sum, __m512i a, __m512i b) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

/// Rounds to bfloat16, to nearest even; subnormal numbers become zero.
static inline __attribute__((always_inline)) __m256i xlsr_round_to_brain(__m512 x) {
    __m256i result;
    __asm__("vcvtneps2bf16 %1, %0" : "=v"(result) : "v"(x));
    return result;
}

#endif
#endif

#if defined(__aarch64__)

#include <arm_neon.h>

// Products with a number of a row, which is loaded as a scalar: what fills a vector with it takes the multipliers'
// time.

/// Adds the products of all columns with `row`.
static inline __attribute__((always_inline)) float32x4_t xlsr_multiply_add(
    float32x4_t sum, float row, float32x4_t columns) {
    __asm__("fmla %0.4s, %1.4s, %2.s[0]" : "+w"(sum) : "w"(columns), "w"(row));
    return sum;
}

/// In each lane of 32 bits, adds to `sum` the products of four signed bytes with those of `row`. Assembler, because
/// kernels ask for it at run time and are compiled for processors without.
static inline __attribute__((always_inline)) int32x4_t xlsr_dot_bytes(
    int32x4_t sum, float row, int32x4_t columns) {
    __asm__(".arch_extension dotprod\n\tsdot %0.4s, %1.16b, %2.4b[0]" : "+w"(sum) : "w"(columns), "w"(row));
    return sum;
}

/// Per lane of 32 bits the sum of the products of both halves.
static inline __attribute__((always_inline)) int32x4_t xlsr_dot_pairs(int32x4_t a, int32x4_t b) {
    const int16x8_t left = vreinterpretq_s16_s32(a), right = vreinterpretq_s16_s32(b);
    return vpaddq_s32(vmull_s16(vget_low_s16(left), vget_low_s16(right)), vmull_high_s16(left, right));
}

#endif

#if defined(__x86_64__)

// AMX: eight tiles of 16 rows of 64 bytes each. Tiles 0 to 3 hold sums, 32 × 32 of them; 4 and 5 two blocks of rows of
// the left matrix; 6 and 7 two blocks of columns of the right one. Written as assembler, because the compiler's own
// functions for tiles can't be inlined into code for processors without them; it uses no tiles by itself, so none need
// be declared as changed.

/// Sets the tiles up in the calling thread; `xlsr_tiles_end` must follow there.
static inline __attribute__((always_inline)) void xlsr_tiles_begin(void) {
    static const struct {
        unsigned char palette, start_row, reserved[14];
        unsigned short row_bytes[16];
        unsigned char rows[16];
    } configuration = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
}

/// Frees the tiles: while they are in use, a switch of threads saves 8 KB.
static inline __attribute__((always_inline)) void xlsr_tiles_end(void) { __asm__ volatile("tilerelease"); }

static inline __attribute__((always_inline)) void xlsr_tiles_clear_sums(void) {
    __asm__ volatile("tilezero %tmm0\n\ttilezero %tmm1\n\ttilezero %tmm2\n\ttilezero %tmm3");
}

/// Loads a tile of rows 0 to 15 and one of rows 16 to 31, 64 bytes from row to row, past the first-level cache, where
/// the right matrix is to stay.
static inline __attribute__((always_inline)) void xlsr_tiles_load_left(
    const void *_Nonnull upper, const void *_Nonnull lower) {
    __asm__ volatile("tileloaddt1 (%0,%2), %%tmm4\n\ttileloaddt1 (%1,%2), %%tmm5" ::"r"(upper), "r"(lower),
                     "r"((ptrdiff_t)64)
                     : "memory");
}

/// Loads a tile of columns 0 to 15 and one of columns 16 to 31, `stride` bytes from row to row.
static inline __attribute__((always_inline)) void xlsr_tiles_load_right(
    const void *_Nonnull first, const void *_Nonnull second, ptrdiff_t stride) {
    __asm__ volatile("tileloadd (%0,%2), %%tmm6\n\ttileloadd (%1,%2), %%tmm7" ::"r"(first), "r"(second), "r"(stride)
                     : "memory");
}

/// Adds the products of pairs of bfloat16 to float32 sums.
static inline __attribute__((always_inline)) void xlsr_tiles_multiply_brain(void) {
    __asm__ volatile(
        "tdpbf16ps %tmm6, %tmm4, %tmm0\n\t"
        "tdpbf16ps %tmm7, %tmm4, %tmm1\n\t"
        "tdpbf16ps %tmm6, %tmm5, %tmm2\n\t"
        "tdpbf16ps %tmm7, %tmm5, %tmm3");
}

/// Adds the products of quads of unsigned bytes on the left and of signed ones on the right to 32-bit sums.
static inline __attribute__((always_inline)) void xlsr_tiles_multiply_bytes(void) {
    __asm__ volatile(
        "tdpbusd %tmm6, %tmm4, %tmm0\n\t"
        "tdpbusd %tmm7, %tmm4, %tmm1\n\t"
        "tdpbusd %tmm6, %tmm5, %tmm2\n\t"
        "tdpbusd %tmm7, %tmm5, %tmm3");
}

/// Reads sums that `xlsr_tiles_store_sums` has written.
static inline __attribute__((always_inline)) void xlsr_tiles_load_sums(const void *_Nonnull sums, ptrdiff_t stride) {
    const char *rows = (const char *)sums;
    __asm__ volatile(
        "tileloadd (%0,%2), %%tmm0\n\ttileloadd 64(%0,%2), %%tmm1\n\t"
        "tileloadd (%1,%2), %%tmm2\n\ttileloadd 64(%1,%2), %%tmm3" ::"r"(rows),
        "r"(rows + 16 * stride), "r"(stride)
        : "memory");
}

/// Writes the sums as 32 rows of 128 bytes, `stride` bytes from row to row.
static inline __attribute__((always_inline)) void xlsr_tiles_store_sums(void *_Nonnull sums, ptrdiff_t stride) {
    char *rows = (char *)sums;
    __asm__ volatile(
        "tilestored %%tmm0, (%0,%2)\n\ttilestored %%tmm1, 64(%0,%2)\n\t"
        "tilestored %%tmm2, (%1,%2)\n\ttilestored %%tmm3, 64(%1,%2)" ::"r"(rows),
        "r"(rows + 16 * stride), "r"(stride)
        : "memory");
}

#endif

#endif
