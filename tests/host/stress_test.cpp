// Many threads, random calls, and three ways to notice that a block was handed out twice or lost.
//
// EXALLOC_STRESS_MS sets how long each test runs (default 1,500).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../environment.hpp"
#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/wdm.h"

namespace {

using std::chrono::steady_clock;

// A zone with a claim for each block: whoever gets it must find nobody's claim, and his own stamp
// when he frees it.
class checked_zone {
 public:
  checked_zone(std::size_t blocks, ULONG block_size)
      : block_size_(block_size), memory_(2 + blocks * block_size / 8), claims_(blocks) {
    EXPECT_EQ(ExInitializeZone(&header_, block_size, memory_.data(),
                               static_cast<ULONG>(16 + blocks * block_size)),
              STATUS_SUCCESS)
        << exalloc_last_error();
    exalloc_zone_lockfree(&header_, 1);
  }
  ~checked_zone() { exalloc_zone_delete(&header_); }
  checked_zone(const checked_zone&) = delete;
  checked_zone& operator=(const checked_zone&) = delete;

  std::size_t blocks() const { return claims_.size(); }
  std::uint64_t* allocate(std::uint32_t who) {
    auto* p = static_cast<std::uint64_t*>(ExInterlockedAllocateFromZone(&header_, nullptr));
    if (p == nullptr) return nullptr;
    if (claim(p).exchange(who, std::memory_order_relaxed) != 0) ++violations;
    *p = who;
    return p;
  }
  // Returns the previous head.
  void* free(std::uint64_t* p, std::uint32_t who) {
    if (*p != who) ++violations;
    if (claim(p).exchange(0, std::memory_order_relaxed) != who) ++violations;
    return ExInterlockedFreeToZone(&header_, p, nullptr);
  }
  bool full() { return ExIsFullZone(&header_) != FALSE; }
  std::size_t count_free() {
    std::vector<std::uint64_t*> all;
    while (std::uint64_t* p = allocate(99)) all.push_back(p);
    for (std::uint64_t* p : all) free(p, 99);
    return all.size();
  }

  std::atomic<std::uint64_t> violations{0};

 private:
  std::atomic<std::uint32_t>& claim(std::uint64_t* p) {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(memory_.data()) - 16;
    return claims_.at(offset / block_size_);
  }

  ULONG block_size_;
  std::vector<std::uint64_t> memory_;
  std::vector<std::atomic<std::uint32_t>> claims_;
  ZONE_HEADER header_{};
};

// Runs `body(thread number, stop)` in so many threads for exalloc::test::stress_time().
template <class Body>
void run_threads(unsigned threads, Body&& body) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> all;
  for (unsigned t = 1; t <= threads; ++t) all.emplace_back([&, t] { body(t, stop); });
  std::this_thread::sleep_for(exalloc::test::stress_time());
  stop = true;
  for (auto& t : all) t.join();
}

void print_recalls(const char* what, const exalloc::library_stats& before) {
  const auto now = exalloc::current_library_stats();
  fmt::print("{}: {} recalls, {} blocks taken by them, {} times scarce\n", what,
             now.recalls - before.recalls, now.recalled_blocks - before.recalled_blocks,
             now.scarce_entries - before.scarce_entries);
}

// Blocks wander between threads: freed by another thread than the one that allocated them.
class exchange {
 public:
  void put(std::uint64_t* p) {
    const std::lock_guard lock(mutex_);
    blocks_.push_back(p);
  }
  std::uint64_t* take() {
    const std::lock_guard lock(mutex_);
    if (blocks_.empty()) return nullptr;
    std::uint64_t* p = blocks_.front();
    blocks_.pop_front();
    return p;
  }

 private:
  std::mutex mutex_;
  std::deque<std::uint64_t*> blocks_;
};

