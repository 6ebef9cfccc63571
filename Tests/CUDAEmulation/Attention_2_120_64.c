#define COMPUTE_TYPE 2
#define HEAD_SIZE 120
#define QUERIES 64
#define VARIANT emulatedAttention_2_120_64

#include "Attention.h"
