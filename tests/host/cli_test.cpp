// The program `exalloc` as a user meets it: exit statuses and where its output goes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct outcome {
  int status;
  std::string out;
  std::string err;
};

class program : public testing::Test {
 protected:
  program()
      : folder_(std::filesystem::temp_directory_path() /
                ("exalloc-cli-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~program() override { std::filesystem::remove_all(folder_); }

  // The program lies beside the tests in the build folder. On the soft card, unless arguments say
  // otherwise: this is about the program, not about the card.
  outcome run(const std::string& arguments) {
    const auto exalloc = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "exalloc";
    const std::string out = folder_ / "out", err = folder_ / "err";
    const int status = std::system(("EXALLOC_CARD=soft LC_ALL=C '" + exalloc.string() + "' " +
                                    arguments + " >'" + out + "' 2>'" + err + "'")
                                       .c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
  }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static std::string data(const std::string& name) { return EXALLOC_TEST_DATA "/" + name; }

  std::filesystem::path folder_;
};

TEST_F(program, measures_a_card_in_wall_time) {
  const outcome o =
      run("bench card --card soft --threads 1 2 --stocks 64 --ms 4 --probes 10 --json -");
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, HasSubstr("wall time"));
  EXPECT_THAT(o.err, HasSubstr("caution: \"soft\" is no real card"));
  const auto told = nlohmann::json::parse(o.out);
  EXPECT_EQ(told.at("clock"), "wall");
  ASSERT_EQ(told.at("results").size(), 2U);
  const auto& r = told["results"][1];
  EXPECT_EQ(r.at("threads"), 2);
  EXPECT_EQ(r.at("bound_by"), "engine");
  EXPECT_NEAR(r.at("bound_blocks_per_s").get<double>(), 8.96e9, 1e7);  // 4 banks at 300 MHz
  EXPECT_GE(r.at("blocks_per_s"), 0);
  for (const char* const latency : {"miss_ns", "sync_ns", "register_read_ns"}) {
    EXPECT_GT(r.at(latency).at("p50"), 0) << latency;
    EXPECT_LE(r.at(latency).at("p50"), r.at(latency).at("max")) << latency;
  }
}

TEST_F(program, helps_with_an_example) {
  for (const char* arguments : {"--help", "replay --help"}) {
    const outcome o = run(arguments);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("exalloc replay"));
    EXPECT_THAT(o.out, HasSubstr("Example"));
  }
  EXPECT_THAT(run("--version").out, testing::MatchesRegex("exalloc [0-9.]+\n"));
}

TEST_F(program, bad_usage_is_status_2) {
  const std::string trace = data("sqlite.mtrace.xz");
  for (const std::string& arguments :
       {std::string(), std::string("replay"), std::string("fly"), "replay --fast " + trace,
        "replay --card gold " + trace, "replay --format xml " + trace, "replay --limit -3 " + trace,
        "replay --limit x " + trace, "replay --seed x " + trace,
        "replay --wave w.fst --card soft " + trace, "replay --card soft --link zero " + trace,
        "replay --link gen9 " + trace, "replay --timing late " + trace,
        "replay --timing open " + trace, "replay --timing open " + data("nginx-wrk.ftrace.txt.xz"),
        "replay --json /nowhere/x.json " + trace}) {
    const outcome o = run(arguments);
    EXPECT_EQ(o.status, 2) << arguments;
    EXPECT_THAT(o.err, testing::Not(IsEmpty())) << arguments;
    EXPECT_THAT(o.out, IsEmpty()) << arguments;
  }
}

TEST_F(program, a_mistake_is_named_with_where_help_is) {
  for (const auto& [arguments, told] : std::vector<std::pair<std::string, std::string>>{
           {"", "which command? Known are replay, bench"},
           {"fly", "there is no command \"fly\"; known are replay"},
           {"--fast", "there is no option --fast ('exalloc --help' tells more)"},
           {"bench", "which command? Known are host"},
           {"bench fly", "there is no command \"fly\""},
           {"replay", "TRACE is required ('exalloc replay --help' tells more)"},
           {"replay --fast", "there is no option --fast ('exalloc replay --help'"},
           {"replay a b", "\"b\" is one argument too many"},
           {"replay a --seed 18446744073709551616",
            "is no whole number from 0 to 1844674407370955"},
           {"replay a --fault ''", "--fault: no fault is named, as in lost:completion@1% ("},
           {"replay a --limit -3", "--limit: \"-3\" is no whole number"},
           {"replay a --zone-blocks 65537", "is no whole number from 1 to 65536"},
           {"pool x1", "PID: \"x1\" is no whole number"},
           {"bench mix x", "\"x\" is one argument too many ('exalloc bench mix --help'"}}) {
    const outcome o = run(arguments);
    EXPECT_EQ(o.status, 2) << arguments;
    EXPECT_THAT(o.err, testing::StartsWith("exalloc: error: ")) << arguments;
    EXPECT_THAT(o.err, HasSubstr(told)) << arguments;
  }
}

TEST_F(program, bad_input_is_status_2) {
  for (const char* name : {"empty.txt", "binary.txt", "truncated.ftrace.txt", "no-such-file", ""}) {
    const outcome o = run("replay '" + data(name) + "'");
    EXPECT_EQ(o.status, 2) << name;
    EXPECT_THAT(o.err, HasSubstr("exalloc: error: " + data(name))) << name;
  }
}

TEST_F(program, an_mtrace_has_no_times) {
  const outcome o = run("replay --timing open " + data("sqlite.mtrace.xz"));
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("mtrace does not tell when the calls were made"));
  EXPECT_THAT(o.err, HasSubstr("--timing closed"));
}

