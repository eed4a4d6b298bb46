// Sixteen threads, every routine, blocks passed from thread to thread, and a shadow of all live
// memory.
//
// EXALLOC_STRESS_MS sets how long it runs (default 1,500), EXALLOC_TEST_SEED the order of calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "../environment.hpp"
#include "bug_trap.hpp"
#include "error_log.hpp"
#include "exalloc/bulk.h"
#include "exalloc/exalloc.h"
#include "exalloc/pool.h"
#include "exalloc/stats.hpp"
#include "exalloc/wdm.h"

namespace {

constexpr unsigned thread_count = 16;
constexpr ULONG tag_of_thread = 'S' | 't' << 8 | 'A' << 16;  // and the thread's letter
constexpr ULONG box_tag = 'S' | 'B' << 8 | 'o' << 16 | 'x' << 24;

// What is handed out now, by address: no two pieces may overlap, and none is given back that is not
// out.
class shadow {
 public:
  void take(const void* p, std::size_t bytes) {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    const std::lock_guard lock(mutex_);
    const auto next = live_.lower_bound(at);
    if (next != live_.end() && next->first < at + bytes) ++violations;
    if (next != live_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second > at) ++violations;
    }
    live_.emplace_hint(next, at, bytes);
  }
  void give(const void* p) {
    const std::lock_guard lock(mutex_);
    if (live_.erase(reinterpret_cast<std::uintptr_t>(p)) != 1) ++violations;
  }
  std::size_t size() const { return live_.size(); }

  std::atomic<std::uint64_t> violations{0};

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::size_t> live_;
};

enum class source : std::uint8_t {
  zone,
  plain_zone,
  lookaside,
  paged_lookaside,
  lookaside_ex,
  pool,
  quota,
  pool2
};

// A live piece of memory; its first bytes say who stamped it.
struct piece {
  unsigned char* data = nullptr;
  std::uint32_t bytes = 0;
  source from = source::pool;
  std::uint8_t index = 0;  // of the zone or list
  ULONG tag = 0;
};

unsigned char stamp_of(const piece& p) {
  return static_cast<unsigned char>((reinterpret_cast<std::uintptr_t>(p.data) >> 4) * 31 + p.bytes);
}
void stamp(const piece& p) { std::memset(p.data, stamp_of(p), p.bytes); }
bool stamped(const piece& p) {
  const unsigned char s = stamp_of(p);
  return std::all_of(p.data, p.data + p.bytes, [s](unsigned char c) { return c == s; });
}

// Everything the threads share.
class arena {
 public:
  static constexpr std::size_t zone_count = 3, list_count = 2;

  arena() {
    for (std::size_t i = 0; i < zone_count; ++i) {
      zone_memory_[i].resize((16 + blocks_[i] * sizes_[i]) / 8 + 2);
      EXPECT_EQ(ExInitializeZone(&zones_[i], sizes_[i], zone_memory_[i].data(),
                                 static_cast<ULONG>(16 + blocks_[i] * sizes_[i])),
                STATUS_SUCCESS);
      KeInitializeSpinLock(&locks_[i]);
    }
    exalloc_zone_lockfree(&zones_[0], 1);
    for (std::size_t i = 0; i < list_count; ++i) {
      ExInitializeNPagedLookasideList(&nonpaged_[i], nullptr, nullptr, 0, 100 + 200 * i, 0x6F4C7453,
                                      0);
      ExInitializePagedLookasideList(&paged_[i], nullptr, nullptr, 0, 60 + 900 * i, 0x704C7453, 0);
      EXPECT_EQ(ExInitializeLookasideListEx(&extended_[i], nullptr, nullptr, PagedPool, 0, 72,
                                            0x784C7453, 0),
                STATUS_SUCCESS);
    }
    ExInitializeSListHead(&passed_);
    requestor_ = exalloc_requestor_create("stress", 1U << 20, 1U << 20);
  }
  ~arena() {
    for (ZONE_HEADER& z : zones_) exalloc_zone_delete(&z);
    for (std::size_t i = 0; i < list_count; ++i) {
      ExDeleteNPagedLookasideList(&nonpaged_[i]);
      ExDeletePagedLookasideList(&paged_[i]);
      ExDeleteLookasideListEx(&extended_[i]);
    }
    EXPECT_EQ(exalloc_requestor_destroy(requestor_), 0);
  }
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  piece allocate(unsigned thread, std::mt19937& random) {
    piece p;
    p.from = static_cast<source>(random() % 8);
    p.index = static_cast<std::uint8_t>(random() %
                                        (p.from <= source::plain_zone ? zone_count : list_count));
    p.tag = tag_of_thread | ('a' + thread) << 24;
    const std::uint32_t size = random() % 50 == 0 ? random() % 20'000 : random() % 700;
    void* data = nullptr;
    switch (p.from) {
      case source::zone:
      case source::plain_zone:
        p.from = source::zone;
        p.bytes = sizes_[p.index];
        data = random() % 4 == 0
                   ? allocate_plain(p.index)
                   : ExInterlockedAllocateFromZone(&zones_[p.index], &locks_[p.index]);
        break;
      case source::lookaside:
        p.bytes = nonpaged_[p.index].L.Size;
        data = ExAllocateFromNPagedLookasideList(&nonpaged_[p.index]);
        break;
      case source::paged_lookaside:
        p.bytes = paged_[p.index].L.Size;
        data = ExAllocateFromPagedLookasideList(&paged_[p.index]);
        break;
      case source::lookaside_ex:
        p.bytes = 72;
        data = ExAllocateFromLookasideListEx(&extended_[p.index]);
        break;
      case source::pool:
        p.bytes = size;
        data = ExAllocatePoolWithTag(types_[random() % types_.size()], size, p.tag);
        break;
      case source::quota: {
        p.bytes = size % 3000;
        exalloc_requestor* before = exalloc_requestor_enter(requestor_);
        data = ExAllocatePoolWithQuotaTag(
            static_cast<POOL_TYPE>(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), p.bytes, p.tag);
        exalloc_requestor_enter(before);
        break;
      }
      case source::pool2:
        p.bytes = size + 1;
        data = ExAllocatePool2(POOL_FLAG_NON_PAGED, p.bytes, p.tag);
        if (data != nullptr && *static_cast<unsigned char*>(data) != 0) ++shadow_.violations;
        break;
    }
    p.data = static_cast<unsigned char*>(data);
    if (data == nullptr) return p;
    shadow_.take(data, std::max<std::uint32_t>(p.bytes, 1));
    stamp(p);
    return p;
  }

