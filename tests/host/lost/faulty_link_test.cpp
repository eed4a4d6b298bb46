// Programs on the simulated card while link, bus or card fail, as EXALLOC_FAULT has it: whatever
// happens, no block is in two hands and none is lost. Another library, the checker of replays,
// watches every call.
//
// A card is a process's own, so each test runs in a child of its own. All of them are
// deterministic, but those with threads.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../child_process.hpp"
#include "../error_log.hpp"
#include "counted_entries.hpp"
#include "exalloc/bulk.h"
#include "exalloc/card.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/stream.h"
#include "exalloc/wdm.h"
#include "producer.hpp"
#include "shadow.hpp"

namespace {

using json = nlohmann::json;
using exalloc::current_card;
using exalloc::replay::shadow;
using exalloc::sim::producer;
using exalloc::test::drop_entry;
using exalloc::test::entries_out;
using exalloc::test::make_entry;

// Runs `body` in a child process, on a simulated card with these faults.
template <class Body>
[[noreturn]] void with_faults(const std::string& faults, Body&& body) {
  ::setenv("EXALLOC_CARD", "sim", 1);
  ::setenv("EXALLOC_FAULT", faults.c_str(), 1);
  ::unsetenv("EXALLOC_LINK");
  exalloc::test::run_child([&] {
    const error_log log;
    body(log);
  });
}
#define IN_A_CHILD(...) EXPECT_EXIT(with_faults(__VA_ARGS__), testing::ExitedWithCode(0), "")

// A zone whose every call is checked.
class checked_zone {
 public:
  checked_zone(shadow& checker, ULONG block_size, ULONG blocks)
      : checker_(checker),
        block_size_(block_size),
        number_(checker.add_zone(fmt::format("of {}", block_size), block_size)) {
    std::byte* const segment = room(blocks);
    EXPECT_EQ(ExInitializeZone(&header, block_size, segment, bytes_of(blocks)), STATUS_SUCCESS)
        << exalloc_last_error();
    checker_.add_segment(number_, segment, bytes_of(blocks));
  }
  void extend(ULONG blocks) {
    std::byte* const segment = room(blocks);
    EXPECT_EQ(ExExtendZone(&header, segment, bytes_of(blocks)), STATUS_SUCCESS)
        << exalloc_last_error();
    checker_.add_segment(number_, segment, bytes_of(blocks));
  }
  bool allocate() {
    void* const block = ExAllocateFromZone(&header);
    if (block == nullptr) {
      if (held_.size() != checker_.carved(number_))
        checker_.wrong_answer(number_, "NULL while blocks are free");
      return false;
    }
    held_.push_back({block, checker_.allocated(number_, block, block_size_)});
    return true;
  }
  void free(std::size_t i) {
    std::swap(held_[i], held_.back());
    checker_.freed(number_, held_.back().block, held_.back().stamp);
    ExFreeToZone(&header, held_.back().block);
    held_.pop_back();
  }
  std::size_t held() const { return held_.size(); }
  void free_all() {
    while (!held_.empty()) free(held_.size() - 1);
  }
  // Every block can be had, once.
  void check() {
    free_all();
    while (allocate()) {
    }
    checker_.drained(number_, held_.size());
    free_all();
  }

  ZONE_HEADER header{};

 private:
  struct holding {
    void* block;
    std::uint64_t stamp;
  };
  ULONG bytes_of(ULONG blocks) const { return 16 + blocks * block_size_; }
  std::byte* room(ULONG blocks) {
    memory_.push_back(
        std::make_unique<std::max_align_t[]>(bytes_of(blocks) / sizeof(std::max_align_t) + 1));
    return reinterpret_cast<std::byte*>(memory_.back().get());
  }