TEST_F(program, malformed_lines_are_skipped_or_refused) {
  const outcome skipped = run("replay " + data("malformed.ftrace.txt"));
  EXPECT_EQ(skipped.status, 0) << skipped.err;
  EXPECT_THAT(skipped.err, HasSubstr("line 4 is malformed"));
  EXPECT_THAT(skipped.out, HasSubstr("malformed lines"));
  const outcome refused = run("replay --strict " + data("malformed.ftrace.txt"));
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("line 4 is malformed"));
}

TEST_F(program, a_trace_without_one_good_allocation_is_no_success) {
  const std::string trace = folder_ / "t.txt";
  std::ofstream(trace) << "a-1 [000] ..... 1.5: kfree: call_site=f ptr=0x8\n"
                          "a-1 [000] ..... 1.5: kmalloc: call_site=f ptr=0x8\n";
  const outcome o = run("replay '" + trace + "'");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("no allocation could be read, and 1 lines are malformed"));
}

TEST_F(program, json_goes_to_a_file_or_to_stdout) {
  const std::string trace = data("sqlite.mtrace.xz");
  const outcome to_stdout = run("replay --limit 1000 --json - " + trace);
  EXPECT_EQ(to_stdout.status, 0) << to_stdout.err;
  EXPECT_EQ(nlohmann::json::parse(to_stdout.out)["format"], "mtrace");
  EXPECT_THAT(to_stdout.err, HasSubstr("Totals"));
  const std::string file = folder_ / "r.json";
  const outcome to_file = run("replay --limit 1000 --json '" + file + "' " + trace);
  EXPECT_EQ(to_file.status, 0) << to_file.err;
  EXPECT_THAT(to_file.out, HasSubstr("Totals"));
  EXPECT_EQ(read(file), to_stdout.out);
}

TEST_F(program, no_output_overwrites_the_trace) {
  const std::string copy = folder_ / "t.xz";
  std::filesystem::copy_file(data("sqlite.mtrace.xz"), copy);
  EXPECT_EQ(run("replay " + copy + " --json " + copy).status, 2);
  EXPECT_EQ(run("replay " + copy + " --card sim --wave " + copy).status, 2);
  EXPECT_EQ(std::filesystem::file_size(copy), std::filesystem::file_size(data("sqlite.mtrace.xz")));
}

TEST_F(program, a_failed_run_leaves_no_json_file) {
  const std::string file = folder_ / "r.json";
  EXPECT_EQ(run("replay --json '" + file + "' " + data("empty.txt")).status, 2);
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
