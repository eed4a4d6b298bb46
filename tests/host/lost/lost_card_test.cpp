// A card that answers late or never: nobody hangs, nothing is lost, nothing is handed out twice.
//
// A card is a process's own, so each test runs in a child of its own.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../child_process.hpp"
#include "../error_log.hpp"
#include "card_in_a_child.hpp"
#include "core.hpp"
#include "counted_entries.hpp"
#include "current.hpp"
#include "exalloc/bulk.h"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/stream.h"
#include "exalloc/wdm.h"
#include "trick_card.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::block_size;
using test::drop_entry;
using test::entries_out;
using test::in_thread;
using test::make_entry;
using test::trick;
using test::trick_card;
using test::zone_under_test;

// Where the card is to be waited for, on whatever machine.
constexpr std::uint32_t patient_ms = 30'000;

// The one report of the loss.
std::string loss(const error_log& log) {
  EXPECT_EQ(log.count("card_lost"), 1u);
  EXPECT_EQ(log.errors(), 1u);
  for (const auto& e : log.entries())
    if (e.cause == "card_lost") return e.what;
  return {};
}

// Blocks in a caller's hand, in two magazines, in the rings and in the card; then the card does it.
void loses_nothing(trick_card& card, const error_log& log, trick what, const char* told) {
  constexpr std::size_t blocks = 4000;
  zone_under_test z(blocks);
  std::set<void*> mine;
  for (int i = 0; i < 300; ++i) mine.insert(ExAllocateFromZone(&z.header));
  std::atomic<int> step{0};
  std::thread other([&] {
    std::set<void*> some;
    for (int i = 0; i < 500; ++i) some.insert(ExAllocateFromZone(&z.header));
    z.free_all(some);
    step = 1;
    step.notify_all();
    step.wait(1);
  });
  step.wait(0);
  card.play(what);

  const auto start = steady_clock::now();
  std::set<void*> rest = z.take_all();
  EXPECT_LT(steady_clock::now() - start, 20s);
  // The other thread may be about to return one.
  EXPECT_GE(rest.size() + mine.size(), blocks - 1);
  EXPECT_NE(loss(log).find(told), std::string::npos) << loss(log);
  for (void* p : mine) EXPECT_FALSE(rest.contains(p));
  EXPECT_EQ(ExAllocateFromZone(&z.header), nullptr);
  EXPECT_TRUE(ExIsFullZone(&z.header));
  step = 2;
  step.notify_all();
  other.join();

  z.free_all(rest);
  z.free_all(mine);
  EXPECT_FALSE(ExIsFullZone(&z.header));
  rest = z.take_all();
  EXPECT_EQ(rest.size(), blocks);
  in_thread([&] { z.free_all(rest); });
  EXPECT_EQ(z.take_all().size(), blocks);
  loss(log);
}

TEST(lost_card, one_that_never_answers) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    loses_nothing(card, log, trick::deaf, "portal 0 has had no answer to its");
  });
}

TEST(lost_card, the_report_names_card_line_list_and_time) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(64);
    card.play(trick::deaf);
    z.take_all();
    const std::string what = loss(log);
    for (const char* part : {"\"trick\"", "portal 0", "grant line", "list 0", "100 ms"})
      EXPECT_NE(what.find(part), std::string::npos) << what;
  });
}

TEST(lost_card, a_portal_stopped_by_a_bus_error) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    loses_nothing(card, log, trick::stopped, "has stopped portal 0 after a bus error");
  });
}

TEST(lost_card, one_that_is_gone) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    loses_nothing(card, log, trick::all_ones, "portal 0");
  });
}

TEST(lost_card, a_bus_that_fails) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    loses_nothing(card, log, trick::bus_error, "the bus answered with an error");
  });
}

TEST(lost_card, a_bus_that_fails_when_a_thread_makes_its_first_call) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(1000);
    std::set<void*> all{ExAllocateFromZone(&z.header)};
    card.play(trick::bus_error);
    in_thread([&] { all.insert(ExAllocateFromZone(&z.header)); });
    loss(log);
    EXPECT_FALSE(all.contains(nullptr));
    all.merge(z.take_all());
    EXPECT_EQ(all.size(), 1000u);
  });
}

TEST(lost_card, a_late_answer_within_the_time_is_waited_for) {
  IN_A_CHILD(
      [](trick_card& card, const error_log& log) {
        zone_under_test z(1000);
        card.play(trick::late);
        std::thread later([&] {
          std::this_thread::sleep_for(30ms);
          card.answer_late();
        });
        EXPECT_EQ(z.take_all().size(), 1000u);
        later.join();
        EXPECT_EQ(log.errors(), 0u);
      },
      patient_ms);
}

