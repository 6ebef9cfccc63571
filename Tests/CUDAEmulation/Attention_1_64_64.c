#define COMPUTE_TYPE 1
#define HEAD_SIZE 64
#define QUERIES 64
#define VARIANT emulatedAttention_1_64_64

#include "Attention.h"
