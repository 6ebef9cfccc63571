#include "OpenCLShim.h"
