// What tensor cores need and CUDA C++ has no words for: the instructions of PTX for a warp of 32 threads (sm_80 and
// up). Numbers of 16 bits are float16 where COMPUTE_TYPE is 1 and bfloat16 where it is 2.
//
// Sources: PTX ISA, "Matrix fragments for mma.m16n8k16", "ldmatrix", "cvt", "shfl.sync". The tests run the kernels on a
// processor with the same functions written out lane by lane (Tests/EmulatedGPU/Device).

#if COMPUTE_TYPE == 1
#define MMA_TYPE "f16"
#define PACK_TYPE "f16x2"
#else
#define MMA_TYPE "bf16"
#define PACK_TYPE "bf16x2"
#endif

// Two numbers rounded to nearest even, the first in the low half; float16 saturates.
FUNCTION uint packed_pair(float low, float high) {
#if COMPUTE_TYPE == 1
    low = in_half_range(low);
    high = in_half_range(high);
#endif
    uint result;
    asm("cvt.rn." PACK_TYPE ".f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
}

FUNCTION uint shared_address(const void *p) {
    unsigned long long generic = (unsigned long long)p;
    uint result;
    asm("{ .reg .u64 a; cvta.to.shared.u64 a, %1; cvt.u32.u64 %0, a; }" : "=r"(result) : "l"(generic));
    return result;
}

// Four 8 × 8 matrices of 16-bit numbers: lanes 8i … 8i + 7 give the addresses of the rows of matrix i, 16 bytes each.
// Lane l gets row l / 4, columns 2 (l % 4) and the next, of each.
FUNCTION void load_matrices(uint result[4], const half_bits *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(result[0]), "=r"(result[1]), "=r"(result[2]), "=r"(result[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// The same of the transposed matrices: lane l gets rows 2 (l % 4) and the next of column l / 4.
FUNCTION void load_matrices_transposed(uint result[4], const half_bits *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(result[0]), "=r"(result[1]), "=r"(result[2]), "=r"(result[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// sums[16, 8] += a[16, 16] · b[16, 8], float32 sums. Lane l holds of sums: row l / 4, columns 2 (l % 4) and the next,
// then the same of row l / 4 + 8; of a, what `load_matrices` gives of its quarters top left, bottom left, top right,
// bottom right; of b, what it gives of the transposed upper and lower half.
FUNCTION void multiply_add(float sums[4], const uint a[4], const uint b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." MMA_TYPE "." MMA_TYPE ".f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// 2^x, right to 22 bits.
FUNCTION float power_of_two(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

// The number of the lane whose index differs by `mask`.
FUNCTION float exchanged(float x, int mask) {
    float result;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(result) : "f"(x), "r"(mask));
    return result;
}

#define SHARED_ALIGNED __shared__ __align__(16)

// Aligned moves of 16 and 8 bytes.
FUNCTION void load_four(float x[4], const float *p) {
    asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(x[0]), "=f"(x[1]), "=f"(x[2]), "=f"(x[3])
                 : "l"(p));
}
FUNCTION void load_two_words(uint words[2], const void *p) {
    asm volatile("ld.global.v2.u32 {%0, %1}, [%2];" : "=r"(words[0]), "=r"(words[1]) : "l"(p));
}
FUNCTION void store_two_words(void *p, uint first, uint second) {
    asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(shared_address(p)), "r"(first), "r"(second) : "memory");
}

// Copies of 16 bytes into shared memory that run beside the thread: the first byte_count of them, then zeros.
FUNCTION void copy_async(void *target, const void *source, int byte_count) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(target)), "l"(source),
                 "r"(byte_count)
                 : "memory");
}
FUNCTION void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
FUNCTION void wait_for_copies() { asm volatile("cp.async.wait_group 0;" ::: "memory"); }
// Waits for all copies but those before the last `end_copies`.
FUNCTION void wait_for_copies_but_last() { asm volatile("cp.async.wait_group 1;" ::: "memory"); }

// Waits for the other lanes of the warp.
#define WARP_BARRIER() __syncwarp()
