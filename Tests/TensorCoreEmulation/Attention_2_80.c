#define COMPUTE_TYPE 2
#define HEAD_SIZE 80
#define VARIANT emulatedAttention_2_80

#include "Attention.h"
