#define WEIGHT_TYPE 3
#define COMPUTE_TYPE 2
#define CONSUMERS 1
#define GROUP_N 64
#define HAS_NORM 0
#define STAGES 4
#define VARIANT emulatedWarpgroupProduct_3_1_64

#include "WarpgroupProduct.h"
