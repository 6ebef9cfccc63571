#define WEIGHT_TYPE 1
#define COMPUTE_TYPE 1
#define CONSUMERS 2
#define TILE_N 256
#define VARIANT emulatedWarpgroupProduct_1_2_256

#include "WarpgroupProduct.h"
