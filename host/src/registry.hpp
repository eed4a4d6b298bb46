// All processors, and which of them are free for the next thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "fork_mutex.hpp"
#include "processor.hpp"

namespace exalloc {

class registry {
 public:
  registry(driver& d, const token_table& tokens) : driver_(d), tokens_(tokens) {}

  // For the calling thread, to the end of its life: the same, and if none is left, one whose thread
  // has ended without release(). To be given back by leave().
  processor* enter();
  void leave(processor& p);
  // In the child of a fork: whatever other threads had is in the state bytes only.
  void forget_threads();

  // An unused processor for one thread; null when every portal but the shared one is in use.
  processor* acquire();
  // Gives back what it holds; it stays for the next acquire().
  void release(processor& p);

  // The processor of all threads beyond the portals; one at a time, each under shared_use.
  processor& shared();
  fork_mutex shared_use{lock_row::shared_use};

  // How many are in use.
  const std::atomic<std::uint32_t>& active() const noexcept { return active_; }

  // Held while all processors are visited: one recall at a time.
  fork_mutex mutex{lock_row::registry};
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
  processor* adopt();

  driver& driver_;
  const token_table& tokens_;
  std::atomic<std::uint32_t> active_{0};
  std::vector<std::unique_ptr<processor>> all_;
  std::vector<processor*> idle_;
  processor* shared_ = nullptr;
  std::uint32_t made_ = 0;
};

}  // namespace exalloc
