// What scripts/xrt-sim sets, for a test and the programs it runs.
#pragma once

#include <cstdlib>

namespace {

const bool on_the_simulated_card = [] {
  ::setenv("XILINX_XRT", EXALLOC_XRT_PREFIX, 1);
  ::setenv("EXALLOC_XRT_XCLBIN", EXALLOC_XRT_PREFIX "/exalloc.xclbin", 1);
  ::setenv("EXALLOC_CARD", "xrt", 1);
  ::setenv("EXALLOC_TIMEOUT_MS", "60000", 1);
  return true;
}();

}  // namespace