TEST(lost_card, an_answer_after_the_time_changes_nothing) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(1000);
    std::set<void*> some;
    for (int i = 0; i < 200; ++i) some.insert(ExAllocateFromZone(&z.header));
    z.free_all(some);
    card.play(trick::late);
    some.clear();
    for (int i = 0; i < 500; ++i) some.insert(ExAllocateFromZone(&z.header));
    loss(log);
    card.answer_late();
    std::set<void*> rest = z.take_all();
    EXPECT_EQ(some.size() + rest.size(), 1000u);
    for (void* p : some) EXPECT_FALSE(rest.contains(p));
    z.free_all(some);
    z.free_all(rest);
    EXPECT_EQ(z.take_all().size(), 1000u);
  });
}

TEST(lost_card, what_waits_in_a_depot_is_found) {
  ::setenv("EXALLOC_DEPOT", "on", 1);
  IN_A_CHILD([](trick_card& card, error_log& log) {
    constexpr std::size_t blocks = 8192;
    zone_under_test z(blocks);
    exalloc_processor* other = exalloc_processor_create();
    const auto pass = [&](std::size_t count) {
      std::vector<void*> some(count);
      for (void*& p : some) p = ExAllocateFromZone(&z.header);
      exalloc_processor_enter(other);
      for (void* p : some) ExFreeToZone(&z.header, p);
      exalloc_processor_enter(nullptr);
    };
    for (int i = 0; i < 40; ++i) pass(512);
    pass(3000);
    EXPECT_GT(current_processor_stats().passed_on, 0u);
    card.play(trick::deaf);
    // The other processor may be about to return one.
    const std::set<void*> most = z.take_all();
    EXPECT_GE(most.size(), blocks - 1);
    z.free_all(most);
    exalloc_processor_enter(other);
    EXPECT_EQ(z.take_all().size(), blocks);
    loss(log);
  });
}

// A thread that stands still between taking its slot and looking at the state byte: nobody else may
// find that block by its state byte, as the thread is about to return it.
TEST(lost_card, a_thread_in_the_middle_of_an_allocation_keeps_its_block) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    constexpr std::size_t blocks = 1000;
    zone_under_test z(blocks);
    ExFreeToZone(&z.header, ExAllocateFromZone(&z.header));
    magazine& m = *fast_processor->find(*zone_table::find(&z.header));
    const std::int32_t slot = m.begin_pop();
    ASSERT_TRUE(m.taken_for_sure(slot));
    std::set<void*> rest;
    in_thread([&] {
      card.play(trick::deaf);
      rest = z.take_all();
    });
    loss(log);
    EXPECT_FALSE(rest.contains(m.pointer(slot)));
    EXPECT_EQ(rest.size(), blocks - 1);
    // The call goes on.
    EXPECT_EQ(m.state(slot).load(), block_state::free);
    m.state(slot).store(block_state::allocated);
    rest.insert(m.pointer(slot));
    // It is withheld no longer, and in use.
    EXPECT_EQ(ExAllocateFromZone(&z.header), nullptr);
    z.free_all(rest);
    EXPECT_EQ(z.take_all(), rest);
    EXPECT_EQ(rest.size(), blocks);
  });
}

// Its processor is in no call any more, whatever its magazine looks like.
TEST(lost_card, a_thread_that_ended_while_blocks_were_scarce_withholds_nothing) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(1000);
    std::set<void*> all;
    std::atomic<int> step{0};
    std::thread other([&] {
      void* const p = ExAllocateFromZone(&z.header);
      step = 1;
      step.notify_all();
      step.wait(1);
      ExFreeToZone(&z.header, p);
    });
    step.wait(0);
    all = z.take_all();
    EXPECT_EQ(all.size(), 999u);
    step = 2;
    step.notify_all();
    other.join();
    card.play(trick::bus_error);
    zone_under_test finds_it(10);
    all.merge(z.take_all());
    EXPECT_EQ(all.size(), 1000u);
    loss(log);
  });
}

// Neither what callers have nor what kernels may have.
TEST(lost_card, what_the_host_takes_over_is_free) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(1000), streamed(1000);
    const auto stored = [](const zone_under_test& u) {
      return zone_table::find(&u.header)->store.size();
    };
    for (int i = 0; i < 300; ++i) ExAllocateFromZone(&z.header);
    ASSERT_EQ(exalloc_stream_attach(0, &streamed.header, EXALLOC_STREAM_POP), 0)
        << exalloc_last_error();
    for (int i = 0; i < 200; ++i) ExAllocateFromZone(&streamed.header);
    card.play(trick::bus_error);
    in_thread([&] {
      ExFreeToZone(&z.header, ExAllocateFromZone(&z.header));
      ExFreeToZone(&streamed.header, ExAllocateFromZone(&streamed.header));
    });
    loss(log);
    EXPECT_EQ(stored(z), 700u);
    const unsigned away = exalloc_quarantined(&streamed.header, nullptr, 0);
    EXPECT_GT(away, 0u);
    EXPECT_LT(away, 800u);
    EXPECT_EQ(stored(streamed), 800u - away);
  });
}