  void free(const piece& p, std::mt19937& random) {
    if (!stamped(p)) ++shadow_.violations;
    shadow_.give(p.data);
    switch (p.from) {
      case source::zone:
      case source::plain_zone:
        if (random() % 4 == 0) {
          free_plain(p.index, p.data);
        } else {
          ExInterlockedFreeToZone(&zones_[p.index], p.data, &locks_[p.index]);
        }
        break;
      case source::lookaside:
        ExFreeToNPagedLookasideList(&nonpaged_[p.index], p.data);
        break;
      case source::paged_lookaside:
        ExFreeToPagedLookasideList(&paged_[p.index], p.data);
        break;
      case source::lookaside_ex:
        ExFreeToLookasideListEx(&extended_[p.index], p.data);
        break;
      case source::pool:
      case source::quota:
        random() % 2 == 0 ? ExFreePool(p.data) : ExFreePoolWithTag(p.data, p.tag);
        break;
      case source::pool2:
        ExFreePool2(p.data, p.tag, nullptr, 0);
        break;
    }
  }

  // Hands a piece to whoever takes the next one.
  struct parcel {
    SLIST_ENTRY link;
    piece content;
  };
  void pass(const piece& p) {
    auto* box = static_cast<parcel*>(ExAllocatePoolWithTag(NonPagedPool, sizeof(parcel), box_tag));
    if (box == nullptr) return pass_failed();
    box->content = p;
    InterlockedPushEntrySList(&passed_, &box->link);
  }
  std::optional<piece> receive() {
    PSLIST_ENTRY e = InterlockedPopEntrySList(&passed_);
    if (e == nullptr) return std::nullopt;
    auto* box = CONTAINING_RECORD(e, parcel, link);
    const piece p = box->content;
    ExFreePoolWithTag(box, box_tag);
    return p;
  }

  // What is seldom done.
  void something_else(std::mt19937& random) {
    const std::size_t i = random() % list_count;
    switch (random() % 7) {
      case 0:
        ExFlushLookasideListEx(&extended_[i]);
        break;
      case 1:
        exalloc_pool_trim();
        break;
      case 2:
        (void)ExIsFullZone(&zones_[random() % zone_count]);
        break;
      case 3: {
        exalloc_zone_usage usage;
        if (exalloc_zone_count(&zones_[random() % zone_count], &usage) != 0) ++shadow_.violations;
        break;
      }
      case 4: {
        std::array<void*, 40> many{};
        const std::size_t n = exalloc_zone_allocate(&zones_[0], many.data(), many.size());
        for (std::size_t k = 0; k < n; ++k) shadow_.take(many[k], sizes_[0]);
        for (std::size_t k = 0; k < n; ++k) shadow_.give(many[k]);
        exalloc_zone_free(&zones_[0], many.data(), n);
        break;
      }
      case 5: {
        // All that is left of the smallest zone: only a recall can tell that there is no more.
        std::vector<void*> rest;
        while (void* p = ExInterlockedAllocateFromZone(&zones_[2], &locks_[2])) {
          shadow_.take(p, sizes_[2]);
          rest.push_back(p);
        }
        for (void* p : rest) {
          shadow_.give(p);
          ExInterlockedFreeToZone(&zones_[2], p, &locks_[2]);
        }
        break;
      }
      default:
        exalloc_processor_flush();
    }
  }

