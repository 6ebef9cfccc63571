#define COMPUTE_TYPE 1
#define HEAD_SIZE 120
#define VARIANT emulatedAttention_1_120

#include "Attention.h"
