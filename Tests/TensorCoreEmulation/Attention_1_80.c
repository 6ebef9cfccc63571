#define COMPUTE_TYPE 1
#define HEAD_SIZE 80
#define VARIANT emulatedAttention_1_80

#include "Attention.h"
