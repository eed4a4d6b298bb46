// All processors, and which of them are free for the next thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "processor.hpp"

namespace exalloc {

class registry {
 public:
  registry(driver& d, const token_table& tokens) : driver_(d), tokens_(tokens) {}

  // An unused processor for one thread; null when every portal but the shared one is in use.
  processor* acquire();
  // Gives back what it holds; it stays for the next acquire().
  void release(processor& p);

  // The processor of all threads beyond the portals; one at a time, each under shared_use.
  processor& shared();
  std::mutex shared_use;

  // How many are in use.
  const std::atomic<std::uint32_t>& active() const noexcept { return active_; }

  // Held while all processors are visited: one recall at a time.
  std::mutex mutex;
  // Under the mutex: calls visit(p) for each processor, in use or not, with its lock held.
  template <class Visit>
  void each(Visit&& visit) {
    for (const auto& p : all_) {
      const std::lock_guard lock(p->mutex);
      visit(*p);
    }
  }

 private:
  processor& add(std::uint32_t portal);

  driver& driver_;
  const token_table& tokens_;
  std::atomic<std::uint32_t> active_{0};
  std::vector<std::unique_ptr<processor>> all_;
  std::vector<processor*> idle_;
  processor* shared_ = nullptr;
  std::uint32_t made_ = 0;
};

}  // namespace exalloc
