// The asymmetric fence between a processor's owner, who pays nothing, and a recaller, who pays a
// system call.
#pragma once

#include <atomic>

#include "exalloc/nt/fast.h"

namespace exalloc {

#ifdef EXALLOC_TSAN
// ThreadSanitizer knows no fences: there both sides use sequentially consistent operations instead.
inline constexpr std::memory_order owner_store = std::memory_order_seq_cst;
inline constexpr std::memory_order owner_load = std::memory_order_seq_cst;
#else
inline constexpr std::memory_order owner_store = std::memory_order_release;
inline constexpr std::memory_order owner_load = std::memory_order_relaxed;
#endif
// The owner's side: keeps the compiler from swapping a store with a later load; the processor may
// still do it.
inline void light_fence() noexcept { EXALLOC_LIGHT_FENCE(); }

// Prepares heavy_fence for this process. False if the system has none: then no owner may go without
// its lock.
bool enable_heavy_fence() noexcept;
// The recaller's side: when it returns, every running thread has passed a full barrier since it was
// called.
void heavy_fence() noexcept;

}  // namespace exalloc