// The card was asked whether the block is free, so it may have given it to a kernel since.
TEST(lost_card, a_kernels_block_whose_free_is_not_answered_stays_in_quarantine) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test streamed(1000);
    ASSERT_EQ(exalloc_stream_attach(0, &streamed.header, EXALLOC_STREAM_POP), 0)
        << exalloc_last_error();
    const zone* const z = zone_table::find(&streamed.header);
    const std::uint32_t kernels = z->extents()[0].first_token + 999;
    void* const block = exalloc_block(&streamed.header, kernels);
    ASSERT_EQ(z->state(kernels).load(), block_state::away);
    exalloc_processor_flush();  // no answer is waited for but that to the question
    card.play(trick::deaf);
    exalloc_zone_free(&streamed.header, &block, 1);
    loss(log);
    EXPECT_EQ(z->state(kernels).load(), block_state::away);
    ExFreeToZone(&streamed.header, block);  // now that the card is lost the caller is believed
    EXPECT_EQ(z->state(kernels).load(), block_state::free);
    EXPECT_EQ(log.count("double_free"), 0u);
  });
}

// The block that is being freed is not one that was free before.
TEST(lost_card, a_free_that_finds_the_card_lost_returns_what_was_free_before) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test full(100), other(100);
    const std::set<void*> all = full.take_all();
    std::set<void*> most = other.take_all();
    void* const spare = *most.begin();
    most.erase(most.begin());
    in_thread([&] { ExFreeToZone(&other.header, spare); });
    card.play(trick::deaf);
    auto next = all.begin();
    EXPECT_EQ(ExFreeToZone(&full.header, *next), nullptr);
    loss(log);
    EXPECT_EQ(ExFreeToZone(&full.header, *std::next(next)), *next);
    EXPECT_EQ(ExFreeToZone(&other.header, *most.begin()), spare);
    EXPECT_EQ(full.take_all().size(), 2u);
    EXPECT_EQ(other.take_all().size(), 2u);
    EXPECT_EQ(log.errors(), 1u);
  });
}

TEST(lost_card, a_command_that_never_ends) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test before(500);
    std::set<void*> some;
    for (int i = 0; i < 100; ++i) some.insert(ExAllocateFromZone(&before.header));
    card.play(trick::busy);
    zone_under_test z(100);
    EXPECT_NE(loss(log).find("the open command of list 1"), std::string::npos);
    EXPECT_EQ(z.take_all().size(), 100u);
    EXPECT_EQ(before.take_all().size() + some.size(), 500u);
  });
}

TEST(lost_card, zones_can_be_made_extended_and_deleted_after_it) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(100);
    card.play(trick::deaf);
    EXPECT_EQ(z.take_all().size(), 100u);
    std::vector<char> more(16 + 50 * block_size);
    EXPECT_EQ(ExExtendZone(&z.header, more.data(), static_cast<ULONG>(more.size())),
              STATUS_SUCCESS);
    EXPECT_EQ(z.take_all().size(), 50u);
    zone_under_test fresh(70);
    std::set<void*> all = fresh.take_all();
    EXPECT_EQ(all.size(), 70u);
    EXPECT_EQ(ExFreeToZone(&fresh.header, *all.begin()), nullptr);
    exalloc_zone_delete(&z.header);
    exalloc_zone_delete(&fresh.header);
    loss(log);
  });
}

TEST(lost_card, a_double_free_is_still_refused) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    zone_under_test z(100);
    card.play(trick::deaf);
    std::set<void*> all = z.take_all();
    ExFreeToZone(&z.header, *all.begin());
    ExFreeToZone(&z.header, *all.begin());
    EXPECT_EQ(log.count("double_free"), 1u);
    EXPECT_EQ(z.take_all().size(), 1u);
  });
}

TEST(lost_card, the_pool_goes_on_and_grows) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    constexpr int many = 20'000;
    std::set<void*> blocks;
    const auto allocate = [&](int n) {
      for (int i = 0; i < n; ++i) {
        auto* p =
            static_cast<char*>(ExAllocatePoolWithTag(NonPagedPool, 48 + i % 3 * 100, 0x74736F4C));
        ASSERT_NE(p, nullptr) << exalloc_last_error();
        *p = 1;
        ASSERT_TRUE(blocks.insert(p).second);
      }
    };
    allocate(1000);
    card.play(trick::deaf);
    allocate(many);
    loss(log);
    for (void* p : blocks) ExFreePoolWithTag(p, 0x74736F4C);
    blocks.clear();
    allocate(many);
    for (void* p : blocks) ExFreePoolWithTag(p, 0x74736F4C);
    EXPECT_EQ(log.errors(), 1u);
  });
}

