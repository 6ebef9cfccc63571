#define WEIGHT_TYPE 1
#define COMPUTE_TYPE 1
#define CONSUMERS 2
#define GROUP_N 256
#define HAS_NORM 0
#define STAGES 4
#define VARIANT emulatedWarpgroupProduct_1_2_256

#include "WarpgroupProduct.h"
