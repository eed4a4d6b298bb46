// `exalloc bench host`: arguments, and what it prints and writes. Not how fast anything is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

namespace {

using testing::HasSubstr;

const std::set<std::string> names{"exalloc-zone",      "exalloc-zone-lockfree",
                                  "exalloc-zone-core", "exalloc-lookaside",
                                  "exalloc-pool",      "glibc",
                                  "jemalloc",          "mimalloc",
                                  "tcmalloc",          "boost-pool",
                                  "boost-lockfree",    "pmr",
                                  "dpdk-cached",       "dpdk-bulk",
                                  "spinlock",          "treiber",
                                  "private-list",      "empty"};

std::filesystem::path beside(const char* name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

struct outcome {
  int status;
  std::string text;
};

// Stderr is taken along with `2>&1` in the arguments.
outcome bench_host(const std::string& arguments) {
  std::ostringstream command;
  command << '\'' << beside("exalloc").string() << "' bench host " << arguments;
  std::FILE* const pipe = ::popen(command.str().c_str(), "r");
  outcome o{-1, {}};
  for (int c; (c = std::fgetc(pipe)) != EOF;) o.text += static_cast<char>(c);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) o.status = WEXITSTATUS(status);
  return o;
}

bool two_processors() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  return CPU_COUNT(&set) > 1;
}

// Builds with sanitizers have no measuring program.
class bench_host_run : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(beside("exalloc-bench-host"))) GTEST_SKIP();
  }
};

TEST(bench_host, bad_usage_is_status_2) {
  for (const char* arguments :
       {"--case z", "--allocator malloc", "--size 65", "--rounds 0", "--rounds x",
        "--milliseconds 0", "--fast", "--json /nowhere/x.json --case a --rounds 1"}) {
    EXPECT_EQ(bench_host(std::string(arguments) + " 2>/dev/null").status, 2) << arguments;
    EXPECT_NE(bench_host(std::string(arguments) + " 2>&1 >/dev/null").text, "") << arguments;
  }
}

TEST(bench_host, help_names_all_there_is) {
  const outcome o = bench_host("--help");
  EXPECT_EQ(o.status, 0);
  for (const std::string& name : names) EXPECT_THAT(o.text, HasSubstr(name));
  for (const char* words : {"--quick", "--json", "d_untouched", "Example"})
    EXPECT_THAT(o.text, HasSubstr(words));
}

TEST_F(bench_host_run, a_case_an_allocator_is_not_in_is_status_2) {
  EXPECT_EQ(bench_host("--rounds 1 --case d_touched --allocator private-list 2>/dev/null").status,
            2);
}

TEST_F(bench_host_run, every_allocator_is_measured_or_said_to_be_absent) {
  const std::string arguments = "--rounds 1 --milliseconds 0.1 --case a --size 64 --json -";
  const outcome o = bench_host(arguments + " 2>/dev/null");
  ASSERT_EQ(o.status, 0);
  const auto json = nlohmann::json::parse(o.text);
  std::set<std::string> measured;
  for (const auto& row : json.at("results")) {
    measured.insert(row.at("allocator"));
    EXPECT_EQ(row.at("case"), "a");
    EXPECT_EQ(row.at("size"), 64);
    EXPECT_EQ(row.at("rounds"), 1);
    EXPECT_GT(row.at("ns_per_pair"), 0) << row;
    EXPECT_GT(row.at("cpu_ns_per_pair"), 0) << row;
    for (const char* field : {"p50", "p99", "p999", "p9999", "max", "held_over_live"})
      EXPECT_TRUE(row.at(field).is_null()) << row;
    EXPECT_EQ(row.size(), 12u);
  }
  EXPECT_EQ(json.size(), 2u);
  const std::string table = bench_host(arguments + " 2>&1 >/dev/null").text;
  for (const std::string& name : names)
    if (!measured.contains(name)) {
      EXPECT_THAT(table, HasSubstr("not measured: " + name + ": "));
    }
  EXPECT_THAT(table, HasSubstr("goals"));
}

TEST_F(bench_host_run, every_case_has_its_figures) {
  if (!two_processors()) GTEST_SKIP();
  const outcome o = bench_host(
      "--rounds 2 --milliseconds 1 --case a b64 b512 c d_touched d_untouched g --size 64 0 "
      "--allocator exalloc-zone-lockfree --json - 2>/dev/null");
  ASSERT_EQ(o.status, 0);
  const auto json = nlohmann::json::parse(o.text);
  EXPECT_EQ(json.at("core_to_core_ns").size(), 2u);
  EXPECT_EQ(json.at("results").size(), 14u);
  for (const auto& row : json.at("results")) {
    const std::string what = row.at("case");
    EXPECT_GT(row.at("ns_per_pair"), 0) << row;
    EXPECT_EQ(row.at("rounds"), 2);
    if (what == "b512" || what == "g" || what[0] == 'd') {
      EXPECT_LE(row.at("p50"), row.at("p99")) << row;
      EXPECT_LE(row.at("p9999"), row.at("max")) << row;
      EXPECT_GT(row.at("max"), 0) << row;
    } else {
      EXPECT_TRUE(row.at("p50").is_null()) << row;
    }
    // Every block that is free anywhere was found.
    if (what == "g") {
      EXPECT_EQ(row.at("held_over_live"), 1.0) << row;
    }
  }
}

}  // namespace
