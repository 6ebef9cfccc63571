#define COMPUTE_TYPE 2
#define HEAD_SIZE 64
#define QUERIES 128
#define VARIANT emulatedAttention_2_64_128

#include "Attention.h"
