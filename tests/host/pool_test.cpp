// Sizes and alignments of the pool, and its tag counters. What it refuses is in
// pool_checks_test.cpp.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "bug_trap.hpp"
#include "error_log.hpp"
#include "exalloc/wdm.h"
#include "pool_usage.hpp"

namespace {

constexpr std::size_t page = 4096;
std::uintptr_t address(void* p) { return reinterpret_cast<std::uintptr_t>(p); }

TEST(pool, alignment_follows_the_contract_for_every_size) {
  std::vector<void*> blocks;
  for (std::size_t size = 0; size <= 3 * page; size += size < 300 ? 1 : 37) {
    for (const POOL_TYPE type : {NonPagedPool, PagedPool, NonPagedPoolCacheAligned,
                                 PagedPoolCacheAligned, NonPagedPoolNxCacheAligned}) {
      void* p = ExAllocatePoolWithTag(type, size, 0x74736554);
      ASSERT_NE(p, nullptr) << size;
      blocks.push_back(p);
      const bool cache = (static_cast<int>(type) & 4) != 0;
      EXPECT_EQ(address(p) % (cache ? 64 : 16), 0U) << size;
      if (size < page) {
        EXPECT_LE(address(p) % page + size, page) << size << " crosses a page";
      }
      if (size > 4064) {
        EXPECT_EQ(address(p) % page, 0U) << size;
      }
      std::memset(p, 0x11, size);
    }
  }
  for (void* p : blocks) ExFreePool(p);
}

TEST(pool, blocks_do_not_overlap) {
  std::mt19937 random(1);
  std::map<std::uintptr_t, std::size_t> live;
  for (int i = 0; i < 50'000; ++i) {
    if (live.size() < 3000 && random() % 2 == 0) {
      const std::size_t size = random() % 10 == 0 ? random() % 20'000 : random() % 600;
      const std::uintptr_t p = address(ExAllocatePool(NonPagedPool, size));
      ASSERT_NE(p, 0U);
      const auto next = live.lower_bound(p);
      if (next != live.end()) {
        ASSERT_LE(p + size, next->first);
      }
      if (next != live.begin()) {
        ASSERT_LE(std::prev(next)->first + std::prev(next)->second, p);
      }
      live.emplace(p, std::max<std::size_t>(size, 1));
    } else if (!live.empty()) {
      auto it = live.lower_bound(live.begin()->first + random() % (1U << 20));
      if (it == live.end()) it = live.begin();
      ExFreePool(reinterpret_cast<void*>(it->first));
      live.erase(it);
    }
  }
  for (const auto& [p, size] : live) ExFreePool(reinterpret_cast<void*>(p));
}

TEST(pool, a_request_beyond_all_memory_is_null) {
  EXPECT_EQ(ExAllocatePool(PagedPool, SIZE_MAX), nullptr);
  EXPECT_EQ(ExAllocatePool(PagedPool, SIZE_MAX / 2), nullptr);
  EXPECT_EQ(ExAllocatePool(PagedPool, std::size_t{1} << 46), nullptr);
}

TEST(pool, blocks_may_be_freed_by_another_thread) {
  error_log log;
  std::vector<void*> blocks(20'000);
  for (int round = 0; round < 3; ++round) {
    for (auto& p : blocks) {
      p = ExAllocatePool(NonPagedPool, 64);
      ASSERT_NE(p, nullptr);
      std::memset(p, round, 64);
    }
    std::thread([&] {
      for (void* p : blocks) ExFreePool(p);
    }).join();
  }
  EXPECT_EQ(log.size(), 0U);
}

TEST(pool, nothing_and_little_give_a_block) {
  for (const std::size_t bytes : {0, 1, 15, 16}) {
    void* p = ExAllocatePoolWithTag(PagedPool, bytes, pool_tag("Tiny"));
    ASSERT_NE(p, nullptr);
    // The smallest block.
    std::memset(p, 1, bytes);
    ExFreePoolWithTag(p, pool_tag("Tiny"));
  }
}

TEST(pool, zeroed_memory) {
  for (const std::size_t bytes : {1, 100, 4000, 5000}) {
    for (int round = 0; round < 3; ++round) {
      auto* p = static_cast<unsigned char*>(ExAllocatePoolZero(PagedPool, bytes, pool_tag("Zero")));
      ASSERT_NE(p, nullptr);
      for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(p[i], 0) << i;
      std::memset(p, 0xEE, bytes);
      ExFreePool(p);
    }
  }
}

TEST(pool, allocations_frees_and_bytes_are_counted_by_tag_and_kind) {
  constexpr ULONG tag = pool_tag("Coun");
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(ExAllocatePoolWithTag(PagedPool, 100, tag));
  for (int i = 0; i < 3; ++i)
    blocks.push_back(ExAllocatePoolWithTag(NonPagedPool, 2 * page - 1, tag | PROTECTED_POOL));
  exalloc_tag_usage u = usage_of(tag, PagedPool);
  EXPECT_EQ(u.allocations, 10U);
  EXPECT_EQ(u.frees, 0U);
  EXPECT_GE(u.bytes, 10 * 116U);
  EXPECT_LE(u.bytes, 10 * 144U);
  u = usage_of(tag, NonPagedPool);
  EXPECT_EQ(u.allocations, 3U);
  EXPECT_EQ(u.bytes, 6 * page);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    ExFreePoolWithTag(blocks[i], i < 10 ? tag : tag | PROTECTED_POOL);
  for (const POOL_TYPE kind : {PagedPool, NonPagedPool}) {
    u = usage_of(tag, kind);
    EXPECT_EQ(u.allocations, u.frees);
    EXPECT_EQ(u.bytes, 0U);
  }
}

// Threads allocate, hand blocks to each other and free them; at rest the counters are exact.
TEST(pool, tag_counts_of_many_threads_are_exact_at_rest) {
  const bug_trap trap;
  constexpr std::size_t tags = 40, threads = 8;
  const auto tag_of = [](std::size_t i) {
    return pool_tag("Rn00") + (static_cast<ULONG>(i / 10) << 16) +
           (static_cast<ULONG>(i % 10) << 24);
  };
  struct entry {
    unsigned char* p;
    std::size_t bytes, tag;
    POOL_TYPE type;
  };
  struct count {
    std::uint64_t allocations = 0, frees = 0;
  };
  using counts = std::array<std::array<count, 2>, tags>;
  std::mutex mutex;
  std::vector<entry> shared;
  std::vector<counts> all(threads);
  std::vector<std::thread> running;
  for (unsigned seed = 0; seed < threads; ++seed)
    running.emplace_back([&, seed] {
      std::mt19937 random(seed);
      counts& own = all[seed];
      std::vector<entry> held;
      const auto free = [&](const entry& e) {
        if (e.bytes != 0) {
          ASSERT_EQ(e.p[0], static_cast<unsigned char>(e.tag));
          ASSERT_EQ(e.p[e.bytes - 1], static_cast<unsigned char>(e.tag));
        }
        ExFreePoolWithTag(e.p, random() % 2 == 0 ? tag_of(e.tag) : 0);
        ++own[e.tag][e.type & 1U].frees;
      };
      for (int i = 0; i < 10'000; ++i) {
        if (random() % 2 == 0 || held.empty()) {
          constexpr POOL_TYPE types[] = {NonPagedPool, PagedPool, NonPagedPoolCacheAligned,
                                         PagedPoolCacheAligned};
          entry e{nullptr, random() % 50 == 0 ? random() % 20'000 : random() % 700, random() % tags,
                  types[random() % 4]};
          e.p = static_cast<unsigned char*>(ExAllocatePoolWithTag(e.type, e.bytes, tag_of(e.tag)));
          ASSERT_NE(e.p, nullptr);
          std::memset(e.p, static_cast<int>(e.tag), e.bytes);
          ++own[e.tag][e.type & 1U].allocations;
          held.push_back(e);
          continue;
        }
        std::swap(held[random() % held.size()], held.back());
        const entry e = held.back();
        held.pop_back();
        if (random() % 2 == 0) {
          free(e);
          continue;
        }
        entry other;
        {
          const std::lock_guard lock(mutex);
          shared.push_back(e);
          std::swap(shared[random() % shared.size()], shared.back());
          other = shared.back();
          shared.pop_back();
        }
        free(other);
      }
      const std::lock_guard lock(mutex);
      shared.insert(shared.end(), held.begin(), held.end());
    });
  for (std::thread& t : running) t.join();
  const auto compare = [&](std::uint64_t left) {
    std::uint64_t in_use = 0;
    for (std::size_t t = 0; t < tags; ++t)
      for (const POOL_TYPE kind : {NonPagedPool, PagedPool}) {
        count sum;
        for (const counts& c : all) {
          sum.allocations += c[t][kind].allocations;
          sum.frees += c[t][kind].frees;
        }
        const exalloc_tag_usage u = usage_of(tag_of(t), kind);
        EXPECT_EQ(u.allocations, sum.allocations);
        EXPECT_EQ(u.frees, sum.frees);
        in_use += u.allocations - u.frees;
        if (u.allocations == u.frees) {
          EXPECT_EQ(u.bytes, 0U);
        }
      }
    EXPECT_EQ(in_use, left);
  };
  compare(shared.size());
  for (const entry& e : shared) {
    ExFreePoolWithTag(e.p, tag_of(e.tag));
    ++all[0][e.tag][e.type & 1U].frees;
  }
  compare(0);
}

// All in one tag at once: no update of a counter may get lost, neither among processors nor among
// the threads that share one because the card has no portal left for them.
TEST(pool, threads_that_count_in_one_tag_lose_nothing) {
  constexpr ULONG tag = pool_tag("Same");
  struct crowd {
    int threads, pairs;
  };
  std::uint64_t expected = 0;
  for (const crowd c : {crowd{4, 1'000'000}, crowd{70, 10'000}}) {
    std::atomic<int> alive{0};
    std::vector<std::thread> running;
    for (int t = 0; t < c.threads; ++t)
      running.emplace_back([&] {
        ExFreePool(ExAllocatePoolWithTag(PagedPool, 32, tag));
        // None may end before all have begun: an ended thread's portal would be the next one's.
        for (++alive; alive < c.threads;) std::this_thread::yield();
        for (int i = 1; i < c.pairs; ++i) ExFreePool(ExAllocatePoolWithTag(PagedPool, 32, tag));
      });
    for (std::thread& t : running) t.join();
    expected += static_cast<std::uint64_t>(c.threads) * static_cast<std::uint64_t>(c.pairs);
    const exalloc_tag_usage u = usage_of(tag, PagedPool);
    EXPECT_EQ(u.allocations, expected);
    EXPECT_EQ(u.frees, expected);
    EXPECT_EQ(u.bytes, 0U);
  }
}

}  // namespace
