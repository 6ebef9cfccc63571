#define COMPUTE_TYPE 2
#define HEAD_SIZE 80
#define QUERIES 64
#define VARIANT emulatedAttention_2_80_64

#include "Attention.h"
