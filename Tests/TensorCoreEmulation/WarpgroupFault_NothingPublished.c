#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define TILE_N 64
#define FAULT emulationNothingPublished
#define VARIANT emulatedWarpgroupProduct_NothingPublished

#include "WarpgroupProduct.h"
