#define WEIGHT_TYPE 3
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define TILE_N 64
#define VARIANT emulatedWarpgroupProduct_3_1_64

#include "WarpgroupProduct.h"
