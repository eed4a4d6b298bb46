// The bundled cuts of the real traces on the card that EXALLOC_CARD names.
#include <gtest/gtest.h>

#include <string>

#include "library_allocator.hpp"
#include "replay.hpp"

namespace exalloc::replay {
namespace {

// As an independent count of the same files gives them (tests/data/README.md).
struct cut {
  const char* file;
  std::uint64_t allocations, frees, null_frees, unmatched, untraced, peak_live, live_at_end,
      peak_bytes, remote_frees;
};

class bundled_traces : public testing::TestWithParam<cut> {
 protected:
  void replay(cache_kind caches, bool magazines);
};

void bundled_traces::replay(cache_kind caches, bool magazines) {
  library_allocator calls("", magazines);
  replay_options options;
  options.trace = std::string(EXALLOC_TEST_DATA "/") + GetParam().file;
  options.caches = caches;
  // Every call waits for the card then, which a simulated one takes long for: a part of it is
  // played.
  const bool part = !magazines && calls.card_name() == "sim";
  if (part) options.reading.limit = 1500;
  options.complain = [](const std::string& text) { ADD_FAILURE() << text; };
  const replay_result r = run_replay(options, [&]() -> allocator& { return calls; });
  EXPECT_GT(r.allocations, 100u);
  if (!part) {
    EXPECT_EQ(r.allocations, GetParam().allocations);
    EXPECT_EQ(r.frees, GetParam().frees);
    EXPECT_EQ(r.null_frees, GetParam().null_frees);
    EXPECT_EQ(r.unmatched_frees, GetParam().unmatched);
    EXPECT_EQ(r.untraced_frees, GetParam().untraced);
    EXPECT_EQ(r.peak_live, GetParam().peak_live);
    EXPECT_EQ(r.live_at_end, GetParam().live_at_end);
    EXPECT_EQ(r.peak_bytes, GetParam().peak_bytes);
    EXPECT_EQ(r.remote_frees, GetParam().remote_frees);
  }
  EXPECT_EQ(r.failed_allocations, 0u);
  for (const std::string& text : r.checks.first) ADD_FAILURE() << text;
  for (const std::string& text : r.first_errors) ADD_FAILURE() << text;
  EXPECT_TRUE(r.passed());
  for (const list_result& list : r.lists) {
    EXPECT_EQ(list.magazine_hits + list.card_refills + list.misses, list.allocations) << list.name;
  }
}

TEST_P(bundled_traces, replay_on_zones) { replay(cache_kind::zone, true); }
TEST_P(bundled_traces, replay_on_lookaside_lists) { replay(cache_kind::lookaside, true); }
TEST_P(bundled_traces, replay_on_lookaside_lists_without_magazines) {
  replay(cache_kind::lookaside, false);
}

INSTANTIATE_TEST_SUITE_P(
    replay, bundled_traces,
    testing::Values(cut{"nginx-wrk.ftrace.txt.xz", 6011, 4891, 1082, 4, 3, 1129, 1117, 393921, 468},
                    cut{"fork-exec.ftrace.txt.xz", 5756, 4275, 1952, 5, 189, 1355, 1292, 484024,
                        2399},
                    cut{"sqlite.mtrace.xz", 5136, 4863, 0, 0, 0, 302, 273, 296729, 0}),
    [](const auto& info) {
      const std::string file = info.param.file;
      return file.substr(0, file.find_first_of("-."));
    });

}  // namespace
}  // namespace exalloc::replay
