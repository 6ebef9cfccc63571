#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define GROUP_N 64
#define HAS_NORM 0
#define STAGES 4
#define FAULT emulationNothingPublished
#define VARIANT emulatedWarpgroupProduct_NothingPublished

#include "WarpgroupProduct.h"
