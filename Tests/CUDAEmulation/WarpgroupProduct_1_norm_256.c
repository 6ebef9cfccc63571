#define WEIGHT_TYPE 1
#define COMPUTE_TYPE 1
#define CONSUMERS 2
#define GROUP_N 256
#define HAS_NORM 1
#define STAGES 3
#define VARIANT emulatedWarpgroupProduct_1_norm_256

#include "WarpgroupProduct.h"
