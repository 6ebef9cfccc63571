#define WEIGHT_TYPE 1
#define COMPUTE_TYPE 1
#define TILE 64
#define VARIANT emulatedProduct_1_64

#include "Product.h"
