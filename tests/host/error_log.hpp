// Collects the errors that the library reports while it lives.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "exalloc/exalloc.h"

class error_log {
 public:
  error_log() { exalloc_set_error_handler(&error_log::take, this); }
  ~error_log() { exalloc_set_error_handler(nullptr, nullptr); }
  error_log(const error_log&) = delete;
  error_log& operator=(const error_log&) = delete;

  struct entry {
    std::string what, cause;
    void* address;
  };
  std::vector<entry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }
  std::size_t count(const std::string& cause) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [&](const entry& e) { return e.cause == cause; }));
  }
  // Without mere notices, such as that this system has no membarrier.
  std::size_t errors() const { return size() - count("ok"); }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  static void take(const exalloc_error* e, void* self) {
    auto* log = static_cast<error_log*>(self);
    const std::lock_guard lock(log->mutex_);
    log->entries_.push_back({e->what, e->cause, e->address});
  }

  mutable std::mutex mutex_;
  std::vector<entry> entries_;
};
