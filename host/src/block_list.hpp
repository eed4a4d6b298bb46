// A list of blocks of one size: a zone or a pool class, as far as handing out and taking back is
// concerned.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "block.hpp"
#include "depot.hpp"
#include "exalloc/nt/fast.h"
#include "fork_mutex.hpp"

namespace exalloc {

class processor;

class block_list {
 public:
  // Number of a list that no card list stands behind: all its free blocks are in the store, always.
  static constexpr std::uint32_t host_number = regs::max_lists;

  block_list(std::uint32_t number, std::uint16_t generation, state_byte* states) noexcept
      : number_(number), generation_(generation), states_(states) {
    if (host_backed()) shared_.store(true, std::memory_order_relaxed);
  }
  virtual ~block_list() = default;
  block_list(const block_list&) = delete;
  block_list& operator=(const block_list&) = delete;

  std::uint32_t number() const noexcept { return number_; }
  bool host_backed() const noexcept { return number_ == host_number; }
  // Tells lines of this list from those of an earlier list with the same number.
  std::uint16_t generation() const noexcept { return generation_; }
  state_byte& state(std::uint32_t token) const noexcept { return states_[token]; }
  state_byte* states() const noexcept { return states_; }

  // Fills in what calls need that are compiled into their caller, for the magazine of a processor;
  // under its lock. A list that has no such calls leaves it alone.
  virtual void describe(exalloc_magazine& m) const noexcept { (void)m; }
  // The run of consecutive tokens in which most of the list's blocks lie one behind the other.
  struct run {
    std::byte* begin = nullptr;
    std::uint32_t first_token = 0, blocks = 0, block_size = 0;
  };
  virtual run first_run() const noexcept { return {}; }

  // So many blocks each processor may hold, however few there are in all: a list that can grow has
  // more when another processor needs them.
  virtual std::uint32_t least_share() const noexcept { return 0; }

  // Blocks, free or not.
  std::uint64_t total() const noexcept { return total_.load(std::memory_order_relaxed); }
  void add_total(std::int64_t blocks) noexcept {
    total_.fetch_add(static_cast<std::uint64_t>(blocks), std::memory_order_relaxed);
  }

  // Blocks that slow paths allocated, less those they freed. With what the magazines count this is
  // the number of blocks in use, exact when no thread is in a call.
  std::int64_t slow_in_use() const noexcept { return slow_in_use_.load(std::memory_order_relaxed); }
  void count_slow(std::int64_t blocks) const noexcept {
    slow_in_use_.fetch_add(blocks, std::memory_order_relaxed);
  }

  // Whether on-card kernels allocate and free its blocks too. State bytes then tell less: what is
  // allocated here may be freed by a kernel, and what is away may be freed here.
  bool streamed() const noexcept { return streamed_.load(std::memory_order_relaxed); }
  void set_streamed() noexcept { streamed_.store(true, std::memory_order_relaxed); }

  // Adds blocks if the list still has `total` and can grow; true if it has more now. Called without
  // a lock, or under the list's; a list in the host adds them to the store, and is always called
  // under its lock. `self` is the calling thread's processor, its lock not held. True may also mean
  // that blocks may have come back meanwhile.
  virtual bool grow(processor& self, std::uint64_t total) {
    (void)self, (void)total;
    return false;
  }
  // A free went the slow way. Called without a lock.
  virtual void freed_slowly(processor& self) { (void)self; }

  // Calls visit(first token, count) for all blocks that may be handed out. Called under the mutex.
  virtual void each_extent(const std::function<void(std::uint32_t, std::uint32_t)>& visit) = 0;
  // The card is lost, and all blocks that are free are in the store: those whose state byte says
  // so. A block may be there twice, or be in use again: the state byte decides.
  bool rescued() const noexcept { return rescued_.load(std::memory_order_acquire); }
  // Under the mutex; false also without it: there may be more now.
  void set_rescued(bool on) noexcept { rescued_.store(on, std::memory_order_release); }

  // What processors pass full bundles on through; null if they do not, or may not any more. Set
  // when the list is made.
  depot* bundles() const noexcept { return streamed() ? nullptr : depot_.get(); }

  // Scarce mode: every operation runs on the store under the mutex, the magazines are frozen.
  bool shared() const noexcept { return shared_.load(std::memory_order_acquire); }
  fork_mutex mutex{lock_row::list};
  // Under the mutex:
  void set_shared(bool on) noexcept { shared_.store(on, std::memory_order_release); }
  std::vector<block> store;

 private:
  std::uint32_t number_;
  std::uint16_t generation_;
  std::atomic<bool> shared_{false};
  std::atomic<bool> streamed_{false};
  std::atomic<bool> rescued_{false};
  state_byte* states_;
  std::atomic<std::uint64_t> total_{0};
  mutable std::atomic<std::int64_t> slow_in_use_{0};

 protected:
  void use_depot() { depot_ = std::make_unique<depot>(); }

 private:
  std::unique_ptr<depot> depot_;
};

}  // namespace exalloc