TEST(stress, random_calls_on_zones_of_all_sizes) {
  error_log log;
  const auto before = exalloc::current_library_stats();
  std::deque<checked_zone> zones;
  for (const std::size_t blocks : {3, 100, 700, 20'000}) zones.emplace_back(blocks, 64);
  std::vector<exchange> exchanges(zones.size());
  std::atomic<std::uint64_t> calls{0};
  constexpr std::uint32_t wanderer = 1000;
  run_threads(4, [&](std::uint32_t me, std::atomic<bool>& stop) {
    std::mt19937 random(me);
    std::vector<std::vector<std::uint64_t*>> held(zones.size());
    std::uint64_t n = 0;
    while (!stop) {
      const std::size_t i = random() % zones.size();
      checked_zone& z = zones[i];
      // Bursts of either kind move the zone between empty and full.
      const bool allocate = random() % 2 == 0;
      for (std::size_t burst = random() % (z.blocks() / 3 + 2); burst-- > 0; ++n) {
        if (allocate) {
          std::uint64_t* p = z.allocate(me);
          if (p == nullptr) break;
          held[i].push_back(p);
        } else if (random() % 8 == 0) {
          if (std::uint64_t* p = exchanges[i].take()) z.free(p, wanderer);
        } else if (!held[i].empty()) {
          std::uint64_t* p = held[i].back();
          held[i].pop_back();
          if (random() % 8 != 0) {
            z.free(p, me);
          } else {
            // Handed on with the claim of nobody in particular.
            z.free(p, me);
            if (std::uint64_t* q = z.allocate(wanderer)) exchanges[i].put(q);
          }
        }
      }
    }
    for (std::size_t i = 0; i < zones.size(); ++i)
      for (std::uint64_t* p : held[i]) zones[i].free(p, me);
    calls += n;
  });
  for (std::size_t i = 0; i < zones.size(); ++i) {
    while (std::uint64_t* p = exchanges[i].take()) zones[i].free(p, wanderer);
    EXPECT_EQ(zones[i].violations, 0U);
    EXPECT_EQ(zones[i].count_free(), zones[i].blocks());
  }
  EXPECT_EQ(log.errors(), 0U) << log.entries()[0].what;
  fmt::print("{} calls\n", calls.load());
  print_recalls("random", before);
  EXPECT_GT(exalloc::current_library_stats().recalls, before.recalls);
}

// As many blocks as all threads together may hold: nobody may ever be told that there is none.
TEST(stress, null_is_exact_across_threads) {
  error_log log;
  const auto before = exalloc::current_library_stats();
  for (const std::size_t each : {1, 3, 40, 400}) {
    constexpr unsigned threads = 4;
    checked_zone z(threads * each, 32);
    std::atomic<std::uint64_t> nulls{0}, calls{0};
    run_threads(threads, [&](std::uint32_t me, std::atomic<bool>& stop) {
      std::mt19937 random(me);
      std::vector<std::uint64_t*> held;
      std::uint64_t n = 0;
      while (!stop) {
        // Mostly all or nothing, so that blocks move between the threads.
        const std::size_t goal = random() % 4 == 0   ? random() % (each + 1)
                                 : random() % 2 == 0 ? each
                                                     : 0;
        for (; held.size() < goal; ++n) {
          std::uint64_t* p = z.allocate(me);
          if (p == nullptr) {
            ++nulls;
            break;
          }
          held.push_back(p);
        }
        for (; held.size() > goal; ++n) {
          z.free(held.back(), me);
          held.pop_back();
        }
      }
      for (std::uint64_t* p : held) z.free(p, me);
      calls += n;
    });
    EXPECT_EQ(nulls, 0U) << each << " blocks each";
    EXPECT_EQ(z.violations, 0U);
    EXPECT_EQ(z.count_free(), z.blocks());
    fmt::print("{} blocks each: {} calls\n", each, calls.load());
  }
  EXPECT_EQ(log.errors(), 0U) << log.entries()[0].what;
  print_recalls("exact", before);
  EXPECT_GT(exalloc::current_library_stats().recalls, before.recalls);
}

// One block more than all may hold: the zone is never full, and no free finds it so.
TEST(stress, full_and_previous_head_are_exact_across_threads) {
  const auto before = exalloc::current_library_stats();
  for (const std::size_t each : {1, 30}) {
    constexpr unsigned threads = 4;
    checked_zone z(threads * each + 1, 32);
    std::atomic<std::uint64_t> nulls{0}, fulls{0}, no_heads{0};
    run_threads(threads, [&](std::uint32_t me, std::atomic<bool>& stop) {
      std::mt19937 random(me);
      std::vector<std::uint64_t*> held;
      while (!stop) {
        const std::size_t goal = random() % 2 == 0 ? each : random() % (each + 1);
        while (held.size() < goal) {
          std::uint64_t* p = z.allocate(me);
          if (p == nullptr) {
            ++nulls;
            break;
          }
          held.push_back(p);
        }
        if (z.full()) ++fulls;
        while (held.size() > goal) {
          if (z.free(held.back(), me) == nullptr) ++no_heads;
          held.pop_back();
        }
      }
      for (std::uint64_t* p : held) z.free(p, me);
    });
    EXPECT_EQ(nulls, 0U);
    EXPECT_EQ(fulls, 0U);
    EXPECT_EQ(no_heads, 0U);
    EXPECT_EQ(z.violations, 0U);
  }
  print_recalls("full and head", before);
}

// Threads that end while others recall from them.
TEST(stress, threads_come_and_go) {
  error_log log;
  checked_zone z(600, 32);
  run_threads(3, [&](std::uint32_t me, std::atomic<bool>& stop) {
    for (std::uint32_t generation = 1; !stop; ++generation) {
      std::thread([&] {
        std::mt19937 random(me * 1000 + generation);
        std::vector<std::uint64_t*> held;
        for (int i = 0; i < 50; ++i) {
          const std::size_t goal = random() % 201;
          while (held.size() < goal) {
            std::uint64_t* p = z.allocate(me);
            if (p == nullptr) {
              ++z.violations;  // 3 threads with at most 200 each
              break;
            }
            held.push_back(p);
          }
          while (held.size() > goal) {
            z.free(held.back(), me);
            held.pop_back();
          }
        }
        for (std::uint64_t* p : held) z.free(p, me);
      }).join();
    }
  });
  EXPECT_EQ(z.violations, 0U);
  EXPECT_EQ(z.count_free(), 600U);
  EXPECT_EQ(log.errors(), 0U);
}

TEST(stress, pool_blocks_wander_between_threads) {
  error_log log;
  std::vector<exchange> exchanges(4);
  std::atomic<std::uint64_t> violations{0};
  run_threads(4, [&](std::uint32_t me, std::atomic<bool>& stop) {
    std::mt19937 random(me);
    while (!stop) {
      for (int i = 0; i < 100; ++i) {
        const std::size_t size = 16 + random() % (random() % 50 == 0 ? 9000 : 500);
        auto* p = static_cast<std::uint64_t*>(ExAllocatePool(NonPagedPool, size));
        if (p == nullptr) {
          ++violations;
          continue;
        }
        p[0] = reinterpret_cast<std::uintptr_t>(p);
        p[1] = size;
        exchanges[random() % exchanges.size()].put(p);
      }
      for (int i = 0; i < 100; ++i) {
        std::uint64_t* p = exchanges[me - 1].take();
        if (p == nullptr) break;
        if (p[0] != reinterpret_cast<std::uintptr_t>(p) || p[1] > 9100) ++violations;
        p[0] = 0;
        ExFreePool(p);
      }
    }
  });
  for (auto& e : exchanges)
    while (std::uint64_t* p = e.take()) ExFreePool(p);
  EXPECT_EQ(violations, 0U);
  EXPECT_EQ(log.errors(), 0U);
}

}  // namespace
