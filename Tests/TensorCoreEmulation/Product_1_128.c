#define WEIGHT_TYPE 1
#define COMPUTE_TYPE 1
#define TILE 128
#define VARIANT emulatedProduct_1_128

#include "Product.h"
