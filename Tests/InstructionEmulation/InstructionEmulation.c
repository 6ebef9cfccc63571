#define _GNU_SOURCE
#include "InstructionEmulation.h"

#if defined(__x86_64__) && defined(__linux__)

#include <dlfcn.h>
#include <immintrin.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (instructions, encodings) and volume
// 1, chapter 18 (configuration).

enum { tile_count = 8, most_rows = 16, row_size = 64 };

struct configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static _Thread_local struct configuration current;
static _Thread_local _Alignas(64) uint8_t tiles[tile_count][most_rows][row_size];

static struct sigaction previous;
typedef int change_action(int, const struct sigaction *, struct sigaction *);
static change_action *_Atomic next_sigaction;
static atomic_long product_count, dot_count;

/// Offsets in what the system saves of an interrupted thread: XSAVE's area in its standard form (volume 1, chapter 13).
enum { lower_halves = 160, saved_parts = 512, upper_halves = 576 };

// MARK: Decoding

/// A VEX-encoded instruction of opcode map 2, which all of AMX and of AVX-VNNI is.
struct instruction {
    uint8_t opcode;
    /// 0 none, 1 is 66, 2 is F3, 3 is F2.
    uint8_t prefix;
    /// Operands in registers: ModRM.reg, ModRM.rm and VEX.vvvv.
    uint8_t reg, rm, vvvv;
    _Bool is_wide, has_memory, has_index;
    uint64_t address;
    int64_t stride;
    int length;
};

static uint64_t general_register(const greg_t *registers, int number) {
    static const int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)registers[places[number]];
}

static _Bool decode(const greg_t *registers, struct instruction *result) {
    const uint8_t *start = (const uint8_t *)registers[REG_RIP], *code = start;
    // C4, then R̅X̅B̅ and the map, then W, which is 0, v̅v̅v̅v̅, L and the prefix.
    if (code[0] != 0xC4 || (code[1] & 0x1F) != 2 || (code[2] & 0x80) != 0) return 0;
    *result = (struct instruction){0};
    int r = !(code[1] & 0x80), x = !(code[1] & 0x40), b = !(code[1] & 0x20);
    result->vvvv = ~code[2] >> 3 & 15;
    result->prefix = code[2] & 3;
    result->is_wide = (code[2] & 4) != 0;
    result->opcode = code[3];
    int mode = code[4] >> 6;
    result->reg = (code[4] >> 3 & 7) | r << 3;
    result->rm = (code[4] & 7) | b << 3;
    result->has_memory = mode != 3;
    code += 5;
    if (!result->has_memory) {
        result->length = (int)(code - start);
        return 1;
    }
    int base = result->rm;
    _Bool has_base = 1, is_relative = 0;
    if ((base & 7) == 4) {
        int index = (*code >> 3 & 7) | x << 3, scale = *code >> 6;
        base = (*code & 7) | b << 3;
        has_base = !(mode == 0 && (base & 7) == 5);
        result->has_index = index != 4;
        if (result->has_index) result->stride = (int64_t)(general_register(registers, index) << scale);
        code += 1;
    } else if (mode == 0 && (base & 7) == 5) {
        has_base = 0;
        is_relative = 1;
    }
    int64_t displacement = 0;
    if (mode == 1) {
        displacement = (int8_t)*code;
        code += 1;
    } else if (mode == 2 || !has_base) {
        int32_t wide;
        memcpy(&wide, code, 4);
        displacement = wide;
        code += 4;
    }
    result->length = (int)(code - start);
    result->address = (uint64_t)displacement + (has_base ? general_register(registers, base) : 0)
                      + (is_relative ? (uint64_t)start + (uint64_t)result->length : 0);
    return 1;
}

// MARK: Tiles

/// What the processor refuses as a configuration, is refused here.
static _Bool configure(const struct configuration *wanted) {
    struct configuration none = {0};
    if (wanted->palette == 0) {
        current = none;
        return 1;
    }
    if (wanted->palette != 1 || wanted->start_row != 0 || memcmp(wanted->reserved, none.reserved, sizeof none.reserved))
        return 0;
    for (int tile = 0; tile < 16; tile += 1) {
        int bytes = wanted->row_bytes[tile], rows = wanted->rows[tile];
        if (bytes > (tile < tile_count ? row_size : 0) || rows > (tile < tile_count ? most_rows : 0)) return 0;
        if ((bytes == 0) != (rows == 0)) return 0;
    }
    current = *wanted;
    memset(tiles, 0, sizeof tiles);
    return 1;
}

static _Bool is_configured(int tile) { return current.palette == 1 && tile < tile_count && current.rows[tile] > 0; }

