#define COMPUTE_TYPE 2
#define HEAD_SIZE 120
#define VARIANT emulatedAttention_2_120

#include "Attention.h"
