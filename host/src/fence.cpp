#include "fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace exalloc {

#ifdef EXALLOC_TSAN
bool enable_heavy_fence() noexcept { return std::getenv("EXALLOC_NO_MEMBARRIER") == nullptr; }
void heavy_fence() noexcept {}
#else
bool enable_heavy_fence() noexcept {
  if (std::getenv("EXALLOC_NO_MEMBARRIER") != nullptr) return false;
  return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void heavy_fence() noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
#endif

}  // namespace exalloc
