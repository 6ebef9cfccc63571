#define WEIGHT_TYPE 3
#define COMPUTE_TYPE 2
#define TILE 128
#define VARIANT emulatedProduct_3_128

#include "Product.h"
