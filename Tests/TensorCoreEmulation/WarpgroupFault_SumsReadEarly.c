#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define TILE_N 64
#define FAULT emulationSumsReadEarly
#define VARIANT emulatedWarpgroupProduct_SumsReadEarly

#include "WarpgroupProduct.h"
