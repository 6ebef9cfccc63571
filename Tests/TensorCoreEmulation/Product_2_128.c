#define WEIGHT_TYPE 2
#define COMPUTE_TYPE 2
#define TILE 128
#define VARIANT emulatedProduct_2_128

#include "Product.h"
