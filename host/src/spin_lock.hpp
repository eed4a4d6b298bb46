// KSPIN_LOCK, as the library itself takes it.
#pragma once

#include "exalloc/wdm.h"

namespace exalloc {

void acquire_spin_lock(KSPIN_LOCK& lock) noexcept;
void release_spin_lock(KSPIN_LOCK& lock) noexcept;

// Holds a lock; null: none.
class spin_lock_guard {
 public:
  explicit spin_lock_guard(PKSPIN_LOCK lock) noexcept : lock_(lock) {
    if (lock_ != nullptr) acquire_spin_lock(*lock_);
  }
  ~spin_lock_guard() {
    if (lock_ != nullptr) release_spin_lock(*lock_);
  }
  spin_lock_guard(const spin_lock_guard&) = delete;
  spin_lock_guard& operator=(const spin_lock_guard&) = delete;

 private:
  PKSPIN_LOCK lock_;
};

}  // namespace exalloc
