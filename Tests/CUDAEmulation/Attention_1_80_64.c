#define COMPUTE_TYPE 1
#define HEAD_SIZE 80
#define QUERIES 64
#define VARIANT emulatedAttention_1_80_64

#include "Attention.h"
