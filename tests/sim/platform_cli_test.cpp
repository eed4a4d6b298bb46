// What the program prints of the platform: `exalloc bench platform` and replays on a link.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace exalloc::sim {
namespace {

using json = nlohmann::json;

struct outcome {
  int status = -1;
  std::string text;
};

// The program lies beside the tests.
outcome exalloc(const std::string& arguments) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "exalloc";
  outcome o;
  std::FILE* const pipe = ::popen(fmt::format("'{}' {}", program.string(), arguments).c_str(), "r");
  if (pipe == nullptr) return o;
  for (int c; (c = std::fgetc(pipe)) != EOF;) o.text += static_cast<char>(c);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) o.status = WEXITSTATUS(status);
  return o;
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> out;
  for (const auto& [key, value] : object.items()) out.insert(key);
  return out;
}

constexpr const char* small = "bench platform --portals 2 --stocks 64 --probes 8 --json - ";

TEST(bench_platform, json_has_all_figures) {
  const outcome o = exalloc(fmt::format("{} --link gen4x8 2>/dev/null", small));
  ASSERT_EQ(o.status, 0);
  const json out = json::parse(o.text);
  EXPECT_EQ(keys(out), (std::set<std::string>{"link", "results", "cycles_per_s"}));
  EXPECT_EQ(out.at("link"), "gen4x8");
  EXPECT_GT(out.at("cycles_per_s"), 0);
  ASSERT_EQ(out.at("results").size(), 1u);
  const json& r = out.at("results")[0];
  EXPECT_EQ(keys(r), (std::set<std::string>{"portals", "stock", "blocks_per_s",
                                            "bound_blocks_per_s", "naive_blocks_per_s",
                                            "bytes_per_block", "miss_ns", "sync_ns", "free_ns"}));
  EXPECT_EQ(r.at("portals"), 2);
  EXPECT_EQ(r.at("stock"), 64);
  // A line of 64 bytes moves at most 14 tokens, there and back.
  EXPECT_GT(r.at("bytes_per_block"), 2 * 64 / 14.0);
  EXPECT_GT(r.at("blocks_per_s"), r.at("naive_blocks_per_s"));
  EXPECT_LE(r.at("blocks_per_s"), r.at("bound_blocks_per_s"));
  for (const char* kind : {"miss_ns", "sync_ns", "free_ns"}) {
    const json& ns = r.at(kind);
    EXPECT_EQ(keys(ns), (std::set<std::string>{"p50", "p99", "p999", "max"}));
    EXPECT_GT(ns.at("p50"), 0);
    EXPECT_LE(ns.at("p50"), ns.at("p99"));
    EXPECT_LE(ns.at("p99"), ns.at("p999"));
    EXPECT_LE(ns.at("p999"), ns.at("max"));
  }
  EXPECT_GT(r.at("miss_ns").at("p50"), 1000);
}

TEST(bench_platform, repeats_from_its_seed) {
  const auto results = [](const char* arguments) {
    const outcome o = exalloc(fmt::format("{} {} 2>/dev/null", small, arguments));
    EXPECT_EQ(o.status, 0);
    return json::parse(o.text).at("results");
  };
  const json first = results("--seed 5");
  EXPECT_EQ(results("--seed 5"), first);
  EXPECT_NE(results("--seed 6"), first);
}

TEST(bench_platform, bad_usage_is_status_2) {
  for (const char* arguments : {"--link gen9", "--portals 65", "--portals 0", "--stocks 15",
                                "--stocks 5000", "--json /nowhere/x.json"})
    EXPECT_EQ(exalloc(fmt::format("bench platform {} 2>/dev/null", arguments)).status, 2)
        << arguments;
}

