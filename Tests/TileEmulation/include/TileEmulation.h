#ifndef TILE_EMULATION_H
#define TILE_EMULATION_H

/// Lets this process run the instructions of AMX and of AVX-VNNI that the kernels use, on processors with AVX2 that lack
/// them: there they raise SIGILL, whose handler does what Intel's manual says of them, with tiles of each thread's own. Where
/// they are there and granted nothing is emulated.
void tile_emulation_install(void);

/// Tile products emulated so far.
long tile_emulation_product_count(void);

/// Dot products of AVX-VNNI emulated so far.
long tile_emulation_dot_count(void);

#endif
