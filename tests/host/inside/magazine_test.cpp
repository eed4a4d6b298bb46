// The protocol between a magazine's owner and a recaller, with nothing in between that could hide a
// missing fence.
#include "magazine.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "../../environment.hpp"
#include "fence.hpp"

namespace {

using exalloc::block;
using exalloc::magazine;

constexpr std::uint32_t blocks = 64;

// A magazine as a processor and a list hold it, and a claim for each block.
class stolen_magazine {
 public:
  stolen_magazine() {
    for (std::uint32_t token = 1; token <= blocks; ++token) pile_.push_back({this, token});
    refill();
  }

  // The owner: pops `deep` blocks and pushes them again.
  void pop_and_push(std::size_t deep) {
    std::array<block, blocks> held;
    std::size_t n = 0;
    while (n < deep && pop(held[n])) claim(held[n++]);
    while (n > 0) {
      const block b = held[--n];
      claims_[b.token].store(0, std::memory_order_relaxed);
      if (!m_.push(b)) push_slow(b);
    }
  }

  void recall() {
    const std::lock_guard lock(mutex_);
    m_.freeze();
    exalloc::heavy_fence();
    std::vector<block> taken;
    m_.take_all([&](const block& b) {
      claim(b);
      taken.push_back(b);
    });
    steals += taken.size();
    for (const block& b : taken) {
      claims_[b.token].store(0, std::memory_order_relaxed);
      pile_.push_back(b);
    }
  }

  // When nobody uses it any more: how many blocks there are.
  std::size_t count() {
    recall();
    return pile_.size();
  }

  // Times the owner has been back after a recall.
  std::atomic<std::uint64_t> refills{0};
  std::uint64_t steals = 0;
  std::atomic<std::uint64_t> violations{0};

 private:
  void claim(const block& b) {
    if (claims_[b.token].exchange(1, std::memory_order_relaxed) != 0) ++violations;
  }
  bool pop(block& b) {
    const std::int32_t slot = m_.begin_pop();
    if (m_.taken_for_sure(slot)) {
      b = m_.get(slot);
      return true;
    }
    const std::lock_guard lock(mutex_);
    const bool mine = m_.frozen() ? m_.settle_pop(slot) : slot >= 0;
    if (mine) {
      b = m_.get(slot);
      return true;
    }
    if (!m_.frozen()) m_.resize(0);
    refill();
    return false;
  }
  void push_slow(const block& b) {
    const std::lock_guard lock(mutex_);
    refill();
    m_.put(m_.size(), b);
    m_.resize(m_.size() + 1);
  }
  void refill() {
    if (m_.frozen()) m_.thaw();
    m_.bounds(0, magazine::capacity);
    for (const block& b : pile_) {
      m_.put(m_.size(), b);
      m_.resize(m_.size() + 1);
    }
    pile_.clear();
    refills.fetch_add(1, std::memory_order_relaxed);
  }

  magazine m_;
  std::mutex mutex_;
  std::vector<block> pile_;
  std::array<std::atomic<std::uint32_t>, blocks + 1> claims_{};
};

// Entries of lookaside lists have no state bytes, and come before the bounds that let them in.
TEST(magazine, bounds_leave_entries_without_a_state_byte_alone) {
  magazine m;
  std::array<int, 3> entries{};
  for (int& entry : entries) {
    m.put(m.size(), {&entry, 0});
    m.resize(m.size() + 1);
  }
  m.bounds(0, 8);
  for (std::int32_t i = 0; i < 3; ++i)
    EXPECT_EQ(m.pointer(i), &entries[static_cast<std::size_t>(i)]) << "slot " << i;
}

TEST(magazine, no_block_is_taken_twice_by_owner_and_recaller) {
  if (!exalloc::enable_heavy_fence()) GTEST_SKIP() << "no membarrier here";
  const auto end = std::chrono::steady_clock::now() + exalloc::test::stress_time();
  stolen_magazine m;
  std::atomic<bool> stop{false};
  std::thread owner([&] {
    for (std::size_t i = 0; !stop; ++i) m.pop_and_push(1 + i % 3);
  });
  std::uint64_t recalls = 0;
  for (; std::chrono::steady_clock::now() < end; ++recalls) {
    const std::uint64_t before = m.refills;
    m.recall();
    for (unsigned spins = 1; m.refills == before; ++spins)
      if (spins % 10'000 == 0) std::this_thread::yield();
    // At another moment of the owner's fast path each time.
    for (unsigned i = 0; i < recalls % 512; ++i)
      std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  stop = true;
  owner.join();
  EXPECT_EQ(m.violations, 0U);
  EXPECT_EQ(m.count(), blocks);
  fmt::print("{} recalls, {} blocks stolen\n", recalls, m.steals);
}

}  // namespace
