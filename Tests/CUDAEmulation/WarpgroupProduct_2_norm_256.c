#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define CONSUMERS 2
#define GROUP_N 256
#define HAS_NORM 1
#define STAGES 3
#define VARIANT emulatedWarpgroupProduct_2_norm_256

#include "WarpgroupProduct.h"
