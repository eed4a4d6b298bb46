// What one processor has of a lookaside list: a magazine, a share of Depth, and counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "fence.hpp"
#include "lookaside_list.hpp"
#include "magazine.hpp"

namespace exalloc {

struct lookaside_use {
  lookaside_use(lookaside_list& of, bool is_first) : list(of), first(is_first) {}

  // ---- The owner's fast path ----

  // Around a call without the lock. After a freeze and a heavy_fence() a use that is not busy has
  // no push on its way.
  void begin() noexcept {
    busy.store(true, owner_store);
    light_fence();
  }
  void end() noexcept { busy.store(false, std::memory_order_release); }
  std::atomic<bool> busy{false};
  // Never holds more entries than `share`.
  magazine m;
  // Calls that the magazine served.
  void count_pop() noexcept { bump(pops_); }
  void count_push() noexcept { bump(pushes_); }
  std::uint64_t pops() const noexcept { return pops_.load(std::memory_order_relaxed); }
  std::uint64_t pushes() const noexcept { return pushes_.load(std::memory_order_relaxed); }

  // ---- Under the processor's lock ----

  lookaside_list& list;
  const bool first;      // of all processors that used the list
  bool calling = false;  // in a slow path, which may release the lock in between
  bool active = false;   // counts among the list's users
  std::int32_t share = 0;
  // What was left to the owner when its magazine was taken away, oldest first.
  std::vector<void*> kept;
  std::uint32_t misses_in_a_row = 0;  // allocations that found nothing, without a free between
  std::uint64_t frees_at_miss = 0;
  std::uint64_t calls_at_balance = ~std::uint64_t{0};

  // Answers. A line is sent and waited for under the lock; lines that only carry counts may still
  // be on their way.
  std::uint32_t unanswered = 0;  // lines
  std::int32_t granted = 0;
  std::vector<void*> popped;   // newest first
  std::vector<void*> refused;  // in the order they were pushed

  // Counts: those of calls that took the slow path, all of them so far, and what the card knows.
  std::array<std::uint64_t, lookaside_counts> slow{}, told{};
  std::array<std::uint64_t, lookaside_counts> counts() const noexcept {
    return {pops() + slow[0], slow[1], pushes() + slow[2], slow[3]};
  }
  void count(lookaside_count what) noexcept {
    ++slow[static_cast<std::size_t>(what)];
    list.count(what);
  }
  std::uint64_t calls() const noexcept {
    const auto now = counts();
    return now[0] + now[2];
  }

 private:
  // Written by one thread only: no read-modify-write needed.
  static void bump(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::atomic<std::uint64_t> pops_{0}, pushes_{0};
};

}  // namespace exalloc
