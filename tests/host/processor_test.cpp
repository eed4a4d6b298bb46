// Processors that come and go, more threads than portals, and what one holds that another one
// needs.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "child_process.hpp"
#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/wdm.h"

namespace {

// A zone with its memory.
class test_zone {
 public:
  test_zone(std::size_t blocks, ULONG block_size) : memory_(2 + (blocks * block_size + 7) / 8) {
    const NTSTATUS status = ExInitializeZone(&header_, block_size, memory_.data(),
                                             static_cast<ULONG>(16 + blocks * block_size));
    EXPECT_EQ(status, STATUS_SUCCESS) << exalloc_last_error();
    exalloc_zone_lockfree(&header_, 1);
  }
  ~test_zone() { exalloc_zone_delete(&header_); }
  test_zone(const test_zone&) = delete;
  test_zone& operator=(const test_zone&) = delete;

  void* allocate() { return ExInterlockedAllocateFromZone(&header_, nullptr); }
  void* free(void* p) { return ExInterlockedFreeToZone(&header_, p, nullptr); }
  bool full() { return ExIsFullZone(&header_) != FALSE; }
  std::vector<void*> take_all() {
    std::vector<void*> blocks;
    while (void* p = allocate()) blocks.push_back(p);
    return blocks;
  }

 private:
  std::vector<std::uint64_t> memory_;
  ZONE_HEADER header_{};
};

struct destroy_processor {
  void operator()(exalloc_processor* p) const { exalloc_processor_destroy(p); }
};
using processor_ptr = std::unique_ptr<exalloc_processor, destroy_processor>;

// Back to the thread's own processor at the end of a block.
struct own_processor {
  ~own_processor() { exalloc_processor_enter(nullptr); }
};

TEST(processor, blocks_in_another_magazine_are_found) {
  test_zone z(100, 64);
  const processor_ptr a(exalloc_processor_create()), b(exalloc_processor_create());
  const own_processor back;
  exalloc_processor_enter(a.get());
  std::vector<void*> blocks = z.take_all();
  ASSERT_EQ(blocks.size(), 100U);
  for (void* p : blocks) z.free(p);
  exalloc_processor_enter(b.get());
  EXPECT_FALSE(z.full());
  EXPECT_EQ(z.take_all().size(), 100U);
  EXPECT_TRUE(z.full());
  exalloc_processor_enter(a.get());
  EXPECT_TRUE(z.full());
  EXPECT_EQ(z.allocate(), nullptr);
  EXPECT_EQ(z.free(blocks[0]), nullptr);
  exalloc_processor_enter(b.get());
  EXPECT_EQ(z.free(blocks[1]), blocks[0]);
}

// In lines not yet rung, in answers not yet read, in a magazine filled ahead of need: wherever they
// are.
TEST(processor, blocks_on_the_way_are_found) {
  constexpr std::size_t blocks = 2000;
  test_zone z(blocks, 64);
  const processor_ptr a(exalloc_processor_create()), b(exalloc_processor_create());
  const own_processor back;
  for (std::size_t count = 1; count < 600; count += 41) {
    exalloc_processor_enter(a.get());
    std::vector<void*> held;
    for (std::size_t i = 0; i < count; ++i) held.push_back(z.allocate());
    for (std::size_t i = 0; i < count / 2; ++i) {
      z.free(held.back());
      held.pop_back();
    }
    exalloc_processor_enter(b.get());
    const std::vector<void*> rest = z.take_all();
    ASSERT_EQ(rest.size(), blocks - held.size()) << count;
    ASSERT_TRUE(z.full());
    for (void* p : rest) z.free(p);
    for (void* p : held) z.free(p);
    exalloc_processor_flush();
  }
}

TEST(processor, small_zones_are_not_starved_by_many_processors) {
  error_log log;
  std::vector<processor_ptr> processors;
  for (int i = 0; i < 40; ++i) processors.emplace_back(exalloc_processor_create());
  const own_processor back;
  for (const std::size_t blocks : {1, 3, 7, 64, 500}) {
    test_zone z(blocks, 32);
    std::vector<void*> held;
    // Whoever asks gets one, as long as there is one, and everyone puts his own back.
    for (int round = 0; round < 5; ++round) {
      for (std::size_t i = 0; i < blocks; ++i) {
        exalloc_processor_enter(processors[(i * 7 + static_cast<std::size_t>(round)) % 40].get());
        held.push_back(z.allocate());
        ASSERT_NE(held.back(), nullptr);
        ASSERT_EQ(z.full(), i + 1 == blocks);
      }
      for (std::size_t i = 0; i < blocks; ++i) {
        exalloc_processor_enter(processors[(i * 11 + static_cast<std::size_t>(round)) % 40].get());
        ASSERT_EQ(z.free(held.back()) == nullptr, i == 0) << i << " of " << blocks;
        held.pop_back();
      }
    }
  }
  EXPECT_EQ(log.errors(), 0U);
}

TEST(processor, what_a_thread_held_comes_back_when_it_ends) {
  test_zone z(10'000, 32);
  for (int i = 0; i < 200; ++i) {
    std::thread([&] {
      for (int k = 0; k < 300; ++k) z.free(z.allocate());
    }).join();
  }
  EXPECT_EQ(z.take_all().size(), 10'000U);
}

void share_a_processor() {
  error_log log;
  test_zone z(20'000, 32);
  constexpr int threads = 80;
  std::barrier start(threads);
  std::vector<std::thread> all;
  std::atomic<int> failures{0};
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      void* first = z.allocate();
      start.arrive_and_wait();  // now every thread has its processor
      for (int k = 0; k < 200; ++k) {
        void* p = z.allocate();
        if (p == nullptr) ++failures;
        z.free(p);
      }
      z.free(first);
    });
  }
  for (auto& t : all) t.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(z.take_all().size(), 20'000U);
  EXPECT_EQ(log.size(), 1U) << "sharing is reported once";
}

// Once in the life of a process, and other tests here have as many threads.
TEST(processor, more_threads_than_portals_share_one) { IN_A_FRESH_PROCESS(share_a_processor); }

TEST(processor, statistics_count_every_call) {
  test_zone z(1000, 64);
  const processor_ptr a(exalloc_processor_create());
  const own_processor back;
  exalloc_processor_enter(a.get());
  const auto before = exalloc::current_processor_stats();
  for (int i = 0; i < 500; ++i) z.free(z.allocate());
  const auto after = exalloc::current_processor_stats();
  EXPECT_EQ(after.fast_allocations + after.slow_allocations - before.fast_allocations -
                before.slow_allocations,
            500U);
  EXPECT_EQ(after.fast_frees + after.slow_frees - before.fast_frees - before.slow_frees, 500U);
  EXPECT_GT(after.fast_allocations, before.fast_allocations + 490);
  EXPECT_GT(after.doorbells, before.doorbells);
}

TEST(processor, wrong_use_is_told) {
  error_log log;
  processor_ptr a(exalloc_processor_create());
  const own_processor back;
  exalloc_processor_enter(a.get());
  std::thread([&] { exalloc_processor_enter(a.get()); }).join();
  EXPECT_EQ(log.size(), 1U);
  exalloc_processor_destroy(a.get());
  EXPECT_EQ(log.size(), 2U);
  exalloc_processor_enter(nullptr);
}

TEST(processor, a_thread_that_ends_in_a_processor_leaves_it) {
  test_zone z(1000, 64);
  const processor_ptr a(exalloc_processor_create());
  std::thread([&] {
    exalloc_processor_enter(a.get());
    z.free(z.allocate());
  }).join();
  const own_processor back;
  exalloc_processor_enter(a.get());
  EXPECT_EQ(z.take_all().size(), 1000U);
}

// The same block twice in two magazines: the host's state byte cannot see two frees at the same
// moment, the card does.
TEST(processor, frees_at_the_same_moment_never_make_two_blocks_of_one) {
  error_log log;
  constexpr std::size_t blocks = 2000;
  test_zone z(blocks, 32);
  constexpr int rounds = 3000;
  std::barrier both(2);
  std::atomic<void*> block{nullptr};
  const auto run = [&](bool leader) {
    for (int i = 0; i < rounds; ++i) {
      if (leader) block = z.allocate();
      both.arrive_and_wait();
      z.free(block);
      both.arrive_and_wait();
    }
  };
  std::thread other([&] {
    run(false);
    exalloc_processor_flush();
  });
  run(true);
  other.join();
  exalloc_processor_flush();
  std::vector<void*> all = z.take_all();
  EXPECT_EQ(std::set<void*>(all.begin(), all.end()).size(), all.size());
  EXPECT_EQ(all.size(), blocks);
  EXPECT_EQ(log.count("double_free"), static_cast<std::size_t>(rounds))
      << "each second free is told";
  EXPECT_EQ(log.size(), static_cast<std::size_t>(rounds));
}

TEST(card, another_card_cannot_be_chosen_any_more) {
  const char* name = exalloc_card_name();
  ASSERT_NE(name, nullptr) << exalloc_last_error();
  EXPECT_EQ(exalloc_set_card(name), 0);
  EXPECT_EQ(exalloc_set_card("abacus"), -1);
  EXPECT_NE(std::string(exalloc_last_error()).find("abacus"), std::string::npos);
}

TEST(card, an_unknown_name_is_told_with_the_known_ones) {
  try {
    exalloc::open_card("abacus");
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("soft"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("sim"), std::string::npos);
  }
}

}  // namespace
