// The thread that waits for the card's interrupt, and whom it tells.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <thread>

#include "core.hpp"
#include "exalloc/watch.h"
#include "fork_mutex.hpp"

namespace exalloc {

class watcher {
 public:
  // Never destroyed.
  static watcher& get();

  // Thread safe. Throws std::system_error when no thread can be had.
  void start(core& c);
  // Waits until the thread is gone.
  void stop();
  // In the child of a fork, where there is no such thread.
  void forget_thread() noexcept { ::new (&thread_) std::jthread; }
  void set_handler(exalloc_depletion_handler handler, void* context);

 private:
  void run(core& c, const std::stop_token& stop);
  void tell_errors(core& c);
  void tell_depletion(core& c);

  fork_mutex control_{lock_row::answering};  // starting and stopping
  std::jthread thread_;
  fork_mutex handler_mutex_{lock_row::last};
  exalloc_depletion_handler handler_ = nullptr;
  void* context_ = nullptr;
  std::array<std::uint32_t, 8> depleted_{};  // as last told
};

}  // namespace exalloc
