#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define TILE 64
#define VARIANT emulatedProduct_2_64

#include "Product.h"
