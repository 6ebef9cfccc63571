#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define TILE_N 64
#define FAULT emulationSumsNotHandedOver
#define VARIANT emulatedWarpgroupProduct_SumsNotHandedOver

#include "WarpgroupProduct.h"
