// Which processor the calling thread uses.
#pragma once

#include <mutex>

#include "core.hpp"
#include "processor.hpp"

// A processor as the C interface sees it. Without `own` it stands for the shared one.
struct exalloc_processor {
  exalloc::processor* own = nullptr;
  std::atomic<bool> entered{false};
};

namespace exalloc {

// The processor whose magazines the thread may use without a lock; null if it has none, or none
// yet.
extern constinit thread_local processor* fast_processor __attribute__((tls_model("initial-exec")));

// The calling thread's processor for a slow path; the shared one is held for as long.
class processor_use {
 public:
  // Makes the thread's processor at its first call.
  explicit processor_use(core& c);
  processor& operator*() const noexcept { return *processor_; }
  processor* operator->() const noexcept { return processor_; }

 private:
  std::unique_lock<std::mutex> shared_;
  processor* processor_;
};

// See exalloc_processor_enter. False when it is another thread's current one.
bool enter_processor(core& c, exalloc_processor* p) noexcept;

// The portal of the calling thread's processor; -1 if it has none, or none yet.
std::int32_t current_portal() noexcept;

}  // namespace exalloc
