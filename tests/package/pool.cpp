// A program of the installed package, in C++: pool, and a look at the counters.
#include <exalloc/wdm.h>

#include <cstdio>
#include <exalloc/stats.hpp>

int main() {
  void* block = ExAllocatePool(NonPagedPool, 300);
  if (block == nullptr) return 1;
  ExFreePool(block);
  const exalloc::processor_stats stats = exalloc::current_processor_stats();
  std::printf("%s: %llu lines\n", std::string(exalloc::current_card().name()).c_str(),
              static_cast<unsigned long long>(stats.lines_submitted));
  return stats.lines_submitted == 0;
}