TEST(bench_timeline, writes_diagrams_of_a_run) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("exalloc-timeline-{}", ::getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto drawn = [&](const std::string& arguments) {
    EXPECT_EQ(exalloc(fmt::format("bench timeline '{}' {}", folder.string(), arguments)).status, 0);
    std::vector<json> out;
    for (const char* name : {"platform-miss", "platform-refill", "platform-naive"})
      out.push_back(json::parse(std::ifstream(folder / fmt::format("{}.json", name))));
    return out;
  };
  const auto first = drawn("");
  EXPECT_NE(drawn("--seed 2"), first);
  std::vector<std::string> rows;
  for (const json& signal : first[0].at("signal")) {
    rows.push_back(signal.at("name"));
    // As many boxes as names in them.
    std::size_t boxes = 0;
    for (const char c : signal.at("wave").get<std::string>()) boxes += c >= '3' && c <= '9';
    EXPECT_EQ(boxes, signal.at("data").size()) << signal;
  }
  EXPECT_EQ(rows, (std::vector<std::string>{"processor", "doorbell", "card reads", "card writes"}));
  std::filesystem::remove_all(folder);
}

// What the machine's own clock tells is not in the JSON.
std::string replay(const char* arguments) {
  const outcome o =
      exalloc(fmt::format("replay {}/nginx-wrk.ftrace.txt.xz --limit 100 --json - {} 2>/dev/null",
                          EXALLOC_TEST_DATA, arguments));
  EXPECT_EQ(o.status, 0) << arguments;
  return o.text;
}

TEST(replay_on_a_link, follows_link_seed_and_timing) {
  const std::string closed = replay("--link gen3x8 --seed 3");
  EXPECT_EQ(replay("--link gen3x8 --seed 3"), closed);
  EXPECT_NE(replay("--link gen3x8 --seed 4"), closed);
  const std::string open = replay("--link gen3x8 --seed 3 --timing open");
  EXPECT_EQ(replay("--link gen3x8 --seed 3 --timing open"), open);

  const auto slowest = [](const std::string& text) {
    return json::parse(text).at("latency_ns").at("allocate").at("max").get<std::uint64_t>();
  };
  EXPECT_EQ(json::parse(closed).at("card"), "sim");
  EXPECT_GT(slowest(closed), slowest(replay("--link zero")) + 1000);
  const auto cycles = [](const std::string& text) {
    return json::parse(text).at("card_stats").at("cycles").get<std::uint64_t>();
  };
  constexpr std::uint64_t us = 260;  // from its first event to its last
  EXPECT_GE(cycles(open), us * 300);
  EXPECT_LT(cycles(closed), cycles(open));
}

TEST(replay_on_a_link, is_named_in_the_report) {
  const auto text = [](const char* arguments) {
    return exalloc(fmt::format("replay {}/nginx-wrk.ftrace.txt.xz --limit 100 {} 2>/dev/null",
                               EXALLOC_TEST_DATA, arguments))
        .text;
  };
  const std::string sim = text("--link gen4x8 --warm");
  EXPECT_THAT(sim, testing::HasSubstr("on card sim, link gen4x8:"));
  EXPECT_THAT(sim, testing::HasSubstr("played once before"));
  EXPECT_THAT(sim, testing::HasSubstr(" card cycles simulated a second"));
  EXPECT_THAT(sim, testing::Not(testing::HasSubstr("Faults injected")));
  EXPECT_THAT(text("--card soft"), testing::HasSubstr("on card soft:"));
}

TEST(replay_on_a_link, counts_the_faults_it_injects) {
  const json out = json::parse(replay(
      "--card sim --fault late:any@20%+1us,dup:write@7x2,slverr:read@100000,start=0us,seed=2"));
  const json& faults = out.at("faults");
  EXPECT_GT(faults.at("late TLPs"), 10);
  EXPECT_EQ(faults.at("doubled TLPs"), 2);
  EXPECT_EQ(faults.at("lost TLPs"), 0);
  EXPECT_EQ(faults.at("card resets"), 0);
  // Also as they were asked for.
  EXPECT_EQ(faults.at("late:any@20%+1us"), faults.at("late TLPs"));
  EXPECT_EQ(faults.at("dup:write@7x2"), 2);
  EXPECT_EQ(faults.at("slverr:read@100000"), 0);
}

TEST(bench_lines, has_a_figure_for_each_kind) {
  cpu_set_t set;
  ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  const outcome o = exalloc("bench lines --rounds 3 --json - 2>/dev/null");
  if (CPU_COUNT(&set) < 2) {
    EXPECT_EQ(o.status, 2);
    return;
  }
  ASSERT_EQ(o.status, 0);
  EXPECT_EQ(json::parse(o.text).at("lines").size(), 4u);
}

}  // namespace
}  // namespace exalloc::sim