static void load(int tile, const uint8_t *source, int64_t stride) {
    memset(tiles[tile], 0, sizeof tiles[tile]);
    for (int row = 0; row < current.rows[tile]; row += 1)
        memcpy(tiles[tile][row], source + row * stride, current.row_bytes[tile]);
}

static void store(int tile, uint8_t *target, int64_t stride) {
    for (int row = 0; row < current.rows[tile]; row += 1)
        memcpy(target + row * stride, tiles[tile][row], current.row_bytes[tile]);
}

/// The sums of a tile's rows start at zero, those of even and of odd numbers apart; then both are added, and that to
/// the target. Fused, to nearest even, subnormal numbers as zero.
static void multiply_brain(int target, int left, int right) {
    const __m256i upper = _mm256_set1_epi32((int)0xFFFF0000);
    for (int m = 0; m < current.rows[target]; m += 1) {
        __m256 even[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()}, odd[2] = {even[0], even[0]};
        for (int k = 0; k < current.row_bytes[left] / 4; k += 1) {
            int pair;
            memcpy(&pair, tiles[left][m] + 4 * k, 4);
            __m256i a = _mm256_set1_epi32(pair);
            __m256 a0 = _mm256_castsi256_ps(_mm256_slli_epi32(a, 16)), a1 = _mm256_castsi256_ps(_mm256_and_si256(a, upper));
            for (int half = 0; half < 2; half += 1) {
                __m256i b = _mm256_load_si256((const __m256i *)tiles[right][k] + half);
                even[half] = _mm256_fmadd_ps(a0, _mm256_castsi256_ps(_mm256_slli_epi32(b, 16)), even[half]);
                odd[half] = _mm256_fmadd_ps(a1, _mm256_castsi256_ps(_mm256_and_si256(b, upper)), odd[half]);
            }
        }
        for (int half = 0; half < 2; half += 1) {
            float *sums = (float *)tiles[target][m] + 8 * half;
            _mm256_store_ps(sums, _mm256_add_ps(_mm256_load_ps(sums), _mm256_add_ps(even[half], odd[half])));
        }
    }
}

/// Unsigned bytes on the left, signed ones on the right; sums wrap.
static void multiply_bytes(int target, int left, int right) {
    for (int m = 0; m < current.rows[target]; m += 1) {
        // Two sums of each column, of bytes 0 and 1 and of bytes 2 and 3 of every quad.
        __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
        for (int k = 0; k < current.row_bytes[left] / 4; k += 1) {
            int quad;
            memcpy(&quad, tiles[left][m] + 4 * k, 4);
            __m256i a = _mm256_cvtepu8_epi16(_mm_set1_epi32(quad));
            for (int part = 0; part < 4; part += 1) {
                __m256i b = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)tiles[right][k] + part));
                sums[part] = _mm256_add_epi32(sums[part], _mm256_madd_epi16(a, b));
            }
        }
        int32_t *row = (int32_t *)tiles[target][m];
        _Alignas(32) int32_t halves[32];
        for (int part = 0; part < 4; part += 1) _mm256_store_si256((__m256i *)halves + part, sums[part]);
        for (int n = 0; n < 16; n += 1)
            row[n] = (int32_t)((uint32_t)row[n] + (uint32_t)halves[2 * n] + (uint32_t)halves[2 * n + 1]);
    }
}

/// C `[m, n]` += A `[m, k]` · B `[k, n]`, in 4-byte elements of different tiles.
static _Bool can_multiply(int target, int left, int right) {
    return is_configured(target) && is_configured(left) && is_configured(right) && target != left && target != right
           && left != right && current.rows[target] == current.rows[left]
           && current.row_bytes[target] == current.row_bytes[right]
           && current.row_bytes[left] == 4 * current.rows[right];
}

static _Bool multiply(const struct instruction *i, void (*body)(int, int, int)) {
    if (i->has_memory || !can_multiply(i->reg, i->rm, i->vvvv)) return 0;
    body(i->reg, i->rm, i->vvvv);
    atomic_fetch_add_explicit(&product_count, 1, memory_order_relaxed);
    return 1;
}

enum { none, p66, pF3, pF2 };