  shadow& checker_;
  const ULONG block_size_;
  const shadow::zone_number number_;
  std::vector<std::unique_ptr<std::max_align_t[]>> memory_;
  std::vector<holding> held_;
};

void expect_good(const shadow& checker) {
  const auto& found = checker.found();
  EXPECT_EQ(found.overlapping, 0u);
  EXPECT_EQ(found.lost, 0u);
  EXPECT_TRUE(found.all_good());
  for (const std::string& what : found.first) ADD_FAILURE() << what;
}

// Fills and empties zones by hundreds, so that most of it goes to the card and comes back; makes,
// extends and deletes zones meanwhile.
void work(shadow& checker, unsigned seed, unsigned rounds = 30) {
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<checked_zone>> zones;
  zones.push_back(std::make_unique<checked_zone>(checker, 64, 1500));
  zones.push_back(std::make_unique<checked_zone>(checker, 24, 700));
  for (unsigned i = 0; i < rounds; ++i) {
    checked_zone& z = *zones[random() % zones.size()];
    for (unsigned n = random() % 900; n != 0 && z.allocate(); --n) {
    }
    for (unsigned n = random() % 900; n != 0 && z.held() != 0; --n) z.free(random() % z.held());
    if (i % 8 == 5) zones.push_back(std::make_unique<checked_zone>(checker, 40, 300));
    if (i % 8 == 6) zones.back()->extend(200);
    if (i % 16 == 15) {
      zones.back()->check();
      exalloc_zone_delete(&zones.back()->header);
      zones.pop_back();
    }
  }
  for (const auto& z : zones) z->check();
}

// The one report of the loss; empty if there is none.
std::string loss(const error_log& log) {
  EXPECT_LE(log.count("card_lost"), 1u);
  std::string out;
  for (const auto& e : log.entries()) {
    if (e.cause == "card_lost") {
      out = e.what;
    } else if (e.cause != "ok") {
      ADD_FAILURE() << e.what << " [" << e.cause << "]";
    }
  }
  return out;
}

// The work goes on and all is right; the loss, if any is expected, is told with its cause.
void survives(const std::string& faults, const char* told) {
  IN_A_CHILD(faults, [&](const error_log& log) {
    shadow checker;
    work(checker, 1);
    expect_good(checker);
    const std::string what = loss(log);
    if (told == nullptr) {
      EXPECT_EQ(what, "");
    } else {
      EXPECT_NE(what.find(told), std::string::npos) << what;
    }
    // Not before the fault.
    EXPECT_GT(current_card().now_ns(), 200'000u);
  });
}

// ---- One kind of fault each ----

TEST(faulty_link, late_tlps_are_waited_for) { survives("late:any@20%+3us", nullptr); }
TEST(faulty_link, a_link_that_trains_again_is_waited_for) {
  survives("retrain@250us+20us,retrain@400us+1ms,timeout=5ms", nullptr);
}
TEST(faulty_link, a_completion_later_than_the_timeout) {
  survives("late:completion.up@3+60us", "no completion came within the completion timeout");
}

TEST(faulty_link, a_lost_doorbell_or_register_write) {
  survives("lost:write.down@100%", "lost:write.down@100%");
}
TEST(faulty_link, a_lost_register_read) {
  survives("lost:read.down@2", "no completion came within the completion timeout");
}
TEST(faulty_link, a_lost_answer_to_a_register_read) {
  survives("lost:completion.up@2", "no completion came within the completion timeout");
}
TEST(faulty_link, a_lost_completion_line) { survives("lost:write.up@2", "lost:write.up@2"); }
TEST(faulty_link, a_lost_read_of_a_submission_line) {
  survives("lost:read.up@2", "has stopped portal 0 after a bus error");
}
TEST(faulty_link, a_lost_submission_line) {
  survives("lost:completion.down@2", "has stopped portal 0 after a bus error");
}

TEST(faulty_link, duplicates_towards_the_host) {
  survives("dup:write.up@50%,dup:completion@50%,dup:read@50%", nullptr);
}
TEST(faulty_link, duplicated_doorbells_and_register_writes) {
  IN_A_CHILD("dup:write.down@30%", [](const error_log& log) {
    shadow checker;
    work(checker, 1);
    expect_good(checker);
    // A command that is executed twice may be noticed.
    loss(log);
  });
}

TEST(faulty_link, a_poisoned_doorbell_or_register_write) {
  survives("poison:write.down@100%", "poison:write.down@100%");
}
TEST(faulty_link, a_poisoned_completion_line) {
  survives("poison:write.up@2", "poison:write.up@2");
}
TEST(faulty_link, a_poisoned_submission_line) {
  survives("poison:completion.down@2", "has stopped portal 0 after a bus error");
}
TEST(faulty_link, a_poisoned_answer_to_a_register_read) {
  survives("poison:completion.up@2", "its completion was poisoned");
}

TEST(faulty_link, bus_errors_of_the_cards_reads) {
  survives("slverr:read@3", "has stopped portal 0 after a bus error");
  survives("decerr:read@300us", "has stopped portal 0 after a bus error");
}
TEST(faulty_link, bus_errors_of_the_cards_writes) {
  survives("slverr:write@3", "has stopped portal 0 after a bus error");
  survives("decerr:write@5x2", "has stopped portal 0 after a bus error");
}

TEST(faulty_link, one_that_goes_down) { survives("down@260us", "down@260us"); }
TEST(faulty_link, one_that_goes_down_and_comes_back) {
  survives("down@260us+1us", "card \"sim\" is lost");
  survives("down@260us+200us", "card \"sim\" is lost");
}
TEST(faulty_link, a_card_that_is_reset) { survives("reset@260us", "card \"sim\" is lost"); }

// ---- The opening, and what else is not the fast path ----

// The first writes are those that open the first lists, link their slabs and set up the portal.
TEST(faulty_link, any_of_the_first_register_writes) {
  const auto goes_well = [](const std::string& faults) {
    IN_A_CHILD(faults, [](const error_log& log) {
      shadow checker;
      work(checker, 1, 2);
      expect_good(checker);
      loss(log);
    });
  };
  for (unsigned n = 1; n <= 22; ++n) goes_well(fmt::format("start=0ns,lost:write.down@{}", n));
  for (unsigned n = 6; n <= 22; n += 5) goes_well(fmt::format("start=0ns,dup:write.down@{}", n));
}

TEST(faulty_link, a_card_that_cannot_be_opened_is_told) {
  IN_A_CHILD("start=0ns,lost:completion.up@2", [](const error_log&) {
    ZONE_HEADER zone;
    std::vector<std::max_align_t> memory(100);
    EXPECT_NE(ExInitializeZone(&zone, 64, memory.data(), 1600), STATUS_SUCCESS);
    EXPECT_NE(std::string(exalloc_last_error()).find("lost:completion.up@2"), std::string::npos)
        << exalloc_last_error();
  });
}

TEST(faulty_link, faults_that_are_not_understood_are_told) {
  IN_A_CHILD("lost:compleation@2%", [](const error_log&) {
    ZONE_HEADER zone;
    std::vector<std::max_align_t> memory(100);
    EXPECT_NE(ExInitializeZone(&zone, 64, memory.data(), 1600), STATUS_SUCCESS);
    EXPECT_NE(std::string(exalloc_last_error()).find("\"compleation\""), std::string::npos)
        << exalloc_last_error();
  });
}

// ---- What the card had ----

TEST(faulty_link, entries_of_lookaside_lists_come_back) {
  IN_A_CHILD("reset@40ms", [](const error_log& log) {
    exalloc_set_governor_period_ms(1);
    NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, make_entry, drop_entry, 0, 64, 0x74736F4C, 0);
    std::vector<void*> entries;
    const auto fill = [&](int count) {
      while (count-- > 0) entries.push_back(ExAllocateFromNPagedLookasideList(&list));
      EXPECT_EQ(std::set<void*>(entries.begin(), entries.end()).size(), entries.size());
    };
    const auto empty = [&] {
      for (void* e : entries) ExFreeToNPagedLookasideList(&list, e);
      entries.clear();
    };
    // Depth doubles as often as the governor comes by.
    exalloc_lookaside_counts counts{};
    for (int i = 0; i < 30 && counts.held < 100; ++i) {
      fill(300);
      empty();
      current_card().advance_to(current_card().now_ns() + 1'000'000);
      ASSERT_EQ(exalloc_lookaside_card_counts(&list.L, &counts), 0) << exalloc_last_error();
    }
    EXPECT_GE(counts.held, 100u);
    const int all = entries_out;
    EXPECT_GT(all, 120);
    current_card().advance_to(41'000'000);

    // The list has them all, and asks for no others.
    fill(all);
    EXPECT_EQ(entries_out, all);
    empty();
    EXPECT_NE(loss(log), "");
    for (int i = 0; i < 3; ++i) {
      fill(all);
      empty();
      EXPECT_EQ(entries_out, all);
    }
    ExDeleteNPagedLookasideList(&list);
    EXPECT_EQ(entries_out, 0);
  });
}

// What `exalloc zones`, asked by another process, says of this one's first zone.
json shown_zone() {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "exalloc";
  std::FILE* const pipe =
      ::popen(fmt::format("'{}' zones {} --json", program.string(), ::getpid()).c_str(), "r");
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0);
  const json shown = json::parse(text, nullptr, false);
  return shown.is_discarded() ? json{} : shown["zones"][0];
}

