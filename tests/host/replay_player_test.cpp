// What the player counts, and that a faulty allocator does not get past it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "player.hpp"
#include "replay_fakes.hpp"

namespace exalloc::replay {
namespace {

replay_result play(const std::vector<event>& events, fault wrong = fault::none,
                   std::uint64_t seed = 1, cache_kind caches = cache_kind::zone) {
  fake_allocator calls(wrong);
  player playing(calls, {.seed = seed, .caches = caches});
  std::uint64_t line = 0;
  for (const event& e : events) playing.play(e, ++line);
  return playing.finish();
}

const list_result& list_named(const replay_result& r, const std::string& name) {
  for (const list_result& list : r.lists) {
    if (list.name == name) return list;
  }
  throw std::runtime_error("no list " + name);
}

TEST(replay_counts, frees_of_blocks_the_trace_allocated) {
  const auto r = play({cache_allocate(0x10, "filp", 190), cache_allocate(0x20, "filp", 190, 1),
                       cache_free(0x10, "filp", 1), kmalloc(0x30, 40, 64), kfree(0x30)});
  EXPECT_TRUE(r.passed());
  EXPECT_EQ(r.events, 5u);
  EXPECT_EQ(r.allocations, 3u);
  EXPECT_EQ(r.frees, 2u);
  EXPECT_EQ(r.remote_frees, 1u);
  EXPECT_EQ(r.live_at_end, 1u);
  EXPECT_EQ(r.peak_live, 2u);
  EXPECT_EQ(r.peak_bytes, 380u);
  EXPECT_EQ(r.processors, 2u);
  EXPECT_EQ(list_named(r, "filp").block_size, 192u);  // rounded to 8
  EXPECT_EQ(list_named(r, "filp").peak_live, 2u);
  EXPECT_EQ(list_named(r, "filp").kind, list_kind::zone);
  EXPECT_EQ(list_named(r, "kmalloc-64").frees, 1u);
  EXPECT_EQ(list_named(r, "kmalloc-64").kind, list_kind::pool);
}

TEST(replay_counts, unmatched_and_null_frees_are_not_performed) {
  const auto r = play({kfree(0x10), cache_free(0x20, "unknown"), kfree(0), cache_free(0, "filp"),
                       kmalloc(0x30, 8, 8), kfree(0x30), kfree(0x30)});
  EXPECT_EQ(r.unmatched_frees, 3u);
  EXPECT_EQ(r.null_frees, 2u);
  EXPECT_EQ(r.frees, 1u);
  EXPECT_EQ(r.events, 7u);
  EXPECT_TRUE(r.passed());
}

TEST(replay_counts, an_address_allocated_while_live_was_freed_unseen) {
  const auto r = play({cache_allocate(0x10, "a", 64), cache_allocate(0x10, "b", 32),
                       kmalloc(0x10, 8, 8), kfree(0x10)});
  EXPECT_EQ(r.untraced_frees, 2u);
  EXPECT_EQ(r.frees, 1u);
  EXPECT_EQ(r.allocations, 3u);
  EXPECT_EQ(r.live_at_end, 0u);
  EXPECT_EQ(r.peak_live, 1u);
  EXPECT_EQ(r.peak_bytes, 64u);
  EXPECT_TRUE(r.passed());
}

TEST(replay_counts, a_block_goes_back_where_it_came_from_whatever_the_free_says) {
  const auto r = play({cache_allocate(0x10, "a", 64), kfree(0x10), cache_allocate(0x20, "a", 64),
                       cache_free(0x20, "alias"), kmalloc(0x30, 8, 8), cache_free(0x30, "a")});
  EXPECT_EQ(r.frees, 3u);
  EXPECT_EQ(list_named(r, "a").frees, 2u);
  EXPECT_EQ(list_named(r, "kmalloc-8").frees, 1u);
  EXPECT_TRUE(r.passed());
}

TEST(replay_counts, an_allocation_that_failed_when_recorded_is_not_performed) {
  const auto r = play({kmalloc(0, 100, 0), cache_allocate(0, "a", 64)});
  EXPECT_EQ(r.events, 2u);
  EXPECT_EQ(r.null_allocations, 2u);
  EXPECT_EQ(r.allocations, 0u);
  EXPECT_TRUE(r.lists.empty());
  EXPECT_TRUE(r.passed());
}

TEST(replay_counts, mtrace_blocks_are_pool_by_powers_of_two) {
  const event e{event_kind::allocate, 0, 0x10, 40, 0, ""};
  const auto r = play({e, kfree(0x10)});
  EXPECT_EQ(list_named(r, "malloc-64").frees, 1u);
}

TEST(replay_counts, caches_of_one_name_and_two_sizes_are_two_zones) {
  const auto r = play({cache_allocate(0x10, "a", 64), cache_allocate(0x20, "a", 72)});
  EXPECT_EQ(list_named(r, "a").block_size, 64u);
  EXPECT_EQ(list_named(r, "a-72").block_size, 72u);
  EXPECT_TRUE(r.passed());
}

TEST(replay_zones, start_small_and_double_when_full) {
  std::vector<event> events;
  for (std::uint64_t i = 1; i <= 300; ++i) events.push_back(cache_allocate(i, "a", 40));
  const auto r = play(events);
  EXPECT_EQ(list_named(r, "a").extends, 3u);
  EXPECT_EQ(list_named(r, "a").carved, 512u);
  EXPECT_EQ(list_named(r, "a").misses, 3u);
  EXPECT_EQ(list_named(r, "a").magazine_hits, 297u);
  EXPECT_TRUE(r.passed());
}

TEST(replay_time, is_charged_by_the_model) {
  fake_allocator calls;
  const cost_model model;
  player playing(calls, {.caches = cache_kind::zone});
  for (std::uint64_t i = 1; i <= 65; ++i) playing.play(cache_allocate(i, "a", 40), i);
  playing.play(cache_free(1), 66);
  const replay_result r = playing.finish();
  EXPECT_EQ(r.allocate_ns.percentile(0.5), model.fast_allocation_ns);
  // The last one waited for the card, then took a block of the new segment.
  EXPECT_EQ(r.allocate_ns.maximum(),
            500 + model.waited_line_ns + model.slow_allocation_ns + model.fast_allocation_ns);
  EXPECT_EQ(r.free_ns.maximum(), model.fast_free_ns);
}

TEST(replay_time, open_calls_begin_at_their_own_times) {
  fake_allocator calls;
  player playing(calls, {.caches = cache_kind::zone, .timing = call_timing::open});
  const auto at = [&](event e, std::uint64_t ns) {
    e.time_ns = 5'000'000'000 + ns;
    playing.play(e, 1);
  };
  at(cache_allocate(1, "a", 40), 0);
  at(cache_allocate(2, "a", 40), 1'000'000);
  for (std::uint64_t i = 3; i <= 64; ++i) at(cache_allocate(i, "a", 40, 1), 2'000'000);
  at(cache_allocate(65, "a", 40), 3'000'000);  // waits for the card
  at(cache_allocate(66, "a", 40), 3'000'100);  // and this one for that
  at(cache_free(66), 2'000'000);               // out of order: as soon as it can be
  const replay_result r = playing.finish();
  const cost_model model;
  EXPECT_EQ(r.timing, call_timing::open);
  const std::uint64_t miss =
      500 + model.waited_line_ns + model.slow_allocation_ns + model.fast_allocation_ns;
  EXPECT_EQ(r.simulated_ns, 3'000'000 + miss + model.fast_allocation_ns + model.fast_free_ns);
  EXPECT_EQ(r.allocate_ns.maximum(), miss);
  // Of the 65 others one waited for that.
  EXPECT_EQ(r.allocate_ns.percentile(64.5 / 66), miss - 100 + model.fast_allocation_ns);
}

TEST(replay_time, the_same_seed_gives_the_same_times) {
  std::vector<event> events;
  for (std::uint64_t i = 1; i <= 500; ++i) {
    events.push_back(cache_allocate(i, "a", 40, i % 3));
    if (i % 2 == 0) events.push_back(cache_free(i / 2, "a", i % 2));
  }
  EXPECT_EQ(play(events, fault::none, 7).simulated_ns, play(events, fault::none, 7).simulated_ns);
  EXPECT_NE(play(events, fault::none, 7).simulated_ns, play(events, fault::none, 8).simulated_ns);
}

// What the first time took does not count, and what it left is used.
TEST(replay_warm, counts_the_second_time_only) {
  fake_allocator calls;
  player playing(calls, {.caches = cache_kind::zone, .warm = true});
  const auto once = [&] {
    for (std::uint64_t i = 1; i <= 65; ++i) playing.play(cache_allocate(i, "a", 40), i);
    playing.play(cache_free(1), 66);
  };
  once();
  playing.start_over();
  once();
  const replay_result r = playing.finish();
  EXPECT_TRUE(r.warmed);
  EXPECT_TRUE(r.passed());
  EXPECT_EQ(r.events, 66u);
  EXPECT_EQ(r.frees, 1u);
  EXPECT_EQ(r.live_at_end, 64u);
  EXPECT_EQ(r.processors, 1u);
  // The zone has grown before.
  EXPECT_EQ(list_named(r, "a").misses, 0u);
  EXPECT_EQ(list_named(r, "a").allocations, 65u);
  EXPECT_EQ(list_named(r, "a").peak_live, 65u);
  EXPECT_EQ(r.allocate_ns.maximum(), cost_model().fast_allocation_ns);
  EXPECT_LT(r.simulated_ns, 1000u + 65 * 2 + 3);
}

TEST(replay_warm, the_governor_works_the_first_time_only) {
  fake_allocator calls;
  player playing(calls, {.caches = cache_kind::lookaside, .warm = true});
  const auto once = [&] {
    for (std::uint64_t i = 1; i <= 5000; ++i) {
      playing.play(cache_allocate(i, "a", 40), i);
      playing.play(cache_free(i), i);
    }
  };
  once();
  EXPECT_EQ(calls.governed, 2u);
  playing.start_over();
  once();
  const replay_result r = playing.finish();
  EXPECT_EQ(calls.governed, 2u);
  EXPECT_TRUE(r.passed());
  // The list has its entry; the fields are of the second time.
  EXPECT_EQ(list_named(r, "a").lookaside->allocates, 5000u);
  EXPECT_EQ(list_named(r, "a").lookaside->allocate_misses, 0u);
}

TEST(replay_warm, what_was_wrong_the_first_time_stays_wrong) {
  fake_allocator calls(fault::same_block_twice);
  player playing(calls, {.caches = cache_kind::zone, .warm = true});
  for (std::uint64_t i = 1; i <= 6; ++i) playing.play(cache_allocate(i, "a", 40), i);
  playing.start_over();
  EXPECT_GT(playing.finish().checks.overlapping, 0u);
}

TEST(replay_zones, may_begin_larger) {
  fake_allocator calls;
  player playing(calls, {.caches = cache_kind::zone, .zone_blocks = 300});
  for (std::uint64_t i = 1; i <= 300; ++i) playing.play(cache_allocate(i, "a", 40), i);
  const replay_result r = playing.finish();
  EXPECT_EQ(list_named(r, "a").extends, 0u);
  EXPECT_EQ(list_named(r, "a").carved, 300u);
}

// Enough zone and pool traffic for every fault to show.
std::vector<event> traffic() {
  std::vector<event> events;
  for (std::uint64_t i = 1; i <= 80; ++i) events.push_back(cache_allocate(i, "a", 40));
  for (std::uint64_t i = 1; i <= 40; ++i) events.push_back(cache_free(i));
  events.push_back(kmalloc(0x1000, 100, 128));
  events.push_back(kmalloc(0x2000, 100, 128));
  return events;
}

TEST(replay_faults, without_one_all_is_well) { EXPECT_TRUE(play(traffic()).passed()); }

TEST(replay_faults, same_block_twice) {
  const auto r = play(traffic(), fault::same_block_twice);
  EXPECT_GE(r.checks.overlapping, 1u);
  EXPECT_FALSE(r.passed());
}
TEST(replay_faults, off_the_grid) {
  EXPECT_GE(play(traffic(), fault::off_the_grid).checks.outside_segment, 1u);
}
TEST(replay_faults, scribble) { EXPECT_EQ(play(traffic(), fault::scribble).checks.corrupted, 1u); }
TEST(replay_faults, lose_a_block) {
  EXPECT_EQ(play(traffic(), fault::lose_a_block).checks.lost, 1u);
}
TEST(replay_faults, null_too_early) {
  const auto r = play(traffic(), fault::null_too_early);
  EXPECT_GE(r.checks.wrong_answers, 1u);
  EXPECT_EQ(r.failed_allocations, 0u);  // the zone was extended, as a caller would
}
TEST(replay_faults, never_full) {
  EXPECT_GE(play(traffic(), fault::never_full).checks.wrong_answers, 2u);
}
TEST(replay_faults, free_says_nothing) {
  EXPECT_GE(play(traffic(), fault::free_says_nothing).checks.wrong_answers, 1u);
}
TEST(replay_faults, wrong_total) {
  EXPECT_EQ(play(traffic(), fault::wrong_total).checks.wrong_answers, 1u);
}
TEST(replay_faults, cannot_extend) {
  const auto r = play(traffic(), fault::cannot_extend);
  EXPECT_EQ(r.failed_allocations, 16u);
  EXPECT_FALSE(r.passed());
}
TEST(replay_faults, pool_overlap) {
  EXPECT_EQ(play(traffic(), fault::pool_overlap).checks.overlapping, 1u);
}
TEST(replay_faults, pool_null) {
  const auto r = play(traffic(), fault::pool_null);
  EXPECT_EQ(r.failed_allocations, 2u);
  EXPECT_FALSE(r.passed());
}
TEST(replay_faults, reports_error) {
  const auto r = play(traffic(), fault::reports_error);
  EXPECT_TRUE(r.checks.all_good());
  EXPECT_FALSE(r.passed());
}

// The same with caches as lookaside lists.
replay_result play_lookaside(const std::vector<event>& events, fault wrong = fault::none) {
  return play(events, wrong, 1, cache_kind::lookaside);
}

TEST(replay_lookasides, count_as_zones_do) {
  const auto zones = play(traffic());
  const auto lists = play_lookaside(traffic());
  EXPECT_TRUE(lists.passed()) << lists.checks.first.front();
  EXPECT_EQ(lists.allocations, zones.allocations);
  EXPECT_EQ(lists.frees, zones.frees);
  EXPECT_EQ(lists.peak_live, zones.peak_live);
  EXPECT_EQ(lists.peak_bytes, zones.peak_bytes);
  ASSERT_EQ(lists.lists.size(), zones.lists.size());
  for (std::size_t i = 0; i < zones.lists.size(); ++i) {
    EXPECT_EQ(lists.lists[i].name, zones.lists[i].name);
    EXPECT_EQ(lists.lists[i].block_size, zones.lists[i].block_size);
    EXPECT_EQ(lists.lists[i].allocations, zones.lists[i].allocations);
    EXPECT_EQ(lists.lists[i].frees, zones.lists[i].frees);
    EXPECT_EQ(lists.lists[i].peak_live, zones.lists[i].peak_live);
  }
}

TEST(replay_lookasides, show_their_fields_at_the_end_of_the_trace) {
  const auto r = play_lookaside(traffic());
  const list_result& a = list_named(r, "a");
  EXPECT_EQ(a.kind, list_kind::lookaside);
  ASSERT_TRUE(a.lookaside);
  EXPECT_EQ(a.lookaside->depth, 4u);
  EXPECT_EQ(a.lookaside->maximum_depth, 256u);
  EXPECT_EQ(a.lookaside->size, 40u);
  EXPECT_EQ(a.lookaside->allocates, 80u);
  EXPECT_EQ(a.lookaside->allocate_misses, 80u);
  EXPECT_EQ(a.lookaside->frees, 40u);
  EXPECT_EQ(a.lookaside->free_misses, 36u);
  EXPECT_EQ(a.lookaside->hit_rate(), 0);
  EXPECT_FALSE(list_named(r, "kmalloc-128").lookaside);
}

TEST(replay_lookasides, faults_do_not_get_past) {
  EXPECT_GE(play_lookaside(traffic(), fault::list_gives_twice).checks.overlapping, 1u);
  EXPECT_EQ(play_lookaside(traffic(), fault::list_swallows).checks.lost, 1u);
  EXPECT_GE(play_lookaside(traffic(), fault::list_frees_twice).checks.wrong_answers, 1u);
  EXPECT_EQ(play_lookaside(traffic(), fault::list_keeps_too_many).checks.wrong_answers, 1u);
  EXPECT_EQ(play_lookaside(traffic(), fault::list_counts_too_much).checks.wrong_answers, 1u);
  EXPECT_EQ(play_lookaside(traffic(), fault::list_misses_unseen).checks.wrong_answers, 1u);
  EXPECT_EQ(play_lookaside(traffic(), fault::card_counts_wrong).checks.wrong_answers, 1u);
  EXPECT_GE(play_lookaside(traffic(), fault::pool_overlap).checks.overlapping, 1u);
  EXPECT_FALSE(play_lookaside(traffic(), fault::pool_null).passed());
}

}  // namespace
}  // namespace exalloc::replay
