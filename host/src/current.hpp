// Which processor the calling thread uses.
#pragma once

#include <mutex>

#include "core.hpp"
#include "no_cancel.hpp"
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

// Makes that, and exalloc_now, what the thread's calls use: nothing of any processor's if null.
void set_fast(processor* p) noexcept;

// The calling thread's processor for a slow path; the shared one is held for as long, and the
// thread cannot be cancelled.
class processor_use {
 public:
  // Makes the thread's processor at its first call.
  explicit processor_use(core& c);
  processor& operator*() const noexcept { return *processor_; }
  processor* operator->() const noexcept { return processor_; }

 private:
  no_cancel no_cancel_;
  std::unique_lock<fork_mutex> shared_;
  processor* processor_;
};

// See exalloc_processor_enter. False when it is another thread's current one.
bool enter_processor(core& c, exalloc_processor* p) noexcept;

// The calling thread's own processor, null if it has none, or none yet.
processor* own_processor() noexcept;
// The portal of the calling thread's processor; -1 if it has none, or none yet.
std::int32_t current_portal() noexcept;

}  // namespace exalloc