  shadow& memory() { return shadow_; }
  bool every_zone_is_empty() {
    bool empty = true;
    for (std::size_t i = 0; i < zone_count; ++i) {
      exalloc_zone_usage usage{};
      EXPECT_EQ(exalloc_zone_count(&zones_[i], &usage), 0);
      EXPECT_EQ(usage.blocks, blocks_[i]);
      empty = empty && usage.in_use == 0;
    }
    return empty;
  }

 private:
  void pass_failed() { ADD_FAILURE() << "the pool is exhausted: " << exalloc_last_error(); }
  void* allocate_plain(std::size_t i) {
    KIRQL irql;
    KeAcquireSpinLock(&locks_[i], &irql);
    void* p = ExAllocateFromZone(&zones_[i]);
    KeReleaseSpinLock(&locks_[i], irql);
    return p;
  }
  void free_plain(std::size_t i, void* p) {
    KIRQL irql;
    KeAcquireSpinLock(&locks_[i], &irql);
    ExFreeToZone(&zones_[i], p);
    KeReleaseSpinLock(&locks_[i], irql);
  }

  static constexpr std::array<ULONG, zone_count> sizes_{64, 200, 1024};
  // Too few for sixteen threads, so that lists become scarce and are recalled.
  static constexpr std::array<std::size_t, zone_count> blocks_{300, 2000, 24};
  static constexpr std::array<POOL_TYPE, 6> types_{
      NonPagedPool,          PagedPool,      NonPagedPoolCacheAligned,
      PagedPoolCacheAligned, NonPagedPoolNx, NonPagedPoolNxCacheAligned};
  std::array<ZONE_HEADER, zone_count> zones_{};
  std::array<KSPIN_LOCK, zone_count> locks_{};
  std::array<std::vector<std::uint64_t>, zone_count> zone_memory_;
  std::array<NPAGED_LOOKASIDE_LIST, list_count> nonpaged_;
  std::array<PAGED_LOOKASIDE_LIST, list_count> paged_;
  std::array<LOOKASIDE_LIST_EX, list_count> extended_;
  SLIST_HEADER passed_{};
  exalloc_requestor* requestor_ = nullptr;
  shadow shadow_;
};

constexpr std::chrono::seconds patience{120};

std::uint64_t blocks_out(ULONG tag_low_three) {
  std::vector<exalloc_tag_usage> rows(exalloc_pool_tags(nullptr, 0));
  rows.resize(std::min(rows.size(), exalloc_pool_tags(rows.data(), rows.size())));
  std::uint64_t out = 0;
  for (const exalloc_tag_usage& r : rows)
    if ((r.tag & 0xFFFFFF) == tag_low_three) out += r.allocations - r.frees;
  return out;
}

TEST(all_routines, sixteen_threads_never_share_a_block_and_lose_none) {
  error_log log;
  bug_log bugs;
  const std::uint64_t recalls = exalloc::current_library_stats().recalls;
  std::atomic<std::uint64_t> steps{0};
  {
    const auto all = std::make_unique<arena>();
    const auto end = std::chrono::steady_clock::now() + exalloc::test::stress_time();
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < thread_count; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(exalloc::test::seed() * 1000 + t);
        std::vector<piece> mine;
        // At least so many, however slow the card is, and until a list was recalled.
        const auto recalled = [&] { return exalloc::current_library_stats().recalls > recalls; };
        for (unsigned n = 0; n < 150 || std::chrono::steady_clock::now() < end ||
                             (!recalled() && std::chrono::steady_clock::now() < end + patience);
             ++n) {
          const unsigned what = random() % 100;
          if (what < 50 && mine.size() < 60) {
            const piece p = all->allocate(t, random);
            if (p.data != nullptr) mine.push_back(p);
          } else if (what < 85 && !mine.empty()) {
            std::swap(mine[random() % mine.size()], mine.back());
            all->free(mine.back(), random);
            mine.pop_back();
          } else if (what < 92 && !mine.empty()) {
            all->pass(mine.back());
            mine.pop_back();
          } else if (what < 99) {
            if (const auto p = all->receive()) all->free(*p, random);
          } else if (random() % 4 == 0) {
            all->something_else(random);
          }
          ++steps;
        }
        for (const piece& p : mine) all->free(p, random);
      });
    }
    for (std::thread& t : threads) t.join();
    std::mt19937 random(exalloc::test::seed());
    while (const auto p = all->receive()) all->free(*p, random);
    EXPECT_EQ(all->memory().violations, 0U);
    EXPECT_EQ(all->memory().size(), 0U);
    EXPECT_TRUE(all->every_zone_is_empty());
  }
  EXPECT_EQ(blocks_out(tag_of_thread), 0U);
  EXPECT_EQ(blocks_out(box_tag & 0xFFFFFF), 0U);
  EXPECT_EQ(log.errors(), 0U) << (log.entries().empty() ? "" : log.entries().front().what);
  EXPECT_TRUE(bugs.bugs().empty()) << bugs.bugs().front().text;
  EXPECT_GT(exalloc::current_library_stats().recalls, recalls);
  RecordProperty("steps", std::to_string(steps));
}

}  // namespace