TEST(faulty_link, what_kernels_had_is_in_quarantine) {
  IN_A_CHILD("reset@5ms", [](const error_log& log) {
    constexpr ULONG blocks = 1000, block_size = 64;
    std::vector<std::max_align_t> memory(blocks * block_size / sizeof(std::max_align_t) + 1);
    ZONE_HEADER zone;
    ASSERT_EQ(ExInitializeZone(&zone, block_size, memory.data(), 16 + blocks * block_size),
              STATUS_SUCCESS)
        << exalloc_last_error();
    exalloc_segment segment;
    ASSERT_EQ(exalloc_zone_segments(&zone, &segment, 1), 1u);
    const exalloc::kernel::segment where{segment.device_address, segment.first_token,
                                         segment.blocks, segment.block_size, 0};
    const auto kernel =
        std::make_shared<producer>(current_card(), std::vector<exalloc::kernel::segment>{where});
    current_card().attach(0, kernel);
    ASSERT_EQ(exalloc_stream_attach(0, &zone, EXALLOC_STREAM_POP), 0) << exalloc_last_error();
    std::set<void*> mine;
    for (int i = 0; i < 100; ++i) mine.insert(ExAllocateFromZone(&zone));
    kernel->produce(50);
    current_card().advance_to(2'000'000);
    EXPECT_EQ(exalloc_quarantined(&zone, nullptr, 0), 0u);
    EXPECT_EQ(shown_zone()["quarantined"], 0);
    std::set<void*> kernels;
    while (const auto product = kernel->take())
      kernels.insert(exalloc_block(&zone, product->block));
    EXPECT_EQ(kernels.size(), 50u);
    current_card().advance_to(6'000'000);

    std::set<void*> rest;
    while (void* p = ExAllocateFromZone(&zone)) EXPECT_TRUE(rest.insert(p).second);
    EXPECT_NE(loss(log), "");
    std::vector<void*> held(blocks);
    held.resize(exalloc_quarantined(&zone, held.data(), blocks));
    std::set<void*> quarantined(held.begin(), held.end());
    EXPECT_EQ(quarantined.size(), held.size());
    for (void* p : kernels) EXPECT_TRUE(quarantined.contains(p));
    for (void* p : mine) EXPECT_FALSE(quarantined.contains(p) || rest.contains(p));
    for (void* p : rest) EXPECT_FALSE(quarantined.contains(p));
    EXPECT_EQ(mine.size() + rest.size() + quarantined.size(), blocks);
    exalloc_zone_usage usage;
    ASSERT_EQ(exalloc_zone_count(&zone, &usage), 0);
    EXPECT_EQ(usage.in_use, blocks);
    EXPECT_EQ(shown_zone()["quarantined"], quarantined.size());
    EXPECT_EQ(shown_zone()["mode"], "lost");

    // Whoever knows that a kernel is done with its block frees it.
    void* const one = *kernels.begin();
    ExFreeToZone(&zone, one);
    EXPECT_EQ(exalloc_quarantined(&zone, nullptr, 0), quarantined.size() - 1);
    EXPECT_EQ(shown_zone()["quarantined"], quarantined.size() - 1);
    EXPECT_EQ(ExAllocateFromZone(&zone), one);
    EXPECT_EQ(ExAllocateFromZone(&zone), nullptr);
    for (void* p : mine) ExFreeToZone(&zone, p);
    for (void* p : rest) ExFreeToZone(&zone, p);
    ASSERT_EQ(exalloc_zone_count(&zone, &usage), 0);
    EXPECT_EQ(usage.in_use, quarantined.size());
    EXPECT_NE(loss(log), "");
    ExFreeToZone(&zone, *mine.begin());
    EXPECT_EQ(log.count("double_free"), 1u);
  });
}

