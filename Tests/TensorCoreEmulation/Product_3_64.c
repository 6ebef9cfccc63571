#define WEIGHT_TYPE 3
#define COMPUTE_TYPE 2
#define TILE 64
#define VARIANT emulatedProduct_3_64

#include "Product.h"
