// The thread that waits for the card's interrupt, and whom it tells.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core.hpp"
#include "exalloc/watch.h"

namespace exalloc {

class watcher {
 public:
  // Never destroyed.
  static watcher& get();

  // Thread safe. Throws std::system_error when no thread can be had.
  void start(core& c);
  // Waits until the thread is gone.
  void stop();
  void set_handler(exalloc_depletion_handler handler, void* context);

 private:
  void run(core& c, const std::stop_token& stop);
  void tell_errors(core& c);
  void tell_depletion(core& c);

  std::mutex control_;  // starting and stopping
  std::jthread thread_;
  std::mutex handler_mutex_;
  exalloc_depletion_handler handler_ = nullptr;
  void* context_ = nullptr;
  std::array<std::uint32_t, 8> depleted_{};  // as last told
};

}  // namespace exalloc
