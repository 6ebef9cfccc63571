#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define TILE_M 64
#define TILE_N 64
#define WARPS_M 2
#define WARPS_N 2
#define VARIANT emulatedProduct_2_64

#include "Product.h"