TEST(lost_card, lookaside_lists_go_on) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, make_entry, drop_entry, 0, 64, 0x74736F4C, 0);
    std::vector<void*> entries;
    const auto fill = [&] {
      for (int i = 0; i < 100; ++i) entries.push_back(ExAllocateFromNPagedLookasideList(&list));
    };
    const auto empty = [&] {
      for (void* e : entries) ExFreeToNPagedLookasideList(&list, e);
      entries.clear();
    };
    fill();
    card.play(trick::deaf);
    empty();
    EXPECT_EQ(log.count("card_lost"), 1u);
    for (int i = 0; i < 5; ++i) {
      fill();
      EXPECT_EQ(std::set<void*>(entries.begin(), entries.end()).size(), entries.size());
      in_thread(empty);
    }
    ExDeleteNPagedLookasideList(&list);
    EXPECT_EQ(entries_out, 0);
    EXPECT_EQ(log.errors(), 1u);
  });
}

// A list of 200 entries at most, and what of it the test has.
class entries_under_test {
 public:
  entries_under_test() {
    exalloc_lookaside_nt4(1);
    ExInitializeNPagedLookasideList(&list, make_entry, drop_entry, 0, 64, 0x74736F4C, 200);
  }
  ~entries_under_test() {
    drop();
    ExDeleteNPagedLookasideList(&list);
    EXPECT_EQ(entries_out, 0);
  }
  void take(int count) {
    while (count-- > 0) EXPECT_TRUE(mine.insert(ExAllocateFromNPagedLookasideList(&list)).second);
  }
  void drop() {
    for (void* e : mine) ExFreeToNPagedLookasideList(&list, e);
    mine.clear();
  }
  NPAGED_LOOKASIDE_LIST list;
  std::set<void*> mine;
};

TEST(lost_card, entries_that_came_back_are_not_handed_out_again) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    entries_under_test e;
    e.take(200);
    e.drop();
    // Some of these come from the card.
    e.take(120);
    card.play(trick::deaf);
    e.take(80);
    loss(log);
    EXPECT_EQ(entries_out, 200);
    e.drop();
    EXPECT_EQ(entries_out, 200);
  });
}

TEST(lost_card, an_answer_after_the_time_takes_no_entries) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    entries_under_test e;
    e.take(200);
    e.drop();
    e.take(64);
    card.play(trick::late);
    e.take(16);
    loss(log);
    // What the answer names is in the host again.
    e.drop();
    card.answer_late();
    e.take(200);
    EXPECT_EQ(entries_out, 200);
  });
}

TEST(lost_card, many_threads_while_it_happens) {
  IN_A_CHILD([](trick_card& card, const error_log& log) {
    constexpr std::size_t blocks = 3000;
    constexpr unsigned threads = 4;
    zone_under_test z(blocks);
    exalloc_zone_lockfree(&z.header, 1);
    std::atomic<bool> stop{false};
    std::atomic<int> violations{0};
    std::vector<std::thread> workers;
    std::vector<std::vector<std::uint32_t*>> left(threads);
    for (unsigned t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        std::mt19937 random(t);
        auto& mine = left[t];
        while (!stop) {
          if (mine.size() < 700 && random() % 2 == 0) {
            auto* p =
                static_cast<std::uint32_t*>(ExInterlockedAllocateFromZone(&z.header, nullptr));
            if (p == nullptr) continue;
            if (std::atomic_ref(p[8]).exchange(t + 1) != 0) ++violations;
            mine.push_back(p);
          } else if (!mine.empty()) {
            std::swap(mine[random() % mine.size()], mine.back());
            if (std::atomic_ref(mine.back()[8]).exchange(0) != t + 1) ++violations;
            ExInterlockedFreeToZone(&z.header, mine.back(), nullptr);
            mine.pop_back();
          }
        }
      });
    }
    std::this_thread::sleep_for(50ms);
    card.play(trick::deaf);
    std::this_thread::sleep_for(400ms);
    stop = true;
    for (std::thread& w : workers) w.join();
    EXPECT_EQ(violations, 0);
    std::size_t out = 0;
    for (const auto& mine : left) out += mine.size();
    EXPECT_EQ(z.take_all().size() + out, blocks);
    loss(log);
  });
}

TEST(lost_card, one_that_never_becomes_ready_is_told) {
  EXPECT_EXIT(
      {
        auto card = std::make_unique<trick_card>();
        card->play(trick::all_ones);
        try {
          core::open_with(std::move(card));
        } catch (const std::runtime_error& e) {
          std::_Exit(std::string(e.what()).find("is not an exalloc card") == std::string::npos);
        }
        std::_Exit(1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace exalloc
