// Kernels that are C++ functions beside a simulated clock: each runs in a thread of its own, and
// the clock stands still while one of them runs.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace exalloc::sim {

// Thrown in a kernel that waits when the card goes.
struct kernel_ends {};

// What kernels do depends on the clock alone: when and whether their threads run does not show.
class kernel_turns {
 public:
  // `rested`: told, under the lock, when a kernel has begun to wait; it must not wait itself.
  explicit kernel_turns(std::function<void()> rested) : rested_(std::move(rested)) {}

  using lock = std::unique_lock<std::mutex>;
  lock take() { return lock(mutex_); }

  // ---- Of a kernel's thread, and of who starts it ----

  void begins(lock&) { ++running_; }
  void ends(lock&) {
    --running_;
    changed_.notify_all();
    rested_();
  }
  // Until that is so at a clock edge. Throws kernel_ends.
  void wait(lock& l, std::function<bool()> may_go) {
    if (ending_) throw kernel_ends{};
    waiter me{std::move(may_go), false};
    waiters_.push_back(&me);
    ends(l);
    changed_.wait(l, [&] { return me.goes; });
    if (ending_) throw kernel_ends{};
  }

  // ---- Of the clock ----

  // Lets kernels go that may, and waits until they wait again.
  void let_go(lock& l) {
    const auto first = std::partition(waiters_.begin(), waiters_.end(),
                                      [&](const waiter* w) { return !ending_ && !w->may_go(); });
    for (auto w = first; w != waiters_.end(); ++w) {
      (*w)->goes = true;
      ++running_;
    }
    if (first != waiters_.end()) changed_.notify_all();
    waiters_.erase(first, waiters_.end());
    rest(l);
  }
  // Waits for kernels that have been started meanwhile.
  void rest(lock& l) {
    changed_.wait(l, [&] { return running_ == 0; });
  }
  void end_all() {
    lock l = take();
    ending_ = true;
    let_go(l);
  }

 private:
  struct waiter {
    std::function<bool()> may_go;
    bool goes;
  };
  const std::function<void()> rested_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<waiter*> waiters_;
  unsigned running_ = 0;
  bool ending_ = false;
};

}  // namespace exalloc::sim
