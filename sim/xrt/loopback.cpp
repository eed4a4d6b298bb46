// The kernel of the link configurations, for the simulated card: the same source.
#include "../../bitstream/kernels/loopback.cpp"

#include "exalloc_kernel.hpp"

EXALLOC_KERNEL(loopback)
