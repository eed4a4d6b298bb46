// A processor's LIFO of ready blocks for one list, popped and pushed by its owner without a lock.
//
// n, floor and ceiling let a recaller take the blocks away meanwhile; docs/host.md has the protocol
// and why it is right.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "block.hpp"
#include "fence.hpp"

namespace exalloc {

class alignas(64) magazine {
 public:
  static constexpr std::int32_t capacity = 128;

  // ---- The owner's side, without a lock ----

  // Takes the top slot's number; taken_for_sure() tells whether the slot is the owner's, or its
  // slow path has to find out.
  std::int32_t begin_pop() noexcept {
    const std::int32_t slot = n_.load(std::memory_order_relaxed) - 1;
    n_.store(slot, owner_store);
    light_fence();
    return slot;
  }
  bool taken_for_sure(std::int32_t slot) const noexcept { return slot >= floor_.load(owner_load); }
  // False: full, or recalled.
  bool push(const block& b) noexcept {
    const std::int32_t slot = n_.load(std::memory_order_relaxed);
    if (slot >= ceiling_.load(owner_load)) return false;
    put(slot, b);
    n_.store(slot + 1, owner_store);
    return true;
  }
  // A block that is free for sure, null pointer if this magazine has none to show.
  block top() const noexcept {
    const std::int32_t n = n_.load(std::memory_order_relaxed);
    if (n <= 0 || ceiling_.load(owner_load) == 0) return {};
    return get(n - 1);
  }
  block get(std::int32_t slot) const noexcept {
    const auto i = static_cast<std::size_t>(slot);
    return {slots_[i].pointer.load(std::memory_order_relaxed),
            slots_[i].token.load(std::memory_order_relaxed)};
  }
  void count_pop() noexcept { bump(pops_); }
  void count_push() noexcept { bump(pushes_); }

  std::uint64_t pops() const noexcept { return pops_.load(std::memory_order_relaxed); }
  std::uint64_t pushes() const noexcept { return pushes_.load(std::memory_order_relaxed); }

  // ---- Under the processor's lock ----

  // Only the owner, while not frozen:
  std::int32_t size() const noexcept { return n_.load(std::memory_order_relaxed); }
  void put(std::int32_t slot, const block& b) noexcept {
    const auto i = static_cast<std::size_t>(slot);
    slots_[i].pointer.store(b.pointer, std::memory_order_relaxed);
    slots_[i].token.store(b.token, std::memory_order_relaxed);
  }
  void resize(std::int32_t n) noexcept { n_.store(n, owner_store); }
  // Pops below `floor` and pushes from `ceiling` on take the slow path.
  void bounds(std::int32_t floor, std::int32_t ceiling) noexcept {
    floor_.store(floor, owner_load);
    ceiling_.store(ceiling, owner_load);
  }
  // Removes the `count` oldest blocks, which have been given back.
  void drop_oldest(std::int32_t count) noexcept {
    const std::int32_t n = size();
    for (std::int32_t i = count; i < n; ++i) put(i - count, get(i));
    resize(n - count);
  }

  bool frozen() const noexcept { return frozen_; }
  // Any thread: from now on the owner takes its slow path; certain only after a heavy_fence().
  void freeze() noexcept {
    if (frozen_) return;
    frozen_ = true;
    taken_ = 0;
    floor_.store(std::numeric_limits<std::int32_t>::max(), std::memory_order_seq_cst);
    ceiling_.store(0, std::memory_order_seq_cst);
  }
  // Any thread, while frozen and after a heavy_fence(): hands every block that is not the owner's
  // to `take`.
  template <class Take>
  std::size_t take_all(Take&& take) {
    const std::int32_t n = n_.load(std::memory_order_seq_cst);
    std::size_t count = 0;
    for (; taken_ < n; ++taken_, ++count) take(get(taken_));
    return count;
  }
  // The owner, while frozen: whether the slot it popped last is still its own; forgets what was
  // taken otherwise.
  bool settle_pop(std::int32_t slot) noexcept {
    if (slot >= taken_) return true;
    taken_ = 0;
    resize(0);
    return false;
  }
  // The owner, when no recall is going on: blocks it pushed while it was being frozen stay its own.
  // Sets no bounds.
  void thaw() noexcept {
    frozen_ = false;
    const std::int32_t n = size();
    if (n <= taken_) {
      resize(0);
    } else {
      drop_oldest(taken_);
    }
    taken_ = 0;
  }

  // Blocks on the way from the card: asked for in the GRANT line not yet answered, and arrived but
  // not yet in slots.
  std::uint32_t asked = 0;
  std::vector<std::uint32_t> parked;

 private:
  struct slot {
    std::atomic<void*> pointer{nullptr};
    std::atomic<std::uint32_t> token{0};
  };
  // Written by one thread only: no read-modify-write needed.
  static void bump(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<std::int32_t> n_{0};
  std::atomic<std::int32_t> floor_{0};
  std::atomic<std::int32_t> ceiling_{0};
  bool frozen_ = false;
  std::int32_t taken_ = 0;  // slots below were taken since the freeze
  std::atomic<std::uint64_t> pops_{0}, pushes_{0};
  alignas(64) std::array<slot, capacity> slots_;
};

}  // namespace exalloc
