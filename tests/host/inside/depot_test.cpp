// Free blocks that pass from one processor to another past the card: none is lost, none comes
// twice, and whoever looks for the last one finds it there.
#include "depot.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "../child_process.hpp"
#include "../error_log.hpp"
#include "core.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/stream.h"
#include "exalloc/wdm.h"
#include "zone_counts.hpp"
#include "zone_table.hpp"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

namespace exalloc {
namespace {

void fill(bundle_stash& s, std::uint32_t bundles, std::uint32_t& next) {
  for (std::uint32_t i = 0; i < bundles; ++i) {
    ASSERT_TRUE(s.has_empty());
    for (std::uint32_t& token : s.at[s.full]->tokens) token = next++;
    ++s.full;
  }
}

TEST(depot, gives_what_it_got_up_to_its_limit) {
  depot d;
  bundle_stash from, to;
  std::uint32_t next = 1;
  fill(from, 8, next);
  EXPECT_EQ(d.put(from, 7, 5), 5u);
  EXPECT_EQ(from.full, 3u);
  EXPECT_EQ(d.put(from, 3, 5), 0u) << "it is full";
  EXPECT_EQ(d.take(to, 4), 4u);
  EXPECT_EQ(d.take(to, 100), 1u);
  EXPECT_EQ(d.take(to, 100), 0u);
  std::set<std::uint32_t> tokens;
  for (std::uint32_t i = 0; i < to.full; ++i)
    tokens.insert(to.at[i]->tokens.begin(), to.at[i]->tokens.end());
  for (std::uint32_t i = 0; i < from.full; ++i)
    tokens.insert(from.at[i]->tokens.begin(), from.at[i]->tokens.end());
  EXPECT_EQ(tokens.size(), std::size_t{8} * bundle::tokens_each);
}

TEST(depot, memory_of_bundles_comes_back_to_those_who_fill_them) {
  depot d;
  bundle_stash from, to;
  std::set<const bundle*> all;
  std::uint32_t next = 1;
  for (int i = 0; i < 100; ++i) {
    fill(from, 3, next);
    for (std::uint32_t k = 0; k < from.full; ++k) all.insert(from.at[k].get());
    EXPECT_EQ(d.put(from, 3, depot::most), 3u);
    EXPECT_EQ(d.take(to, 3), 3u);
    to.full = 0;  // they are used
  }
  EXPECT_LE(all.size(), std::size_t{bundle_stash::most} + 3);
}

TEST(depot, threads_exchange_every_token_once) {
  depot d;
  constexpr std::uint32_t bundles = 2000;
  std::vector<std::atomic<int>> seen(std::size_t{bundles} * bundle::tokens_each + 1);
  std::atomic<std::uint32_t> taken{0};
  std::thread giver([&] {
    bundle_stash s;
    std::uint32_t next = 1, made = 0;
    while (made < bundles || s.full > 0) {
      if (made < bundles && s.has_empty()) {
        fill(s, 1, next);
        ++made;
      }
      if (d.put(s, 1 + made % 3, depot::most) == 0) std::this_thread::yield();
    }
  });
  std::vector<std::thread> takers;
  for (int i = 0; i < 2; ++i)
    takers.emplace_back([&] {
      bundle_stash s;
      while (taken < bundles) {
        const std::uint32_t got = d.take(s, 5);
        if (got == 0) std::this_thread::yield();
        taken += got;
        for (; s.full > 0; --s.full)
          for (const std::uint32_t token : s.newest().tokens) ++seen[token];
      }
    });
  giver.join();
  for (auto& t : takers) t.join();
  for (std::size_t i = 1; i < seen.size(); ++i) ASSERT_EQ(seen[i], 1) << i;
}

// A zone of blocks that one thread allocates and another one frees.
class passing : public testing::Test {
 protected:
  static constexpr ULONG block_size = 64;
  passing() {
    ::setenv("EXALLOC_CARD", "soft", 1);
    ::unsetenv("EXALLOC_DEPOT");
  }
  ~passing() override {
    if (header_.BlockSize != 0) exalloc_zone_delete(&header_);
    exalloc_processor_destroy(other_);
  }
  void make(std::size_t blocks) {
    memory_.resize(16 + blocks * block_size);
    ASSERT_EQ(
        ExInitializeZone(&header_, block_size, memory_.data(), static_cast<ULONG>(memory_.size())),
        STATUS_SUCCESS)
        << exalloc_last_error();
    exalloc_zone_lockfree(&header_, 1);
    if (other_ == nullptr) other_ = exalloc_processor_create();
  }
  void* allocate() { return ExInterlockedAllocateFromZone(&header_, nullptr); }
  void free(void* p) { ExInterlockedFreeToZone(&header_, p, nullptr); }
  // All that can be had, each once.
  std::set<void*> take_all() {
    std::set<void*> all;
    while (void* p = allocate()) EXPECT_TRUE(all.insert(p).second) << "twice";
    return all;
  }
  void free_all(const std::set<void*>& blocks) {
    for (void* p : blocks) free(p);
  }
  // Here allocated, there freed, with so many in between; how many came back past the card. The
  // other processor still has what it has: threads that end give all of it back.
  std::uint64_t pass(std::size_t pairs, std::size_t between = 512) {
    const std::uint64_t before = current_processor_stats().passed_on;
    std::vector<void*> some;
    for (std::size_t i = 0; i < pairs; i += between) {
      for (std::size_t k = 0; k < between; ++k) {
        some.push_back(allocate());
        EXPECT_NE(some.back(), nullptr);
      }
      exalloc_processor_enter(other_);
      for (void* p : some) free(p);
      exalloc_processor_enter(nullptr);
      some.clear();
    }
    return current_processor_stats().passed_on - before;
  }
  // Leaves bundles in the depot, too.
  void leave_some_on_the_way() {
    EXPECT_GT(pass(40'000), 20'000u);
    const std::uint64_t before = current_processor_stats().passed_on;
    std::vector<void*> some;
    for (int i = 0; i < 3000; ++i) some.push_back(allocate());
    exalloc_processor_enter(other_);
    for (void* p : some) free(p);
    exalloc_processor_enter(nullptr);
    for (int i = 0; i < 1500; ++i) free_later_.insert(allocate());
    EXPECT_GT(current_processor_stats().passed_on, before);
    free_all(free_later_);
    free_later_.clear();
  }
  depot* of_zone() { return zone_table::find(&header_)->bundles(); }

  error_log log_;
  ZONE_HEADER header_{};
  exalloc_processor* other_ = nullptr;

 private:
  std::vector<char> memory_;
  std::set<void*> free_later_;
};

constexpr std::size_t large = 8192;

TEST_F(passing, the_card_is_left_out) {
  make(large);
  pass(10'000);
  const processor_stats before = current_processor_stats();
  EXPECT_GT(pass(40'000), 30'000u);
  EXPECT_LE(current_processor_stats().lines_submitted - before.lines_submitted, 64u);
}

// That is read when the card is opened.
TEST_F(passing, the_card_is_used_where_that_is_wished) {
  IN_A_FRESH_PROCESS([this] {
    ::setenv("EXALLOC_DEPOT", "off", 1);
    make(large);
    EXPECT_EQ(of_zone(), nullptr);
    EXPECT_EQ(pass(20'000), 0u);
    EXPECT_EQ(take_all().size(), large);
  });
}

TEST_F(passing, lists_of_few_blocks_do_without) {
  make(1024);
  EXPECT_EQ(pass(20'000, 128), 0u);
  EXPECT_EQ(take_all().size(), 1024u);
}

TEST_F(passing, a_recall_finds_what_waits_in_the_depot) {
  make(large);
  for (int i = 0; i < 3; ++i) {
    leave_some_on_the_way();
    const std::set<void*> all = take_all();
    EXPECT_EQ(all.size(), large);
    EXPECT_TRUE(ExIsFullZone(&header_));
    EXPECT_EQ(ExInterlockedFreeToZone(&header_, *all.begin(), nullptr), nullptr)
        << "no block was free";
    EXPECT_EQ(allocate(), *all.begin());
    exalloc_processor_enter(other_);
    EXPECT_EQ(allocate(), nullptr);
    free_all(all);
    exalloc_processor_enter(nullptr);
  }
  EXPECT_EQ(log_.errors(), 0u);
}

TEST_F(passing, counts_stay_exact) {
  make(large);
  leave_some_on_the_way();
  EXPECT_EQ(count_zone(&header_)->in_use, 0u);
  const std::set<void*> one{allocate()};
  EXPECT_EQ(count_zone(&header_)->in_use, 1u);
  free_all(one);
  exalloc_processor_enter(other_);
  exalloc_processor_flush();
  exalloc_processor_enter(nullptr);
  exalloc_processor_flush();
  EXPECT_EQ(count_zone(&header_)->in_use, 0u);
  EXPECT_EQ(take_all().size(), large);
  EXPECT_EQ(count_zone(&header_)->in_use, large);
}

TEST_F(passing, a_deleted_zones_blocks_are_nobodys) {
  for (int i = 0; i < 3; ++i) {
    make(large);
    leave_some_on_the_way();
    exalloc_zone_delete(&header_);
  }
  // The next one has the same list and slabs, but other blocks: none of the old may come out.
  make(2 * large);
  leave_some_on_the_way();
  EXPECT_EQ(take_all().size(), 2 * large);
  EXPECT_EQ(log_.errors(), 0u);
}

TEST_F(passing, a_second_free_is_refused_wherever_the_block_is) {
  make(large);
  std::vector<void*> some;
  for (int i = 0; i < 4000; ++i) some.push_back(allocate());
  exalloc_processor_enter(other_);
  for (void* p : some) free(p);
  exalloc_processor_enter(nullptr);
  for (void* p : some) free(p);
  EXPECT_EQ(log_.count("double_free"), some.size());
  EXPECT_EQ(take_all().size(), large);
}

TEST_F(passing, a_zone_that_kernels_share_goes_through_the_card_again) {
  make(large);
  leave_some_on_the_way();
  ASSERT_EQ(exalloc_stream_attach(0, &header_, 3), 0) << exalloc_last_error();
  EXPECT_EQ(of_zone(), nullptr);
  EXPECT_EQ(pass(10'000), 0u);
  ASSERT_EQ(exalloc_stream_detach(0), 0) << exalloc_last_error();
  EXPECT_EQ(take_all().size(), large);
  EXPECT_EQ(log_.errors(), 0u);
}

TEST_F(passing, a_forked_child_finds_every_free_block) {
  if (sanitized) GTEST_SKIP() << "sanitizers do not support it";
  make(large);
  leave_some_on_the_way();
  const std::set<void*> mine{allocate(), allocate(), allocate()};
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(120);
    const std::set<void*> all = take_all();
    bool good = all.size() == large - mine.size();
    for (void* p : mine) good = good && !all.contains(p);
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(take_all().size(), large - mine.size());
}

TEST_F(passing, threads_pass_and_recall_at_once) {
  make(4096);
  std::atomic<bool> over{false};
  std::vector<std::atomic<int>> claims(4096);
  std::atomic<int> violations{0};
  const auto claim_of = [&](void* p) -> std::atomic<int>& {
    const auto* first = reinterpret_cast<const char*>(header_.SegmentList.Next) + 16;
    return claims[static_cast<std::size_t>(static_cast<char*>(p) - first) / block_size];
  };
  struct alignas(64) channel {
    std::atomic<std::size_t> head{0}, tail{0};
    std::array<void*, 1024> slots{};
  } way;
  std::thread consumer([&] {
    while (!over || way.tail != way.head) {
      if (way.tail == way.head) {
        std::this_thread::yield();
        continue;
      }
      void* p = way.slots[way.tail % way.slots.size()];
      if (claim_of(p).exchange(0) != 1) ++violations;
      free(p);
      ++way.tail;
    }
  });
  for (int i = 0; i < 50'000; ++i) {
    while (way.head - way.tail == way.slots.size()) std::this_thread::yield();
    // Now and then all there is, so that a recall is needed.
    if (i % 10'000 == 9'999) {
      std::vector<void*> all;
      while (void* p = allocate()) {
        if (claim_of(p).exchange(2) != 0) ++violations;
        all.push_back(p);
      }
      for (void* p : all) {
        if (claim_of(p).exchange(0) != 2) ++violations;
        free(p);
      }
    }
    void* p = allocate();
    if (p == nullptr) continue;
    if (claim_of(p).exchange(1) != 0) ++violations;
    way.slots[way.head % way.slots.size()] = p;
    ++way.head;
  }
  over = true;
  consumer.join();
  EXPECT_EQ(violations, 0);
  EXPECT_EQ(take_all().size(), 4096u);
  EXPECT_EQ(log_.errors(), 0u);
}

}  // namespace
}  // namespace exalloc
