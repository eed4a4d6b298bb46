// Percentiles, pictures and the two reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "picture.hpp"
#include "report.hpp"

namespace exalloc::replay {
namespace {

using testing::HasSubstr;
using testing::Not;

std::set<std::string> keys(const nlohmann::json& object) {
  std::set<std::string> result;
  for (const auto& [key, value] : object.items()) result.insert(key);
  return result;
}

replay_result sample() {
  replay_result r;
  r.trace = "t.xz";
  r.card = "sim";
  r.has_latencies = true;
  r.events = 3;
  r.allocations = 2;
  r.frees = 1;
  r.lists.push_back({"filp", list_kind::zone, 192, 2, 1, 1, 2, 1, 1, 0, 64, 0, {}});
  r.lists.push_back({"dentry", list_kind::lookaside, 200, 8, 7, 1, 2, 6, 1, 1, 0, 0,
                     lookaside_figures{16, 256, 200, 8, 2, 7, 3}});
  for (int i = 0; i < 999; ++i) r.allocate_ns.add(2);
  r.allocate_ns.add(900);
  r.counters.cycles = 77;
  r.counters.clock_khz = 300000;
  r.counters.errors = 0;
  return r;
}

TEST(distribution_of, percentiles_are_values_that_occurred) {
  distribution d;
  EXPECT_EQ(d.percentile(0.5), std::nullopt);
  for (std::uint64_t i = 1; i <= 1000; ++i) d.add(i);
  EXPECT_EQ(d.percentile(0.5), 500u);
  EXPECT_EQ(d.percentile(0.99), 990u);
  EXPECT_EQ(d.percentile(0.999), 999u);
  EXPECT_EQ(d.maximum(), 1000u);
}

TEST(distribution_of, buckets_are_powers_of_two) {
  distribution d;
  for (const std::uint64_t value : {0, 1, 4, 7, 8}) d.add(value);
  const auto buckets = d.buckets();
  ASSERT_EQ(buckets.size(), 4u);
  EXPECT_EQ(buckets[0].count, 2u);
  EXPECT_EQ(buckets[1].count, 0u);
  EXPECT_EQ(buckets[2].from, 4u);
  EXPECT_EQ(buckets[2].count, 2u);
  EXPECT_EQ(buckets[3].count, 1u);
}

TEST(histogram_picture, longest_bar_is_full_and_shortest_is_seen) {
  distribution d;
  for (int i = 0; i < 100000; ++i) d.add(1);
  d.add(64);
  const std::string ascii = picture(d, "ns", false);
  EXPECT_THAT(ascii, HasSubstr(std::string(40, '#') + "\n"));
  EXPECT_THAT(ascii, HasSubstr("%  #\n"));
  EXPECT_THAT(ascii, Not(HasSubstr(" \n")));
  EXPECT_THAT(picture(d, "ns", true), HasSubstr("█"));
}

TEST(json_report_of, has_exactly_the_promised_keys) {
  const auto j = nlohmann::json::parse(json_report(sample()));
  EXPECT_EQ(keys(j),
            (std::set<std::string>{"trace", "format", "card", "caches", "magazines", "events",
                                   "allocations", "frees", "failed_allocations", "unmatched_frees",
                                   "null_frees", "untraced_frees", "live_at_end", "peak_live",
                                   "peak_bytes", "lists", "card_stats", "latency_ns", "checks"}));
  replay_result unusual = sample();
  unusual.warmed = true;
  unusual.faults = {{"late TLPs", 3}, {"lost TLPs", 0}};
  const auto u = nlohmann::json::parse(json_report(unusual));
  EXPECT_EQ(keys(u).size(), keys(j).size() + 2);
  EXPECT_EQ(u["warm"], true);
  EXPECT_EQ(u["faults"]["late TLPs"], 3);
  EXPECT_THAT(text_report(unusual, false), HasSubstr("Faults injected\n  late TLPs   "));
  EXPECT_THAT(text_report(sample(), false), Not(HasSubstr("Faults")));
  EXPECT_EQ(keys(j["lists"][0]), (std::set<std::string>{"name", "kind", "block_size", "allocations",
                                                        "frees", "peak_live", "magazine_hits",
                                                        "card_refills", "misses", "lookaside"}));
  EXPECT_TRUE(j["lists"][0]["lookaside"].is_null());
  EXPECT_EQ(j["lists"][1]["kind"], "lookaside");
  const auto& l = j["lists"][1]["lookaside"];
  EXPECT_EQ(keys(l), (std::set<std::string>{"type", "depth", "maximum_depth", "size", "allocates",
                                            "misses", "hit_rate", "frees", "free_misses"}));
  EXPECT_EQ(l["depth"], 16);
  EXPECT_EQ(l["maximum_depth"], 256);
  EXPECT_EQ(l["misses"], 2);
  EXPECT_EQ(l["hit_rate"], 0.75);
  EXPECT_EQ(l["free_misses"], 3);
  EXPECT_EQ(keys(j["card_stats"]),
            (std::set<std::string>{"cycles", "clock_mhz", "grants", "blocks_granted", "releases",
                                   "blocks_released", "errors"}));
  EXPECT_EQ(keys(j["latency_ns"]), (std::set<std::string>{"allocate", "free"}));
  EXPECT_EQ(keys(j["latency_ns"]["free"]), (std::set<std::string>{"p50", "p99", "p999", "max"}));
  EXPECT_EQ(keys(j["checks"]), (std::set<std::string>{"overlapping_blocks", "lost_blocks"}));
  EXPECT_EQ(j["lists"][0]["kind"], "zone");
  EXPECT_EQ(j["card_stats"]["clock_mhz"], 300);
  EXPECT_EQ(j["latency_ns"]["allocate"]["p999"], 2);
  EXPECT_EQ(j["latency_ns"]["allocate"]["max"], 900);
  EXPECT_TRUE(j["latency_ns"]["free"]["p50"].is_null());  // there was none
}

TEST(json_report_of, a_card_without_time_has_nulls) {
  replay_result r = sample();
  r.has_latencies = false;
  r.counters.cycles.reset();
  r.counters.clock_khz.reset();
  const auto j = nlohmann::json::parse(json_report(r));
  EXPECT_TRUE(j["card_stats"]["cycles"].is_null());
  EXPECT_TRUE(j["card_stats"]["clock_mhz"].is_null());
  EXPECT_TRUE(j["latency_ns"]["allocate"]["p50"].is_null());
}

TEST(json_report_of, hides_no_finding) {
  replay_result r = sample();
  r.checks.overlapping = 1;
  r.checks.outside_segment = 2;
  r.checks.corrupted = 4;
  r.checks.lost = 8;
  r.checks.wrong_answers = 16;
  const auto j = nlohmann::json::parse(json_report(r));
  EXPECT_EQ(j["checks"]["overlapping_blocks"], 7);
  EXPECT_EQ(j["checks"]["lost_blocks"], 24);
}

TEST(json_report_of, survives_a_file_name_that_is_not_utf8) {
  replay_result r = sample();
  r.trace = "\xff.txt";
  EXPECT_TRUE(nlohmann::json::accept(json_report(r)));
}

TEST(text_report_of, says_whether_it_passed_and_why_not) {
  replay_result r = sample();
  EXPECT_THAT(text_report(r, false), HasSubstr("  passed\n"));
  r.checks.lost = 1;
  r.checks.first = {"zone filp: gone"};
  EXPECT_THAT(text_report(r, false), HasSubstr("  ! zone filp: gone\n  FAILED\n"));
}

TEST(text_report_of, shows_lookaside_lists_as_the_debugger_does) {
  replay_result r = sample();
  EXPECT_THAT(text_report(r, false), Not(HasSubstr("Lookaside lists")));
  r.caches = cache_kind::lookaside;
  EXPECT_THAT(text_report(r, false),
              HasSubstr("  dentry    16   256      200         8         2         7         3"
                        "    75.0%\n"));
}

TEST(text_report_of, a_card_without_time_says_so) {
  replay_result r = sample();
  r.has_latencies = false;
  EXPECT_THAT(text_report(r, true), HasSubstr("has no time"));
}

}  // namespace
}  // namespace exalloc::replay
