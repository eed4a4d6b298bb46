// The asymmetric fence between a processor's owner, who pays nothing, and a recaller, who pays a
// system call.
#pragma once

#include <atomic>

#if defined(__SANITIZE_THREAD__)
#define EXALLOC_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EXALLOC_TSAN 1
#endif
#endif

namespace exalloc {

#ifdef EXALLOC_TSAN
// ThreadSanitizer knows no fences: there both sides use sequentially consistent operations instead.
inline constexpr std::memory_order owner_store = std::memory_order_seq_cst;
inline constexpr std::memory_order owner_load = std::memory_order_seq_cst;
inline void light_fence() noexcept {}
#else
inline constexpr std::memory_order owner_store = std::memory_order_release;
inline constexpr std::memory_order owner_load = std::memory_order_relaxed;
// The owner's side: keeps the compiler from swapping a store with a later load; the processor may
// still do it.
inline void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
#endif

// Prepares heavy_fence for this process. False if the system has none: then no owner may go without
// its lock.
bool enable_heavy_fence() noexcept;
// The recaller's side: when it returns, every running thread has passed a full barrier since it was
// called.
void heavy_fence() noexcept;

}  // namespace exalloc
