#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 2
#define TILE_N 256
#define VARIANT emulatedWarpgroupProduct_2_2_256

#include "WarpgroupProduct.h"