// A stream port that asks for blocks again and again keeps the card awake, but not the waiting.
TEST(faulty_link, a_lost_line_is_noticed_while_a_kernel_waits_for_blocks) {
  IN_A_CHILD("lost:write.up@1x3", [](const error_log& log) {
    std::vector<std::max_align_t> memory(100 * 64 / sizeof(std::max_align_t) + 1);
    ZONE_HEADER dry, other;
    ASSERT_EQ(ExInitializeZone(&dry, 64, memory.data(), 16 + 10 * 64), STATUS_SUCCESS);
    ASSERT_EQ(ExInitializeZone(&other, 64, &memory[50], 16 + 10 * 64), STATUS_SUCCESS);
    const auto kernel =
        std::make_shared<producer>(current_card(), std::vector<exalloc::kernel::segment>{});
    current_card().attach(0, kernel);
    ASSERT_EQ(exalloc_stream_attach(0, &dry, EXALLOC_STREAM_POP), 0) << exalloc_last_error();
    kernel->produce(20);
    current_card().advance_to(200'000);
    EXPECT_NE(ExAllocateFromZone(&other), nullptr);
    EXPECT_NE(loss(log).find("nothing is under way any more"), std::string::npos) << loss(log);
    EXPECT_LT(current_card().now_ns(), 2'000'000u);
    current_card().attach(0, nullptr);
  });
}

// ---- All together ----

TEST(faulty_link, random_faults) {
  constexpr const char* faults[] = {
      "late:any@10%+3us",  "dup:any@10%",        "lost:write.down@0.3%", "lost:write.up@0.3%",
      "lost:read@0.3%",    "lost:completion@1%", "poison:any@0.3%",      "slverr:read@0.3%",
      "decerr:write@0.3%", "down@400us+40us",    "retrain@300us+30us",   "reset@500us",
      "lost:any@700us",    "poison:any@600us",   "dup:write@30%",        "late:write@5%+20us"};
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937 random(seed);
    std::string plan = fmt::format("seed={}", seed);
    for (int i = 0; i < 4; ++i) plan += fmt::format(",{}", faults[random() % std::size(faults)]);
    SCOPED_TRACE(plan);
    IN_A_CHILD(plan, [&](const error_log& log) {
      shadow checker;
      work(checker, seed, 8);
      expect_good(checker);
      loss(log);
    });
  }
}

