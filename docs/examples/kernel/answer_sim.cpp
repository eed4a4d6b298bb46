// The same kernel for the simulated card:
//   c++ -shared -fPIC -std=c++17 -Isim/hls -Ihost/include docs/examples/kernel/answer_sim.cpp -o
//   libanswer.so EXALLOC_XRT_SIM_KERNELS=libanswer.so scripts/xrt-sim ...
#include "answer.cpp"
#include "exalloc_kernel.hpp"

EXALLOC_KERNEL(answer)
