// OpenCL/Wide
