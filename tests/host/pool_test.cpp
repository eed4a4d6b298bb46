// Sizes and alignments of the pool, and what it refuses.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "error_log.hpp"
#include "exalloc/wdm.h"

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

TEST(pool, wrong_frees_are_refused) {
  error_log log;
  auto* small = static_cast<char*>(ExAllocatePool(PagedPool, 100));
  auto* big = static_cast<char*>(ExAllocatePool(PagedPool, 3 * page));
  int local = 0;
  ExFreePool(nullptr);
  ExFreePool(&local);
  ExFreePool(small + 16);
  ExFreePool(big + 16);
  ExFreePool(big + page);
  EXPECT_EQ(log.count("foreign"), 2U);
  EXPECT_EQ(log.count("range"), 3U);
  ExFreePool(small);
  ExFreePool(big);
  EXPECT_EQ(log.size(), 5U);
  ExFreePool(small);
  ExFreePool(big);
  EXPECT_EQ(log.size(), 7U);
  EXPECT_EQ(log.count("double_free"), 1U);
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

}  // namespace
