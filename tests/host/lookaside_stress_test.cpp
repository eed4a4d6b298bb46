// Many threads on lookaside lists: no entry twice, none lost, never more than Depth held at any
// time, counts exact at rest.
//
// EXALLOC_STRESS_MS sets how long each test runs (default 1,500).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "../environment.hpp"
#include "error_log.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"

namespace {

using std::chrono::steady_clock;

steady_clock::time_point end_of_test() {
  return steady_clock::now() + exalloc::test::stress_time();
}

constexpr ULONG tag = 'T' | 'e' << 8 | 's' << 16 | 't' << 24;

enum class where : std::uint32_t { nowhere, out, in_list };

// Knows where each entry is; whoever hands one on must find it where it can come from.
struct ledger {
  static inline std::atomic<std::uint64_t> violations{0};
  static inline std::atomic<std::int64_t> given{0};  // by Allocate, not yet taken back by Free
  // Held for sure: what a Free kept and has returned from, less one for each Allocate under way,
  // which may have taken its entry already.
  static inline std::atomic<std::int64_t> held{0}, most_held{0};
  static inline std::atomic<std::uint32_t> allocate_misses{0}, free_calls{0};
  static inline thread_local bool missed = false;
  static inline thread_local void* giving = nullptr;  // not freed by its own call so far

  static void reset() {
    violations = 0;
    given = held = most_held = 0;
    allocate_misses = free_calls = 0;
  }
  static std::atomic<where>& of(void* entry) { return *static_cast<std::atomic<where>*>(entry); }
  static void move(void* entry, where from, where to) {
    if (of(entry).exchange(to, std::memory_order_relaxed) != from) ++violations;
  }

  static PVOID allocate(POOL_TYPE, SIZE_T size, ULONG) {
    missed = true;
    ++allocate_misses;
    ++given;
    return ::new (std::malloc(size)) std::atomic<where>(where::nowhere);
  }
  static VOID free(PVOID entry) {
    move(entry, where::in_list, where::nowhere);
    if (entry == giving) {
      giving = nullptr;
    } else {
      --held;
    }
    --given;
    ++free_calls;
    std::free(entry);
  }

