#define WEIGHT_TYPE 3
#define COMPUTE_TYPE 2
#define CONSUMERS 2
#define GROUP_N 256
#define HAS_NORM 0
#define STAGES 4
#define VARIANT emulatedWarpgroupProduct_3_2_256

#include "WarpgroupProduct.h"
