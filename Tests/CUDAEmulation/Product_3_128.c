#define WEIGHT_TYPE 3
#define COMPUTE_TYPE 2
#define TILE_M 128
#define TILE_N 128
#define WARPS_M 2
#define WARPS_N 4
#define VARIANT emulatedProduct_3_128

#include "Product.h"
