#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define TILE_N 64
#define VARIANT emulatedWarpgroupProduct_2_1_64

#include "WarpgroupProduct.h"
