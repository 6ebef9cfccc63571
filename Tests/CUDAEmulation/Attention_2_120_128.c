#define COMPUTE_TYPE 2
#define HEAD_SIZE 120
#define QUERIES 128
#define VARIANT emulatedAttention_2_120_128

#include "Attention.h"
