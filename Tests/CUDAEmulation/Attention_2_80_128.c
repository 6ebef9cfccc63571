#define COMPUTE_TYPE 2
#define HEAD_SIZE 80
#define QUERIES 128
#define VARIANT emulatedAttention_2_80_128

#include "Attention.h"
