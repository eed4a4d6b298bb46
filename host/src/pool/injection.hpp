// Low-resource injection: allocations that are made to fail, to see whether the program bears it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "fork_mutex.hpp"
#include "pool/settings.hpp"

namespace exalloc {

// Thread-safe.
class injection {
 public:
  // From now on; what was counted before is forgotten.
  void set(const injection_setting& s) noexcept;
  // Whether this allocation is to fail. `site`: the address it returns to.
  bool strikes(std::uint32_t tag, const void* site) noexcept;
  // Allocations that were made to fail since the beginning.
  std::uint64_t injected() const noexcept { return injected_.load(std::memory_order_relaxed); }

 private:
  // More sites than this are left in peace.
  static constexpr std::size_t most_sites = 1U << 14;
  // Whether it is the first time.
  bool note(const void* site) noexcept;

  fork_mutex mutex_{lock_row::last};
  injection_setting setting_;
  std::uint64_t seen_ = 0;
  std::size_t sites_used_ = 0;
  std::array<const void*, most_sites> sites_{};
  std::atomic<std::uint64_t> injected_{0};
};

}  // namespace exalloc
