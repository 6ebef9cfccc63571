#ifndef OPENCL_SHIM_H
#define OPENCL_SHIM_H

#endif
