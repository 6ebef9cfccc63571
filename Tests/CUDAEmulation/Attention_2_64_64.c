#define COMPUTE_TYPE 2
#define HEAD_SIZE 64
#define QUERIES 64
#define VARIANT emulatedAttention_2_64_64

#include "Attention.h"