static _Bool perform(const struct instruction *i) {
    if (i->is_wide) return 0;
    _Bool unused = i->vvvv == 0;  // An operand that an instruction lacks, which must be encoded so.
    switch (i->opcode << 8 | i->prefix) {
        case 0x49 << 8 | none:
            if (!unused || (i->reg & 15) != 0) return 0;
            if (i->has_memory)  // LDTILECFG
                return configure((const struct configuration *)(i->address + (uint64_t)i->stride));
            if (i->rm != 0) return 0;
            current = (struct configuration){0};  // TILERELEASE
            return 1;
        case 0x49 << 8 | pF2:  // TILEZERO
            if (!unused || i->has_memory || !is_configured(i->reg)) return 0;
            memset(tiles[i->reg], 0, sizeof tiles[i->reg]);
            return 1;
        case 0x4B << 8 | pF2:  // TILELOADD
        case 0x4B << 8 | p66:  // TILELOADDT1
        case 0x4B << 8 | pF3:  // TILESTORED
            if (!unused || !i->has_memory || !i->has_index || !is_configured(i->reg)) return 0;
            if (i->prefix == pF3)
                store(i->reg, (uint8_t *)i->address, i->stride);
            else
                load(i->reg, (const uint8_t *)i->address, i->stride);
            return 1;
        case 0x5C << 8 | pF3:  // TDPBF16PS
            return multiply(i, multiply_brain);
        case 0x5E << 8 | p66:  // TDPBUSD
            return multiply(i, multiply_bytes);
        default: return 0;
    }
}

// MARK: Dot products of integers

/// A 256-bit register of the interrupted code, which lies there in two halves.
static __m256i vector_register(const uint8_t *saved, int number) {
    return _mm256_loadu2_m128i(
        (const __m128i *)(saved + upper_halves + 16 * number), (const __m128i *)(saved + lower_halves + 16 * number));
}

/// Of three registers, what adds products to 32-bit sums, which wrap: VPDPBUSD those of quads of unsigned bytes with
/// signed ones, VPDPWSSD those of pairs of 16 bits.
static _Bool dot(const struct instruction *i, uint8_t *saved) {
    _Bool has_bytes = i->opcode == 0x50;
    if (!(has_bytes || i->opcode == 0x52) || i->prefix != p66 || !i->is_wide || i->has_memory || saved == NULL) return 0;
    _Alignas(32) uint8_t left[32];
    _Alignas(32) int8_t right[32];
    _Alignas(32) int32_t sums[8];
    _mm256_store_si256((__m256i *)left, vector_register(saved, i->vvvv));
    _mm256_store_si256((__m256i *)right, vector_register(saved, i->rm));
    _mm256_store_si256((__m256i *)sums, vector_register(saved, i->reg));
    for (int lane = 0; lane < 8; lane += 1) {
        uint32_t sum = (uint32_t)sums[lane];
        for (int byte = 4 * lane; has_bytes && byte < 4 * lane + 4; byte += 1) sum += (uint32_t)(left[byte] * right[byte]);
        for (int place = 2 * lane; !has_bytes && place < 2 * lane + 2; place += 1)
            sum += (uint32_t)(((const int16_t *)left)[place] * ((const int16_t *)right)[place]);
        sums[lane] = (int32_t)sum;
    }
    memcpy(saved + lower_halves + 16 * i->reg, sums, 16);
    memcpy(saved + upper_halves + 16 * i->reg, sums + 4, 16);
    // Upper halves that were all zeros count as not in use, and would be restored as zeros.
    saved[saved_parts] |= 1 << 2;
    atomic_fetch_add_explicit(&dot_count, 1, memory_order_relaxed);
    return 1;
}

// MARK: Installation

/// Goes on for as long as emulated instructions follow each other: a signal takes longer than most of them.
static void handle(int signal, siginfo_t *info, void *context) {
    (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct instruction instruction;
    uint8_t *saved = (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs;
    _Bool is_ours = 0;
    _mm_setcsr(0x9FC0);  // To nearest even, subnormal numbers as zero, nothing trapped; the interrupted code's comes back.
    while (decode(registers, &instruction) && (perform(&instruction) || dot(&instruction, saved))) {
        registers[REG_RIP] += instruction.length;
        is_ours = 1;
    }
    if (!is_ours) next_sigaction(signal, &previous, NULL);  // It runs again, and fails as it would have.
}

static atomic_bool is_installed;

/// In place of the C library's for the whole process: an OpenCL driver's compiler installs handlers of its own, which
/// delete the files that it is writing, whatever the signal was. SIGILL stays ours.
int sigaction(int signal, const struct sigaction *action, struct sigaction *old) {
    if (next_sigaction == NULL) next_sigaction = (change_action *)dlsym(RTLD_NEXT, "sigaction");
    return next_sigaction(signal, signal == SIGILL && is_installed ? NULL : action, old);
}

void emulate_missing_instructions(void) {
    if (atomic_exchange(&is_installed, 1)) return;
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER};
    action.sa_sigaction = handle;
    sigemptyset(&action.sa_mask);
    sigaction(SIGILL, NULL, &previous);  // Finds the next one.
    next_sigaction(SIGILL, &action, NULL);
}

long emulated_tile_product_count(void) { return product_count; }
long emulated_dot_product_count(void) { return dot_count; }

#else

void emulate_missing_instructions(void) {}
long emulated_tile_product_count(void) { return 0; }
long emulated_dot_product_count(void) { return 0; }

#endif
