#define WEIGHT_TYPE 1
#define COMPUTE_TYPE 1
#define CONSUMERS 1
#define TILE_N 64
#define VARIANT emulatedWarpgroupProduct_1_1_64

#include "WarpgroupProduct.h"
