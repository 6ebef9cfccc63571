#define COMPUTE_TYPE 1
#define HEAD_SIZE 120
#define QUERIES 64
#define VARIANT emulatedAttention_1_120_64

#include "Attention.h"