  static void* take(NPAGED_LOOKASIDE_LIST& list) {
    missed = false;
    --held;
    void* entry = ExAllocateFromNPagedLookasideList(&list);
    move(entry, missed ? where::nowhere : where::in_list, where::out);
    if (missed) now_held(++held);
    return entry;
  }
  static void give(NPAGED_LOOKASIDE_LIST& list, void* entry) {
    move(entry, where::out, where::in_list);
    giving = entry;
    ExFreeToNPagedLookasideList(&list, entry);
    if (giving != nullptr) now_held(++held);
    giving = nullptr;
  }
  static void now_held(std::int64_t now) {
    std::int64_t most = most_held;
    while (now > most && !most_held.compare_exchange_weak(most, now)) {
    }
  }
};

// Entries on their way from thread to thread.
struct mailbox {
  std::mutex mutex;
  std::vector<void*> entries;
  void put(void* entry) {
    const std::lock_guard lock(mutex);
    entries.push_back(entry);
  }
  void* get() {
    const std::lock_guard lock(mutex);
    if (entries.empty()) return nullptr;
    void* entry = entries.back();
    entries.pop_back();
    return entry;
  }
};

struct calls {
  std::uint64_t allocates = 0, frees = 0;
};

// Bursts of random calls; some entries go to other threads. Gives everything back at the end.
calls work(NPAGED_LOOKASIDE_LIST& list, mailbox& post, std::uint32_t seed, unsigned burst,
           std::uint64_t most_calls, steady_clock::time_point until) {
  std::mt19937 random(seed);
  calls done;
  std::vector<void*> mine;
  while (done.allocates < most_calls && steady_clock::now() < until) {
    for (auto n = random() % burst; n > 0; --n, ++done.allocates)
      mine.push_back(ledger::take(list));
    if (random() % 4 == 0 && !mine.empty()) {
      post.put(mine.back());
      mine.pop_back();
    }
    if (random() % 4 == 0)
      if (void* entry = post.get()) mine.push_back(entry);
    for (auto n = random() % (burst + 1); n > 0 && !mine.empty(); --n, ++done.frees) {
      ledger::give(list, mine.back());
      mine.pop_back();
    }
  }
  for (void* entry : mine) ledger::give(list, entry);
  done.frees += mine.size();
  return done;
}

class lookaside_stress : public testing::Test {
 protected:
  lookaside_stress() { ledger::reset(); }
  ~lookaside_stress() override {
    exalloc_lookaside_nt4(0);
    exalloc_set_governor_period_ms(1000);
  }
  void initialize(NPAGED_LOOKASIDE_LIST& list, USHORT depth) {
    ExInitializeNPagedLookasideList(&list, &ledger::allocate, &ledger::free, 0, 64, tag, depth);
    fixed_ = depth != 0;
  }
  // All threads are gone.
  void finish(NPAGED_LOOKASIDE_LIST& list, mailbox& post, calls total) {
    while (void* entry = post.get()) {
      ledger::give(list, entry);
      ++total.frees;
    }
    EXPECT_EQ(list.L.TotalAllocates, static_cast<ULONG>(total.allocates));
    EXPECT_EQ(list.L.TotalFrees, static_cast<ULONG>(total.frees));
    EXPECT_EQ(list.L.AllocateMisses, ledger::allocate_misses);
    exalloc_lookaside_counts card{};
    ASSERT_EQ(exalloc_lookaside_card_counts(&list.L, &card), 0);
    EXPECT_EQ(list.L.FreeMisses + card.trimmed, ledger::free_calls);
    exalloc_processor_flush();
    ASSERT_EQ(exalloc_lookaside_card_counts(&list.L, &card), 0);
    EXPECT_EQ(card.allocates, list.L.TotalAllocates);
    EXPECT_EQ(card.allocate_misses, list.L.AllocateMisses);
    EXPECT_EQ(card.frees, list.L.TotalFrees);
    EXPECT_EQ(card.free_misses, list.L.FreeMisses);
    EXPECT_EQ(card.reserved, 0U);
    EXPECT_EQ(static_cast<std::int64_t>(card.held), ledger::held);
    EXPECT_EQ(ledger::given, ledger::held);
    // The governor's Depth may have been as large at any time, and shares of it outlast it. Entries
    // trimmed when it shrank have left the list, but the ledger counts them until Free is called.
    EXPECT_LE(ledger::most_held, std::int64_t{list.L.MaximumDepth} + std::int64_t(card.trimmed));
    // While Depth stays, each entry that goes to the card takes the place of its own share.
    if (fixed_) {
      EXPECT_EQ(card.trimmed, 0U);
    }
    ExDeleteNPagedLookasideList(&list);
    EXPECT_EQ(ledger::given, 0);
    EXPECT_EQ(ledger::violations, 0U);
    EXPECT_EQ(errors_.errors(), 0U);
  }
  // `threads` that work until the time is over, `fleeting` ones that come and go beside them.
  void run(USHORT depth, unsigned threads, unsigned fleeting, unsigned burst) {
    NPAGED_LOOKASIDE_LIST list;
    initialize(list, depth);
    mailbox post;
    const auto until = end_of_test();
    std::atomic<std::uint64_t> allocates{0}, frees{0};
    const auto add = [&](const calls& c) {
      allocates += c.allocates;
      frees += c.frees;
    };
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i)
      all.emplace_back([&, i] { add(work(list, post, i, burst, UINT64_MAX, until)); });
    for (unsigned i = 0; i < fleeting; ++i) {
      all.emplace_back([&, i] {
        for (std::uint32_t seed = 1000 * (i + 1); steady_clock::now() < until; ++seed)
          std::thread([&] { add(work(list, post, seed, burst, 500, until)); }).join();
      });
    }
    for (std::thread& t : all) t.join();
    finish(list, post, {allocates, frees});
  }

 private:
  error_log errors_;
  bool fixed_ = false;
};

TEST_F(lookaside_stress, a_small_list_among_many) {
  exalloc_lookaside_nt4(1);
  run(4, 6, 0, 6);
}
TEST_F(lookaside_stress, a_list_that_just_suffices) {
  exalloc_lookaside_nt4(1);
  run(40, 4, 0, 10);
}
TEST_F(lookaside_stress, a_large_list) {
  exalloc_lookaside_nt4(1);
  run(256, 4, 0, 100);
}
TEST_F(lookaside_stress, threads_come_and_go) {
  exalloc_lookaside_nt4(1);
  run(50, 2, 3, 20);
}
TEST_F(lookaside_stress, the_governor_works_meanwhile) {
  exalloc_set_governor_period_ms(3);
  run(0, 3, 2, 60);
}
// The first user counts without atomics until the second one comes: again and again.
TEST_F(lookaside_stress, a_second_thread_comes_while_the_first_one_counts) {
  const auto until = end_of_test();
  int rounds = 0;
  do {
    ledger::reset();
    NPAGED_LOOKASIDE_LIST list;
    initialize(list, 0);
    mailbox post;
    std::atomic<bool> stop{false};
    calls first, second;
    std::thread a([&] {
      for (; !stop || first.allocates < 100; ++first.allocates, ++first.frees)
        ledger::give(list, ledger::take(list));
    });
    std::thread b([&] { second = work(list, post, 1, 3, 200, until + std::chrono::seconds(60)); });
    b.join();
    stop = true;
    a.join();
    finish(list, post, {first.allocates + second.allocates, first.frees + second.frees});
    ++rounds;
  } while ((rounds < 2 || steady_clock::now() < until) && !HasFailure());
}

}  // namespace