// Who has a block writes his number into it.
void many_threads(const std::string& faults) {
  IN_A_CHILD(faults, [](const error_log& log) {
    constexpr ULONG blocks = 3000, block_size = 64;
    constexpr unsigned threads = 3;
    std::vector<std::max_align_t> memory(blocks * block_size / sizeof(std::max_align_t) + 1);
    ZONE_HEADER zone;
    ASSERT_EQ(ExInitializeZone(&zone, block_size, memory.data(), 16 + blocks * block_size),
              STATUS_SUCCESS)
        << exalloc_last_error();
    exalloc_zone_lockfree(&zone, 1);
    current_card().advance_to(200'000);
    std::atomic<int> violations{0};
    std::vector<std::vector<std::uint32_t*>> left(threads);
    std::vector<std::thread> workers;
    for (unsigned t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        std::mt19937 random(t);
        auto& mine = left[t];
        for (int round = 0; round < 12; ++round) {
          for (unsigned n = random() % 900; n != 0; --n) {
            auto* p = static_cast<std::uint32_t*>(ExInterlockedAllocateFromZone(&zone, nullptr));
            if (p == nullptr) break;
            if (std::atomic_ref(p[8]).exchange(t + 1) != 0) ++violations;
            mine.push_back(p);
          }
          for (unsigned n = random() % 900; n != 0 && !mine.empty(); --n) {
            std::swap(mine[random() % mine.size()], mine.back());
            if (std::atomic_ref(mine.back()[8]).exchange(0) != t + 1) ++violations;
            ExInterlockedFreeToZone(&zone, mine.back(), nullptr);
            mine.pop_back();
          }
        }
      });
    }
    for (std::thread& w : workers) w.join();
    EXPECT_EQ(violations, 0);
    std::size_t out = 0;
    for (const auto& mine : left) out += mine.size();
    std::set<void*> rest;
    while (void* p = ExAllocateFromZone(&zone)) EXPECT_TRUE(rest.insert(p).second);
    EXPECT_EQ(rest.size() + out, blocks);
    EXPECT_NE(loss(log), "");
  });
}

TEST(faulty_link, many_threads_when_a_line_is_lost) { many_threads("lost:write.up@20"); }
TEST(faulty_link, many_threads_when_the_card_is_reset) { many_threads("reset@210us"); }

}  // namespace
