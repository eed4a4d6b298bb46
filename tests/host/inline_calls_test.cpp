// Zone calls that are compiled into their caller: what a thread remembers must never outlive what
// it stands for. (Without optimisation the same calls go to the library, and must do the same.)
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/wdm.h"

namespace {

class inline_calls : public testing::Test {
 protected:
  static constexpr std::uint32_t bytes = 16 + 1024 * 64;
  void make(ZONE_HEADER& z, std::vector<std::uint64_t>& memory, ULONG block_size) {
    ASSERT_EQ(ExInitializeZone(&z, block_size, memory.data(), bytes), STATUS_SUCCESS);
  }
  void TearDown() override {
    exalloc_zone_delete(&a_);
    if (b_.FreeList.Next != nullptr) exalloc_zone_delete(&b_);
  }
  std::vector<std::uint64_t> first_ = std::vector<std::uint64_t>(bytes / 8);
  std::vector<std::uint64_t> second_ = std::vector<std::uint64_t>(bytes / 8);
  ZONE_HEADER a_{}, b_{};
  error_log log_;
};

TEST_F(inline_calls, zones_in_turn) {
  make(a_, first_, 64);
  make(b_, second_, 48);
  std::set<void*> out;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(out.insert(ExAllocateFromZone(&a_)).second);
    ASSERT_TRUE(out.insert(ExAllocateFromZone(&b_)).second);
  }
  for (void* p : out) {
    const bool of_a = p >= first_.data() && p < first_.data() + first_.size();
    ASSERT_NE(ExFreeToZone(of_a ? &a_ : &b_, p), nullptr);
  }
  EXPECT_EQ(log_.size(), 0U);
}

// The slots of the old zone's magazine name the same addresses.
TEST_F(inline_calls, another_zone_over_the_same_memory) {
  make(a_, first_, 64);
  std::vector<void*> old;
  for (int i = 0; i < 100; ++i) old.push_back(ExAllocateFromZone(&a_));
  for (void* p : old) ExFreeToZone(&a_, p);
  for (int i = 0; i < 10; ++i) ExAllocateFromZone(&a_);
  make(a_, first_, 128);
  void* p = ExAllocateFromZone(&a_);
  ASSERT_NE(p, nullptr);
  for (void* q : old) {
    if (q == p) continue;
    EXPECT_EQ(ExFreeToZone(&a_, q), nullptr);
  }
  EXPECT_EQ(log_.size(),
            old.size() - static_cast<std::size_t>(std::count(old.begin(), old.end(), p)));
  EXPECT_NE(ExFreeToZone(&a_, p), nullptr);
}

TEST_F(inline_calls, what_is_no_allocated_block_is_refused) {
  make(a_, first_, 64);
  void* p = ExAllocateFromZone(&a_);
  char* bytes_of_p = static_cast<char*>(p);
  EXPECT_EQ(ExFreeToZone(&a_, nullptr), nullptr);
  EXPECT_EQ(ExFreeToZone(&a_, bytes_of_p + 8), nullptr);
  EXPECT_EQ(ExFreeToZone(&a_, first_.data()), nullptr);
  EXPECT_EQ(ExFreeToZone(&a_, first_.data() + first_.size()), nullptr);
  EXPECT_EQ(ExFreeToZone(&a_, bytes_of_p - (std::uintptr_t{1} << 40)), nullptr);
  EXPECT_EQ(log_.size(), 5U);
  EXPECT_NE(ExFreeToZone(&a_, p), nullptr);
  EXPECT_EQ(log_.size(), 5U);
  EXPECT_EQ(ExFreeToZone(&a_, p), nullptr);
  EXPECT_EQ(log_.size(), 6U);
}

TEST_F(inline_calls, a_zone_that_is_gone_serves_nothing) {
  make(a_, first_, 64);
  void* p = ExAllocateFromZone(&a_);
  exalloc_zone_delete(&a_);
  EXPECT_EQ(ExAllocateFromZone(&a_), nullptr);
  EXPECT_EQ(ExFreeToZone(&a_, p), nullptr);
  EXPECT_EQ(log_.size(), 2U);
  make(a_, first_, 64);
}

// With and without the caller's lock, and back: it is free again after every call.
TEST_F(inline_calls, the_lock_is_taken_again_when_the_zone_wants_it) {
  make(a_, first_, 64);
  KSPIN_LOCK lock;
  KeInitializeSpinLock(&lock);
  for (const int lockfree : {0, 1, 0, 1}) {
    exalloc_zone_lockfree(&a_, lockfree);
    for (int i = 0; i < 300; ++i) {
      void* p = ExInterlockedAllocateFromZone(&a_, &lock);
      ASSERT_NE(p, nullptr);
      ASSERT_NE(ExInterlockedFreeToZone(&a_, p, &lock), nullptr);
      ASSERT_EQ(lock, 0U);
    }
    // A call that takes the lock would wait for ever here.
    if (lockfree != 0) {
      lock = 1;
      void* p = ExInterlockedAllocateFromZone(&a_, &lock);
      ExInterlockedFreeToZone(&a_, p, &lock);
      lock = 0;
    }
  }
}

// Calls are counted although they only move one word, and doorbells are few.
TEST_F(inline_calls, counts) {
  make(a_, first_, 64);
  const exalloc::processor_stats before = exalloc::current_processor_stats();
  constexpr unsigned calls = 20'000;
  for (unsigned i = 0; i < calls; ++i) ExFreeToZone(&a_, ExAllocateFromZone(&a_));
  const exalloc::processor_stats after = exalloc::current_processor_stats();
  EXPECT_EQ(after.fast_allocations + after.slow_allocations,
            before.fast_allocations + before.slow_allocations + calls);
  EXPECT_EQ(after.fast_frees + after.slow_frees, before.fast_frees + before.slow_frees + calls);
  EXPECT_LE(after.doorbells - before.doorbells, calls / 128);
}

}  // namespace
