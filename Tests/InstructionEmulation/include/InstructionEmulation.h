#ifndef INSTRUCTION_EMULATION_H
#define INSTRUCTION_EMULATION_H

/// Lets this process run the instructions of AMX and of AVX-VNNI that the kernels use, on processors with AVX2 that
/// lack them: there they raise SIGILL, whose handler does what Intel's manual says of them, with tiles of each thread's
/// own. Where they are there and granted nothing is emulated.
void emulate_missing_instructions(void);

/// Tile products emulated so far.
long emulated_tile_product_count(void);

/// Dot products of AVX-VNNI emulated so far.
long emulated_dot_product_count(void);

#endif
