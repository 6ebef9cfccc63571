#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define TILE_M 64
#define TILE_N 80
#define WARPS_M 4
#define WARPS_N 1
#define VARIANT emulatedProduct_2_80

#include "Product.h"
